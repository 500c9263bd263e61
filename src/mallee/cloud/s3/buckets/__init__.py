"""Buckets, and what is set for a whole one."""
