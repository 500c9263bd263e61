"""Benchmarks: every promise of speed as a ratio within one run (see `README.md`)."""
