"""What is expected of each arm, and how surely."""
