"""Connections and bytes: how requests to S3 come in and answers go out."""
