"""Somebody else's experiment under our monitors: a file of weeks, or JSON lines as they come."""
