"""Signatures that were used lately, at whichever of several front ends.

They are not in the change log: each is forgotten within the hour.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "signature",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("used_at", sa.Float, nullable=False),
    )
