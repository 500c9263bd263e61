"""What an agent takes from its cloud, and what it refuses."""
