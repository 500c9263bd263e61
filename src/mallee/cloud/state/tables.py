"""The tables as SQLAlchemy Core knows them: for what is said on PostgreSQL alone, and for moves.

What every store says is in `statements`. The schema itself is made by `migrations/`; a test holds
these definitions against it.
"""

import sqlalchemy as sa

METADATA = sa.MetaData()

OBJECT = sa.Table(
    "object",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("rev", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("doc", sa.Text, nullable=False),
    sa.Column("seen", sa.Text),
)
"""The present state of every record. `version` is that of the document's type."""

CHANGE = sa.Table(
    "change",
    METADATA,
    sa.Column("rev", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("op", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("body", sa.Text),
    sa.Index("change_of_object", "kind", "id", "rev"),
)
"""The log. `batch` names the commit; `body` is the document, the observation, or the claim."""

CLAIM = sa.Table(
    "claim",
    METADATA,
    sa.Column("space", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
)

REVISION = sa.Table(
    "revision",
    METADATA,
    sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("rev", sa.BigInteger, nullable=False),
)
"""One row. Locking it is taking the writers' queue."""

LEASE = sa.Table(
    "lease",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)
"""Who does what only one of several processes shall do (`leases`). `until` is the database's time,
in seconds since the epoch."""

SIGNATURE = sa.Table(
    "signature",
    METADATA,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("used_at", sa.Float, nullable=False),
)
"""What was signed and used lately (`signatures`). `used_at` is the database's time, as above."""
