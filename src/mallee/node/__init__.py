"""The agent of a host, the only room with root: it makes what is wanted and reports what it sees."""
