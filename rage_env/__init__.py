"""The world: users live week by week under offers. It does not know that anybody learns."""
