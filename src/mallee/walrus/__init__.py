"""Walrus: the engine that keeps objects, and never loses one that it has acknowledged."""
