"""The engine, open on a directory: what the protocol's side holds of this room.

`receive` takes bytes in, `commit` makes them objects, `reader` finds and reads them. Several
processes may have the same directory open. Invariants:
1. What a commit's future returned is on the disk, and every read after it sees it.
2. An object's bytes are on the disk before the index says that the object exists.
3. Stored bytes never change; they are given out only after they were found to be what was stored.
4. A file is removed only after the index has said, on the disk, that nobody refers to it.
Not its business: buckets' settings, permissions, the protocol.
"""

import sqlite3
import threading
from collections.abc import Sequence
from concurrent import futures
from pathlib import Path
from typing import TypeVar

from mallee.kit import clock as clocks
from mallee.kit import files, logs
from mallee.walrus import check, contents, copies, garbage, index, places, scrub
from mallee.walrus.committer import Committer, Work
from mallee.walrus.contents import Means, Receiver
from mallee.walrus.disk import Disk
from mallee.walrus.errors import BrokenIndex, Closed, NoSpace
from mallee.walrus.reader import Reader
from mallee.walrus.records import Content
from mallee.walrus.seam import Loser, Report
from mallee.walrus.terms import OPEN, Term

T = TypeVar("T")

COMPACT_EVERY_S = 60.0
TIDY_EVERY_S = 30.0
LOOK_AT_ALL_EVERY = 60
"""Of so many compactions, one looks at all packs: those of others that are gone, too."""

_log = logs.get(__name__)


class Engine:
    """One opening of the store's directory."""

    def __init__(
        self,
        root: Path,
        *,
        clock: clocks.Clock = clocks.SYSTEM,
        disk: Disk | None = None,
        term: Term | None = None,
    ) -> None:
        """Open or make it, and put right what a kill left unfinished. Raises `BrokenIndex`.

        `term`: this machine's, of those that share the directory; raises `Fenced` when it is over.
        """
        self._clock = clock
        where = term.places() if term else places.Places(root)
        disk, fence = disk or Disk(), term or OPEN
        fence.check()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in where.directories():
            disk.make_directory(folder)
        copies.check_index_is_there(where, disk)
        connection = index.connect(where.index)
        try:
            writer = _begin(where, connection)
            # A number that only an index of the past knows could be given twice.
            fence.check()
            self._lock = places.Lock(where, writer)
            self._means = Means(where, disk, places.Names(writer), fence)
            garbage.sweep(self._means, connection, writer)
        finally:
            connection.close()
        self._is_closing = threading.Event()
        self._thinned = garbage.Thinned()
        self._committer = Committer(self._means, self._now_ms, self._thinned.add)
        self.reader = Reader(self._means)
        """Finds and reads; any thread may use it."""
        self._tidier = threading.Thread(target=self._keep_tidy, name="walrus-tidier", daemon=True)
        self._tidier.start()

    def receive(self) -> Receiver:
        """Return what takes the bytes of one content; used by one thread at a time."""
        return Receiver(self._means)

    def check_room(self, size: int) -> None:
        """Raise `NoSpace` when so many bytes would not leave the reserve."""
        contents.check_room(self._means, size)

    def commit(self, work: Work[T], given: Sequence[Content] = ()) -> "futures.Future[T]":
        """Run `work` in one transaction with these contents; the future says it is durable.

        What `work` raises undoes it and is raised by the future; so are `NoSpace`, `BrokenIndex`.
        `work` runs in another thread, once, and changes nothing but its transaction.
        """
        return self._committer.submit(work, given)

    def collect(self) -> None:
        """Give back the room of everything that is gone; blocks. Tools and tests call it."""
        connection = garbage.reader_connection(self._means)
        try:
            collector = garbage.Collector(self._means, self._committer, connection)
            collector.compact(None)
            collector.collect()
            collector.put_away()
        finally:
            connection.close()

    def scrub(self) -> tuple[Report, list[Loser]]:
        """Verify everything; blocks for as long as reading all of it takes. Raises `Closed`."""
        connection = garbage.reader_connection(self._means)
        try:
            is_closing = self._is_closing.is_set
            report = scrub.scrub(self._means, connection, self._committer, is_closing)
            return report, scrub.losers(connection, {damage.blob for damage in report.damages})
        finally:
            connection.close()

    def check(self, *, repairs: bool = False) -> check.Findings:
        """Compare index and files, and set right what can be; nothing else may be writing."""
        connection = garbage.reader_connection(self._means)
        try:
            findings = check.check(self._means, connection)
            if repairs and not findings.index:
                check.repair(self._means, self._committer, findings)
                index.give_back(self._means.places.index)
            return findings
        finally:
            connection.close()

    def close(self) -> None:
        """Finish what is queued and let go of the directory. Doing it twice is doing it once."""
        if self._is_closing.is_set():
            return
        self._is_closing.set()
        self._thinned.wake()
        self._tidier.join()
        self._committer.close()
        self.reader.close()
        self._lock.release()

    def _keep_tidy(self) -> None:
        """Collect what is let go of, compact now and then, and keep the index's log short."""
        connection = garbage.reader_connection(self._means)
        collector = garbage.Collector(self._means, self._committer, connection, self._pause)
        compacts_at = self._clock.monotonic() + COMPACT_EVERY_S
        thin: set[int] = set()
        rounds = 0
        while not self._is_closing.is_set():
            try:
                collector.collect()
                index.shorten_log(connection, self._means.places.index)
                if self._clock.monotonic() >= compacts_at:
                    collector.compact(thin if rounds % LOOK_AT_ALL_EVERY else None)
                    collector.put_away()
                    compacts_at = self._clock.monotonic() + COMPACT_EVERY_S
                    copies.copy_index(self._means, self._clock.now())
                    rounds += 1
                    thin.clear()
            except (NoSpace, OSError, sqlite3.DatabaseError, BrokenIndex, Closed) as error:
                _log.error("garbage cannot be collected", error=str(error))
            thin |= self._thinned.wait(TIDY_EVERY_S)
        connection.close()

    def _pause(self, seconds: float) -> bool:
        """Wait; tell whether the engine is being closed."""
        return self._is_closing.wait(seconds)

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)


def _begin(where: places.Places, connection: sqlite3.Connection) -> int:
    """Return a writer's number that was never given before, by an index that is gone either."""
    connection.execute("BEGIN IMMEDIATE")
    [last] = connection.execute("SELECT coalesce(max(id), 0) FROM writer").fetchone()
    number = max(last, _last_writer(where)) + 1
    connection.execute("INSERT INTO writer (id) VALUES (?)", (number,))
    connection.execute("DELETE FROM writer WHERE id < ?", (number,))
    files.write_atomically(where.last_writer, str(number).encode())
    connection.execute("COMMIT")
    return number


def _last_writer(where: places.Places) -> int:
    try:
        return int(where.last_writer.read_bytes())
    except (FileNotFoundError, ValueError):
        return 0
