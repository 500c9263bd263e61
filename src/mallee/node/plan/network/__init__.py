"""Plans of a host's network, as values and texts."""
