"""Mallee: a private cloud that speaks the AWS APIs and runs real virtual machines."""

VERSION = "0.1.0"
