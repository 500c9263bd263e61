"""The blocks of snapshots in the object store: whose they are, who has a turn, what needs them."""
