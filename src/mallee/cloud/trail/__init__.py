"""The trail: what every call was, who made it, and why it was allowed or refused."""
