"""Touches libvirt and running guests."""
