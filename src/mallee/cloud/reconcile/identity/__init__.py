"""Accounts, keys, mails, and what ends by itself."""
