"""What leads out of a subnet."""
