"""Network interfaces, their addresses and names."""
