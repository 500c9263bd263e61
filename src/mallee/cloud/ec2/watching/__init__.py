"""Watching networks: flow logs, and copies of packets."""
