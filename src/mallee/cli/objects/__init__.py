"""Buckets, files in and out of them, and who is told."""
