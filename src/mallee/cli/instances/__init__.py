"""Instances: entered, explained, scheduled, traced."""
