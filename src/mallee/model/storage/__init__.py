"""Volumes, snapshots, buckets, and what of them goes from host to host."""
