"""Encryption of what S3 stores, and the keys for it."""
