"""Alembic's entry: runs the steps on the connection that `schema.bring_up_to_date` passes.

The transaction is the caller's: it holds the lock under which only one process migrates.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], transaction_per_migration=False
)
context.run_migrations()
