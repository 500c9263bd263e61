"""What happens in buckets, told to whom wants it."""
