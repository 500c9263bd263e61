"""Volumes outlive instances: kept as wanted, in layers, encrypted, brought to the object store."""
