"""EC2 Instance Connect: SSH keys for a minute, and ways to instances without public addresses."""
