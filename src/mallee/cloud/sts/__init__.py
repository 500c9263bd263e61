"""STS actions: who am I."""
