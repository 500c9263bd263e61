"""Whether anybody has committed since we last asked: a look of a few microseconds, without a lock.

A process that only seldom writes hears of others' commits by polling, up to a quarter of a second
late. Where that is too late (a key that was just deleted), it asks here first. SQLite tells by
`data_version`, which also moves with commits of our own process: then once is asked for nothing.
PostgreSQL announces commits, and no later than that: what a client was answered by another front
end it may ask of this one at once. So there is always something to be asked for there, which costs
a look at one row, and one look serves all that wait for one.
"""

import sqlite3


class Freshness:
    """A connection that reads nothing. Used by one thread: that of the view."""

    def __init__(self, path: str | None) -> None:
        """`path`: of the database's file; None: it is none."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._asked = 0

    def read(self) -> int:
        """Return a number that is another one whenever somebody has committed meanwhile."""
        if self._path is None:
            self._asked += 1
            return self._asked
        if self._connection is None:
            self._connection = sqlite3.connect(
                f"file:{self._path}?mode=ro", uri=True, check_same_thread=False
            )
        [version] = self._connection.execute("PRAGMA data_version").fetchone()
        return version

    def close(self) -> None:
        """Let the file go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
