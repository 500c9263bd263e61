"""Plans of disks and caches."""
