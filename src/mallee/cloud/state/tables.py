"""The tables as SQLAlchemy Core knows them, and the statements of the store, built once.

The schema itself is made by `migrations/`; a test holds these definitions against it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    # The dialect that is not used costs memory that nobody need spend.
    from sqlalchemy.dialects import postgresql, sqlite

Into = Callable[[sa.Table], "postgresql.Insert | sqlite.Insert"]
"""A dialect's own statement that inserts, which can replace."""

SCHEMA_VERSION = "0003"
"""The newest step in `migrations/versions`."""

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

READ_REV = sa.select(REVISION.c.rev)
LOCK_REV = sa.select(REVISION.c.rev).with_for_update()
"""SQLite knows no FOR UPDATE and needs none: its writers begin IMMEDIATE."""

SET_REV = (
    sa.update(REVISION)
    .where(REVISION.c.rev == sa.bindparam("before"))
    .values(rev=sa.bindparam("after"))
)
READ_OBJECTS = sa.select(OBJECT)
READ_CLAIMS = sa.select(CLAIM)
READ_CHANGES = sa.select(CHANGE).where(CHANGE.c.rev > sa.bindparam("since")).order_by(CHANGE.c.rev)
READ_HISTORY = (
    sa.select(CHANGE)
    .where(CHANGE.c.kind == sa.bindparam("kind"), CHANGE.c.id == sa.bindparam("id"))
    .order_by(CHANGE.c.rev)
)
READ_BATCH = sa.select(CHANGE.c.batch).where(CHANGE.c.rev == sa.bindparam("rev"))
ADD_CHANGES = sa.insert(CHANGE)
DROP_OBJECT = sa.delete(OBJECT).where(
    OBJECT.c.kind == sa.bindparam("old_kind"), OBJECT.c.id == sa.bindparam("old_id")
)
DROP_CLAIM = sa.delete(CLAIM).where(
    CLAIM.c.space == sa.bindparam("old_space"), CLAIM.c.key == sa.bindparam("old_key")
)


def put_object(into: Into) -> sa.Insert:
    """The statement that inserts or replaces an object."""
    insert = into(OBJECT)
    return insert.on_conflict_do_update(
        index_elements=["kind", "id"],
        set_={name: insert.excluded[name] for name in ("account", "rev", "version", "doc", "seen")},
    )


def put_claim(into: Into) -> sa.Insert:
    """The statement that inserts or replaces a claim."""
    insert = into(CLAIM)
    return insert.on_conflict_do_update(
        index_elements=["space", "key"],
        set_={name: insert.excluded[name] for name in ("owner", "amount")},
    )
