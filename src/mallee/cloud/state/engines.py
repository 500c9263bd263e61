"""What the store needs of an engine: the words that SQLite and PostgreSQL have in common.

`database` speaks through these to `sqlite` and `postgresql`, whichever the URL names. SQLite is
spoken to by Python's own driver, PostgreSQL through SQLAlchemy: a cloud on SQLite, as most are,
has neither SQLAlchemy nor Alembic in memory, and does with a fifth of the processor time.
Not its business: what is said (`statements`).
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

Row = Mapping[Any, Any]
NOTHING: Mapping[str, object] = {}


class Session(Protocol):
    """One connection, with one transaction at a time. Raises the engine's `failures`."""

    def begin(self, *, reads_only: bool = False) -> None:
        """Begin a transaction; one that writes is SQLite's only one from here on."""
        ...

    def is_begun(self) -> bool:
        """Tell whether a transaction is in progress."""
        ...

    def read(self, statement: str, values: Mapping[str, object] = NOTHING) -> Iterable[Row]:
        """Return rows, each with its columns by name."""
        ...

    def look(self, statement: str, values: Mapping[str, object] = NOTHING) -> Any:
        """Return the first column of the first row; None: there is no row."""
        ...

    def put(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Say it once for each row."""
        ...

    def change(self, statement: str, values: Mapping[str, object]) -> int:
        """Say it; return how many rows it changed."""
        ...

    def commit(self) -> None:
        """Make the transaction durable and end it. Raises `Unsettled` when the end is unheard."""
        ...

    def roll_back(self) -> None:
        """Forget the transaction and end it."""
        ...

    def drop(self) -> None:
        """Let the connection go, whatever state it is in."""
        ...


class Engine(Protocol):
    """One database."""

    announces: bool
    """Whether other processes' commits are announced, so that `listen` is worth a thread."""
    failures: tuple[type[Exception], ...]
    """What a session raises when the database cannot."""
    lock_rev: str
    """The statement that takes the writers' queue and tells the revision."""
    path: str | None
    """The file that it is, where it is one."""

    def open(self, *, is_snapshot: bool = False) -> Session:
        """Connect. A snapshot's transactions see one moment only."""
        ...

    def migrate(self) -> bool:
        """Bring the schema up to date, as the only process that does; raise `Unavailable`.

        False: SQLite's file is of an older version, or of a newer one (`schema`).
        """
        ...

    def is_passing(self, error: Exception) -> bool:
        """Tell whether the transaction that failed so may succeed when it is tried again."""
        ...

    def explain(self, error: Exception) -> str:
        """Return cause and cure in a sentence, without what was to be written."""
        ...

    def announce(self, session: Session, rev: int) -> None:
        """Tell other processes of the commit that follows."""
        ...

    def listen(self, poke: Callable[[], None], over: threading.Event) -> None:
        """Call `poke` when any process has committed, until `over` is set. Blocks."""
        ...
