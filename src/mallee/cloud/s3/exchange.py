"""What handlers of S3 are given and give back: bytes come and go as streams, all else as values.

A row whose work is `action.Serve` has a handler `async def put(call: ObjectCall, asked) ->
Answer`. It starts when the caller is allowed, before a byte of the body was read. Rows that only
look at or change buckets' settings are `Read` and `Write` as everywhere. Made by `pipeline`.
Not its business: sockets (`server`), what is in a request (`aws.codec`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from mallee.cloud import http
from mallee.cloud.call import Call, Result
from mallee.cloud.s3.objects import sight
from mallee.cloud.state import store
from mallee.kit import secretbox
from mallee.walrus.records import Part
from mallee.walrus.seam import Engine

T = TypeVar("T")


class Sink(Protocol):
    """Takes bytes in order: the engine's `Receiver`, or what changes bytes on their way to it."""

    def write(self, data: bytes | memoryview) -> None:
        """Take some bytes; called in a thread, one at a time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A body that came whole, and is what its sender said that it is."""

    size: int
    """Bytes of the object, without the chunks' heads."""
    md5: bytes
    checksums: Mapping[str, bytes]
    """By AWS's names (`CRC32`, `CRC32C`, `CRC64NVME`, `SHA1`, `SHA256`): those that were wanted,
    and those that the sender gave, in a header or behind the body."""
    given: frozenset[str] = frozenset()
    """Those among them that the sender gave."""


class Body(Protocol):
    """The bytes of a request's object, decoded, checked while they come in."""

    @property
    def size(self) -> int | None:
        """How many there will be, as far as the sender said so."""
        ...

    async def take(self, sink: Sink, checksums: Iterable[str] = ()) -> Taken:
        """Bring all bytes to the sink, in threads and within bounds of memory.

        `checksums` are computed besides MD5 and those that the sender gave. Raises what S3 answers
        when they do not come whole (`IncompleteBody`, `RequestTimeout`) or are not what their
        signature, Content-MD5 or checksum says (`BadDigest`, `XAmzContentSHA256Mismatch`…), and
        whatever the sink raises. The sink's owner ends it in every case.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes of an object as they lie: verified a stretch at a time and sent by the kernel."""

    parts: Sequence[Part]
    start: int
    """Of the first byte in the object."""
    end: int

    @property
    def size(self) -> int:
        """How many bytes."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Made:
    """Bytes that are made while they are sent (decrypted ones), of a size known before."""

    pieces: AsyncIterator[bytes]
    size: int


Payload = bytes | Stored | Made


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a handler answers. Members of the result that the model places in headers go there."""

    result: Result = field(default_factory=dict[str, object])
    status: int = 0
    """0: the one that the model has (200, 204); ranges are 206, what is unchanged is 304."""
    payload: Payload | None = None
    """Goes where the model has a stream; for HEAD nothing of it is sent."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Those that the model does not know."""


class May(Protocol):
    """Tells whether the caller may do a further thing."""

    def __call__(self, permission: str, arn: str, version: str | None = None, /) -> bool:
        """Ask policies and lists about a permission (`s3:GetObject`) on a resource, by its ARN,
        and on which version of it, where one is meant."""
        ...


Asks = Mapping[str, object]
"""Members of a request to the key store."""


class UseKey(Protocol):
    """Has the key store do something for the caller."""

    def __call__(self, operation: str, asked: Asks, work: Callable[[], T], /) -> T:
        """Return what the work returns, once the caller may have it done; else raise what S3
        answers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCall(Call):
    """The call of a handler that deals with objects."""

    engine: Engine
    """Commits are futures (`asyncio.wrap_future`); reading blocks: `look`, `in_thread`."""
    store: store.Store
    """For changes of what is in the view, by `run`."""
    head: http.Request
    """The request without its body; path and headers as they were sent."""
    bucket: str
    """Empty where the operation has none."""
    key: bytes
    """Byte for byte as it was sent, percent-decoded once."""
    body: Body
    box: secretbox.SecretBox
    may: "May"
    """Asks about a further thing: each key of a DeleteObjects, the source of a copy."""
    sight: sight.Sight
    """What was decided on; where versions are looked up."""
    threads: futures.Executor
    use_key: "UseKey"
    """Has the key store do something for the caller (`kmskeys`)."""

    def look(self, find: Callable[[], T]) -> T:
        """Look for one thing in the index, at once: that is sooner done than a thread is woken.

        The index is in memory as a rule; where it is not, others wait for a few reads of the disk.
        """
        return find()

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run what blocks (a listing, bytes of objects) in one of a bounded number of threads."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)
