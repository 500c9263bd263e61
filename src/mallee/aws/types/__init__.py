"""Requests and results as TypedDicts, written by `tools/generate_types.py`."""
