"""What the store says to its database: every statement once, as text, for both engines.

Parameters are written `:name`. The schema is made by `migrations/`; `MAKE` is what all its steps
together come to on SQLite, so that a new cloud need not load what makes steps (a test holds one
against the other).
"""

SCHEMA_VERSION = "0003"
"""The newest step in `migrations/versions`."""

READ_REV = "SELECT rev FROM revision"
LOCK_REV = "SELECT rev FROM revision FOR UPDATE"
"""On PostgreSQL. SQLite knows no FOR UPDATE and needs none: its writers begin IMMEDIATE."""
SET_REV = "UPDATE revision SET rev = :after WHERE rev = :before"

READ_OBJECTS = "SELECT kind, id, account, rev, version, doc, seen FROM object"
PUT_OBJECT = """
INSERT INTO object (kind, id, account, rev, version, doc, seen)
VALUES (:kind, :id, :account, :rev, :version, :doc, :seen)
ON CONFLICT (kind, id) DO UPDATE SET account = excluded.account, rev = excluded.rev,
version = excluded.version, doc = excluded.doc, seen = excluded.seen"""
DROP_OBJECT = "DELETE FROM object WHERE kind = :kind AND id = :id"

READ_CLAIMS = 'SELECT space, "key", owner, amount FROM claim'
PUT_CLAIM = """
INSERT INTO claim (space, "key", owner, amount) VALUES (:space, :key, :owner, :amount)
ON CONFLICT (space, "key") DO UPDATE SET owner = excluded.owner, amount = excluded.amount"""
DROP_CLAIM = 'DELETE FROM claim WHERE space = :space AND "key" = :key'

ADD_CHANGE = """
INSERT INTO change (rev, batch, at, op, kind, account, id, version, body)
VALUES (:rev, :batch, :at, :op, :kind, :account, :id, :version, :body)"""
_READ_CHANGE = "SELECT rev, batch, at, op, kind, account, id, version, body FROM change"
READ_CHANGES = f"{_READ_CHANGE} WHERE rev > :since ORDER BY rev"
READ_HISTORY = f"{_READ_CHANGE} WHERE kind = :kind AND id = :id ORDER BY rev DESC LIMIT :number"
READ_DOCUMENT_BEFORE = f"""{_READ_CHANGE} WHERE kind = :kind AND id = :id AND rev < :rev
AND op IN ('insert', 'write') ORDER BY rev DESC LIMIT 1"""
READ_OLDEST_CHANGES = "SELECT rev, at FROM change ORDER BY rev LIMIT :number"
DROP_CHANGES = "DELETE FROM change WHERE rev <= :last"
READ_BATCH = "SELECT batch FROM change WHERE rev = :rev"

READ_VERSION = "SELECT version_num FROM alembic_version"
MAKE = (
    """CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))""",
    """CREATE TABLE object (kind TEXT NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL,
    rev BIGINT NOT NULL, version INTEGER NOT NULL, doc TEXT NOT NULL, seen TEXT,
    PRIMARY KEY (kind, id))""",
    """CREATE TABLE change (rev BIGINT NOT NULL, batch TEXT NOT NULL, at FLOAT NOT NULL,
    op TEXT NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL, id TEXT NOT NULL,
    version INTEGER NOT NULL, body TEXT, PRIMARY KEY (rev))""",
    "CREATE INDEX change_of_object ON change (kind, id, rev)",
    """CREATE TABLE claim (space TEXT NOT NULL, "key" TEXT NOT NULL, owner TEXT NOT NULL,
    amount BIGINT NOT NULL, PRIMARY KEY (space, "key"))""",
    "CREATE TABLE revision (one INTEGER NOT NULL, rev BIGINT NOT NULL, PRIMARY KEY (one))",
    """CREATE TABLE lease (name TEXT NOT NULL, holder TEXT NOT NULL, until FLOAT NOT NULL,
    PRIMARY KEY (name))""",
    """CREATE TABLE signature (digest TEXT NOT NULL, used_at FLOAT NOT NULL,
    PRIMARY KEY (digest))""",
    "INSERT INTO revision (one, rev) VALUES (1, 0)",
    f"INSERT INTO alembic_version (version_num) VALUES ('{SCHEMA_VERSION}')",
)
