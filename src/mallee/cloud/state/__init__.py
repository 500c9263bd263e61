"""The store: objects, changes and claims on SQLite or PostgreSQL, and their index in memory."""
