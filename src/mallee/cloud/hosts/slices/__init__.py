"""What each host is told, part by part."""
