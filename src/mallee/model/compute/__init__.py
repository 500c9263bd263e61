"""Instances, and what they are launched by and stand on."""
