"""Loops that close the difference between wanted and seen, one file per noun."""
