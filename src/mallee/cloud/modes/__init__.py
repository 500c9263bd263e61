"""The classic network modes: whose addresses are whose, what is refused, what hosts are told."""
