"""The host's side of leading guests to the world: by whose leave, and what ends it without one."""
