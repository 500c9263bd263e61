"""Which host leads guests to the world: who is chosen when, and who holds the right to it."""
