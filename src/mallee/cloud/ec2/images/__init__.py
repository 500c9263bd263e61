"""Images: what may be launched, and how it is made, shared and carried."""
