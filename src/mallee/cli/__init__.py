"""The `mallee` command: an ordinary client of the public API, and local host verbs."""
