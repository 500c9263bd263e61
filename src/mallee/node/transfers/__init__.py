"""Disks that come into the cloud and go out of it, and bundles."""
