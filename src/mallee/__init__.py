"""Mallee: a private cloud that speaks the AWS APIs and runs real virtual machines."""
