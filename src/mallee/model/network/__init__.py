"""What a VPC and what leads out of it consist of, and the network modes."""
