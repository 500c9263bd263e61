"""The agent of a host, the only room with root: makes what is wanted, reports what is seen."""
