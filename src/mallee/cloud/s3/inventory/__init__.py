"""Lists of buckets' objects, made from time to time."""
