"""Accounts and people, what they may do and use."""
