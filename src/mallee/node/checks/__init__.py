"""What a host is looked at for, and what it sends to see how its network is."""
