"""The seam: what the protocol's side may ask of an engine, whichever it is.

`cloud.s3` knows this file, `records`, `pages`, `errors` and `crc`, and no other of this room; its
wiring alone opens an engine (`opening`). Every engine is held to `tests/walrus/contract`:
1. What a commit's future returned is durable, and every read after it sees it.
2. A commit is done whole or not at all, and alone: no other's comes between its looks and changes.
3. Bytes are given out only after they were found to be what was stored.
Not its business: buckets' settings, permissions, the protocol.
"""

from collections.abc import Callable, Generator, Sequence
from concurrent import futures
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mallee.walrus.pages import Page, Question, UploadPage, VersionPage
from mallee.walrus.records import (
    Blob,
    Content,
    Note,
    Part,
    Queue,
    Upload,
    UploadPart,
    Usage,
    Version,
)

T = TypeVar("T")

SMALL_MAX = 128 << 10
"""Bytes up to which a content is small: it costs no write of its own."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A blob that cannot be trusted, and why."""

    blob: int
    why: str


@dataclass(frozen=True, slots=True)
class Loser:
    """A version whose bytes are damaged."""

    bucket: int
    key: bytes
    version: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a scrub found."""

    blobs: int
    bytes: int
    damages: tuple[Damage, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an open file, found to be what was stored. The descriptor is the engine's."""

    descriptor: int
    start: int
    """In the file, from where the kernel may send it."""
    end: int


class Receiver(Protocol):
    """Takes the bytes of one content in order. Call `finish` or `abandon` in the end."""

    @property
    def size(self) -> int:
        """Bytes taken so far."""
        ...

    def write(self, data: bytes | memoryview) -> None:
        """Take some bytes, which must not change any more. Raises `NoSpace`."""
        ...

    def finish(self) -> Content:
        """Return the content, durable if it is large. Raises `NoSpace`."""
        ...

    def abandon(self) -> None:
        """Forget everything; after `finish`: nothing."""
        ...


class Looks(Protocol):
    """Looks at what is there now."""

    def current(self, bucket: int, key: bytes) -> Version | None:
        """Return the newest version of a key, which may be a marker."""
        ...

    def version(self, bucket: int, key: bytes, id: str) -> Version | None:
        """Return one version of a key."""
        ...

    def usage(self, bucket: int) -> Usage:
        """Return what a bucket holds."""
        ...

    def usage_of(self, account: str, maker: str | None = None) -> Usage:
        """Return what all buckets of an account hold, or those among them that somebody made."""
        ...

    def marked(self, bucket: int, name: str) -> bytes | None:
        """Return what was last marked under a name."""
        ...

    def upload(self, bucket: int, key: bytes, id: str) -> Upload | None:
        """Return an upload under way."""
        ...


class Tx(Looks, Protocol):
    """One transaction. Looks see what it has written."""

    now_ms: int

    def upload_parts(self, id: str) -> list[UploadPart]:
        """Return the parts of an upload that have arrived, by number."""
        ...

    def add(self, bucket: int, key: bytes, version: Version) -> Version | None:
        """Make a version the current one; return the version that it replaces for good, if any.

        A version with the id `null` replaces the one of the same id; every other is kept.
        Raises `BucketClosed`, and `Gone` when a blob that it refers to is not there any more.
        """
        ...

    def remove(self, bucket: int, key: bytes, id: str) -> Version | None:
        """Remove one version for good and return it; the newest that is left becomes current."""
        ...

    def describe(self, bucket: int, key: bytes, id: str, about: bytes) -> bool:
        """Replace what the protocol keeps with a version; tell whether it is there."""
        ...

    def begin_upload(self, bucket: int, upload: Upload) -> None:
        """Keep an upload. Raises `BucketClosed`."""
        ...

    def put_part(self, bucket: int, upload: str, part: UploadPart) -> None:
        """Keep a part, in the place of an earlier one of the same number."""
        ...

    def end_upload(self, bucket: int, key: bytes, id: str) -> None:
        """Forget an upload and its parts; what a version refers to meanwhile stays."""
        ...

    def close_bucket(self, bucket: int) -> bool:
        """Take nothing more into a bucket that holds nothing, and end its uploads, for good.

        Tells whether it is so; a bucket that holds something stays as it is.
        """
        ...

    def belong(self, bucket: int, account: str, maker: str) -> None:
        """Say whose a bucket is and who made it; saying it again changes nothing."""
        ...

    def mark(self, bucket: int, name: str, value: bytes) -> None:
        """Remember something of a bucket under a name, in the place of what was there."""
        ...

    def note(self, target: str, bucket: int, body: bytes, most: int) -> None:
        """Queue a note for a target, unless so many of the bucket wait: then count it as lost."""
        ...

    def settle_notes(self, target: str, through: int, *, are_told: bool) -> None:
        """Forget a target's notes up to an id; those that were not told are counted as lost."""
        ...

    def keep(self, blob: Blob) -> Part:
        """Take a blob in; whoever keeps it must refer to it in this transaction."""
        ...


class Reader(Looks, Protocol):
    """Finds and reads; any thread may use it."""

    def notes(self, target: str, limit: int) -> list[Note]:
        """Return the notes that have waited longest for a target."""
        ...

    def queues(self) -> list[Queue]:
        """Return how many notes wait for whom, and how many were lost."""
        ...

    def is_closed(self, bucket: int) -> bool:
        """Tell whether a bucket takes nothing any more."""
        ...

    def upload_parts(self, id: str, after: int = 0, limit: int = -1) -> list[UploadPart]:
        """Return parts of an upload by number, so many at most (-1: all)."""
        ...

    def list_objects(self, bucket: int, question: Question) -> Page[Version]:
        """Return a page of the bucket's current objects, without markers."""
        ...

    def list_versions(self, bucket: int, question: Question) -> VersionPage:
        """Return a page of all versions, those of a key from the newest to the oldest."""
        ...

    def list_uploads(self, bucket: int, question: Question) -> UploadPage:
        """Return a page of the uploads under way, those of a key by id."""
        ...

    def pieces(self, parts: Sequence[Part], start: int, end: int) -> Generator[Piece]:
        """Yield the bytes from `start` up to `end` of parts in a row, verified; blocks.

        Each piece holds until the next is asked for or the generator is closed. Raises `Gone` when
        a blob is not there any more: then the object has changed since it was looked up; and
        `Corrupt` before the first piece that is not right.
        """
        ...

    def read(self, parts: Sequence[Part], start: int, end: int) -> bytes:
        """Return few bytes, verified; blocks. Raises `Gone` and `Corrupt`."""
        ...

    def at_hand(self, parts: Sequence[Part], start: int, end: int) -> bytes | None:
        """Return few bytes that are in memory, verified; None: ask for `pieces` in a thread.

        Never waits for bytes. Raises `Gone` and `Corrupt`.
        """
        ...


Work = Callable[[Tx, Sequence[Blob]], T]
"""What a commit does: with its contents' blobs, of which it keeps those it refers to."""


class Engine(Protocol):
    """Keeps objects, and never loses one that it has acknowledged."""

    @property
    def reader(self) -> Reader:
        """Finds and reads."""
        ...

    def receive(self) -> Receiver:
        """Return what takes the bytes of one content; used by one thread at a time."""
        ...

    def check_room(self, size: int) -> None:
        """Raise `NoSpace` when so many bytes do not fit."""
        ...

    def commit(self, work: Work[T], given: Sequence[Content] = ()) -> "futures.Future[T]":
        """Run `work` in one transaction with these contents; the future says it is durable.

        What `work` raises undoes it and is raised by the future; so are `NoSpace`, `BrokenIndex`.
        `work` runs in another thread, once, and changes nothing but its transaction. In every case
        the contents are the engine's from now on. Raises `Closed`.
        """
        ...

    def scrub(self) -> tuple[Report, list[Loser]]:
        """Verify everything; blocks for as long as reading all of it takes.

        Raises `Closed`, and `Unreachable` when bytes lie elsewhere and that is away.
        """
        ...

    def close(self) -> None:
        """Finish what is queued and let go. Doing it twice is doing it once."""
        ...
