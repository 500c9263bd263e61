"""Builders of guest images from Debian packages."""
