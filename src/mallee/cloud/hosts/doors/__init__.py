"""What the agents of hosts may ask, and how they are known."""
