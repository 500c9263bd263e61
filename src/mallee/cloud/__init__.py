"""The unprivileged process that answers the APIs, remembers, and decides."""
