"""Instances of all accounts: entered, planned, explained, traced."""
