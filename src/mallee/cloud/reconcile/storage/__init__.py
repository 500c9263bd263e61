"""Volumes, snapshots, and what is made or deleted at times."""
