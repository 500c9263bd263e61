"""VPC endpoints of EC2: their services, gateway and interface endpoints, and who sees them."""
