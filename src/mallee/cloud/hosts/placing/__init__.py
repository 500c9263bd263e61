"""Which host gets what, and the room that is claimed there."""
