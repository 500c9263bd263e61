"""Objects: written, read, copied, listed, locked, deleted."""
