"""Objects, their change log, claims, and the revision.

Every row of `object` is a record's present state; `change` is only ever appended to; `claim` holds
what can have one owner; `revision` has one row, whose lock is the writers' queue.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the four tables."""
    op.create_table(
        "object",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("rev", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("doc", sa.Text, nullable=False),
        sa.Column("seen", sa.Text),
    )
    op.create_table(
        "change",
        sa.Column("rev", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("batch", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("op", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("body", sa.Text),
    )
    op.create_index("change_of_object", "change", ["kind", "id", "rev"])
    op.create_table(
        "claim",
        sa.Column("space", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
    revision_table = op.create_table(
        "revision",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rev", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(revision_table, [{"one": 1, "rev": 0}])
