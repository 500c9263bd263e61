"""Alembic's environment and the steps of the schema, run when a store is opened."""
