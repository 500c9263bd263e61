"""EC2 actions: one file per noun of the manual."""
