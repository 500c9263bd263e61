"""Address management: ranges that are planned, given out by rules, and looked after."""
