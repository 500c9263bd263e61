"""Instances: launched, described, changed, watched."""
