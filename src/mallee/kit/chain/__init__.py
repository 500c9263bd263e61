"""Chains: files to which lines are only ever added, and in which no other change stays unseen."""
