"""The network nouns of EC2: VPCs, and what is in them and leads out of them, a file per noun."""
