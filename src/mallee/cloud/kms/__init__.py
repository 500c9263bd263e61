"""The key store: AWS's KMS over the cloud's own store."""
