"""Elastic addresses, and where they come from."""
