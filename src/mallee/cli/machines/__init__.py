"""The machines of a cloud: made, joined, set, looked at, labs of them."""
