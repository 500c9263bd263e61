"""The check: whether index and files agree, and what to do where they do not.

Counts every reference anew and compares: counts of references and usage, files that nobody refers
to, blobs whose file is gone. `repair` puts right what can be put right without loss: counts, and
files of nobody. Called by `engine`, and by tests after every kill. Not its business:
whether the bytes are right (`scrub`).
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from mallee.walrus import looks, places, scrub
from mallee.walrus.committer import Committer
from mallee.walrus.contents import Means
from mallee.walrus.records import Blob, Part
from mallee.walrus.seam import Loser
from mallee.walrus.tx import Tx

_parts = msgspec.msgpack.Decoder(tuple[Part, ...])


WRONGS_MAX = 20


@dataclass(frozen=True, slots=True)
class Findings:
    """Where index and files disagree; all empty when all is well."""

    index: tuple[str, ...] = ()
    """What is wrong with the index itself; then nothing else was looked at."""

    references: tuple[tuple[int, int, int], ...] = ()
    """Blob, references counted in the index, references found."""
    dangling: tuple[int, ...] = ()
    """Blobs that versions refer to and the index does not know."""
    missing: tuple[int, ...] = ()
    """Blobs whose file is gone."""
    usages: tuple[tuple[int, int, int, int, int], ...] = ()
    """Bucket, versions found, their bytes, parts of uploads found, their bytes, where the index
    says something else."""
    orphans: tuple[str, ...] = ()
    """Names of files that nobody refers to."""
    losers: tuple[Loser, ...] = ()
    """The versions that lose by what is dangling or missing."""

    def __bool__(self) -> bool:
        found = (self.index, self.references, self.dangling, self.missing, self.usages)
        return any((*found, self.orphans))


def check(means: Means, connection: sqlite3.Connection) -> Findings:
    """Compare. Nothing else may be writing, or what is under way is taken for wrong."""
    wrong = _wrong_in_index(connection)
    if wrong:
        return Findings(index=wrong)
    held = Counter(part.blob for part in _references(connection))
    known = {
        id: (refs, pack) for id, refs, pack in connection.execute("SELECT id, refs, pack FROM blob")
    }
    dangling = tuple(id for id in held if id not in known)
    missing = tuple(_missing(means, known))
    return Findings(
        references=tuple(
            (id, refs, held[id]) for id, (refs, _) in known.items() if refs != held[id]
        ),
        dangling=dangling,
        missing=missing,
        usages=tuple(_wrong_usages(connection)),
        orphans=tuple(_orphans(means, connection, known)),
        losers=tuple(scrub.losers(connection, {*dangling, *missing})),
    )


def _wrong_in_index(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return what SQLite finds wrong with its own pages, a few things at most."""
    try:
        found = connection.execute(f"PRAGMA integrity_check({WRONGS_MAX})").fetchall()
    except sqlite3.DatabaseError as error:
        return (str(error),)
    return tuple(line for (line,) in found if line != "ok")


def repair(means: Means, committer: Committer, findings: Findings) -> None:
    """Set counts right and remove files of nobody; what is missing stays known as missing."""

    def work(tx: Tx, _blobs: Sequence[Blob]) -> None:
        run = tx.connection.execute
        for id, _, found in findings.references:
            run("UPDATE blob SET refs = ? WHERE id = ?", (found, id))
        # Nobody else has the store open: what others wrote to, nobody writes to any more.
        run("UPDATE pack SET is_sealed = 1 WHERE id >> ? <> ?", (places.COUNTER_BITS, own))
        run("INSERT OR IGNORE INTO garbage SELECT id, 0 FROM blob WHERE refs = 0 AND pack = 0")
        run("DELETE FROM blob WHERE refs = 0")
        for found in findings.usages:
            run(
                f"INSERT INTO usage (bucket, {looks.USAGE}) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (bucket) DO UPDATE SET versions = excluded.versions, "
                "bytes = excluded.bytes, parts = excluded.parts, part_bytes = excluded.part_bytes",
                found,
            )

    own = places.writer_of(means.names.next())
    committer.submit(work).result()
    for name in findings.orphans:
        means.disk.unlink(means.places.root / name)


def _references(connection: sqlite3.Connection) -> Iterator[Part]:
    for table in ("object", "former", "upload_part"):
        for (encoded,) in connection.execute(f"SELECT parts FROM {table}"):
            yield from _parts.decode(encoded)


def _missing(means: Means, known: dict[int, tuple[int, int]]) -> Iterator[int]:
    packs = set(means.disk.ids(means.places.packs))
    files = set(means.disk.ids(means.places.files))
    for id, (_, pack) in known.items():
        is_there = pack in packs if pack else id in files
        if not is_there:
            yield id


def _wrong_usages(
    connection: sqlite3.Connection,
) -> Iterator[tuple[int, int, int, int, int]]:
    yield from connection.execute(
        "SELECT bucket, sum(versions), sum(bytes), sum(parts), sum(part_bytes) FROM ("
        "SELECT bucket, count(*) AS versions, sum(size) AS bytes, 0 AS parts, 0 AS part_bytes "
        "FROM object GROUP BY bucket "
        "UNION ALL SELECT bucket, count(*), sum(size), 0, 0 FROM former GROUP BY bucket "
        "UNION ALL SELECT bucket, 0, 0, count(*), sum(size) "
        "FROM upload JOIN upload_part ON upload = id GROUP BY bucket "
        "UNION ALL SELECT bucket, 0, 0, 0, 0 FROM usage) GROUP BY bucket "
        f"EXCEPT SELECT bucket, {looks.USAGE} FROM usage"
    )


def _orphans(
    means: Means, connection: sqlite3.Connection, known: dict[int, tuple[int, int]]
) -> Iterator[str]:
    packs = {id for (id,) in connection.execute("SELECT id FROM pack")}
    garbage = {id for (id,) in connection.execute("SELECT file FROM garbage")}
    where = means.places
    for id in means.disk.ids(where.packs):
        if id not in packs and id not in garbage:
            yield str(where.pack(id).relative_to(where.root))
    for id in means.disk.ids(where.files):
        if id not in known and id not in garbage:
            yield str(where.file(id).relative_to(where.root))
    for _, path in places.named(where.incoming):
        yield str(path.relative_to(where.root))
