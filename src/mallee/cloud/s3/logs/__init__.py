"""The access log of buckets: its lines, and their delivery."""
