"""Touches disks, layers, images and the object store."""
