"""Bodies of requests on their way in: unwrapped, checked and brought to a sink, a piece at a time.

Memory is bounded by what the connection buffers, one batch, and what `lanes` hold; hashing and
writing happen in threads, each beside the others, save for small bodies. Nothing is read, and a
waiting client not told to go on, before the handler asks. Made by the pipeline for handlers
(`exchange.Body`). Not its business: sockets (`server`), how chunks look (`signature.streaming`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from mallee.aws import checksums, errors
from mallee.aws.checksums import Algorithm
from mallee.cloud.s3.exchange import Sink, Taken
from mallee.cloud.s3.serving import lanes

BATCH_BYTES = 256 << 10
"""So much is gathered before a thread is asked; a body's rest is less."""
INLINE_BYTES_MAX = 32 << 10
"""A batch that is hashed sooner than a thread would be woken."""
OBJECT_BYTES_MAX = 5 << 30
"""S3 takes no larger body; larger objects come in parts."""

Data = bytes | memoryview
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Source(Protocol):
    """A body as it comes from the client."""

    async def proceed(self) -> None:
        """Tell a client that waits for it to send its body."""
        ...

    async def read(self) -> bytes:
        """Return what has come, at least a byte; nothing at the end.

        Raises `IncompleteBody` when the client is gone, `RequestTimeout` when it is too slow.
        """
        ...


class Unwrapper(Protocol):
    """Takes the wrapping of chunks off."""

    def feed(self, data: bytes) -> Sequence[Data]:
        """Take bytes as they came; return those of the object that they hold."""
        ...

    def finish(self) -> Mapping[str, str]:
        """Return the headers behind the body, by lower-case name; raise when it is not whole."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the head of a request says of its body."""

    size: int | None
    """Bytes of the object."""
    most: int | None = None
    """Bytes that it may have when nobody can say how many it has: a file in a form."""
    is_unmeasured: bool = False
    """Whether a body follows whose size was not said."""
    sha256: str = ""
    """In hexadecimal; empty: not said."""
    md5: bytes | None = None
    given: checksums.Given | None = None
    trailers: tuple[str, ...] = ()
    """Headers, in lower case, that follow the body."""
    unwrapper: Unwrapper | None = None


@dataclass(slots=True)
class _Hashes:
    """The hashes of one body."""

    said: Said
    wanted: Iterable[str]
    md5: checksums.Hasher = field(default_factory=lambda: checksums.new(Algorithm.MD5))
    by_algorithm: dict[Algorithm, checksums.Hasher] = field(
        default_factory=dict[Algorithm, checksums.Hasher]
    )

    def __post_init__(self) -> None:
        algorithms = {Algorithm(name) for name in self.wanted}
        algorithms |= {one for name in self.said.trailers if (one := checksums.of_header(name))}
        if self.said.given:
            algorithms.add(self.said.given.algorithm)
        if self.said.sha256:
            algorithms.add(Algorithm.SHA256)
        algorithms.discard(Algorithm.MD5)
        self.by_algorithm = {one: checksums.new(one) for one in algorithms}

    def updates(self) -> list[Callable[[Data], None]]:
        """Return what takes each piece."""
        return [self.md5.update, *(one.update for one in self.by_algorithm.values())]

    def digest(self, algorithm: Algorithm) -> bytes:
        """Return one of them."""
        hasher = self.md5 if algorithm is Algorithm.MD5 else self.by_algorithm[algorithm]
        return hasher.digest()


class ObjectBody:
    """The body of one request; it can be taken once."""

    __slots__ = ("_said", "_source", "_threads")

    def __init__(self, source: Source, said: Said, threads: futures.Executor) -> None:
        self._source = source
        self._said = said
        self._threads = threads

    @property
    def size(self) -> int | None:
        """How many bytes there will be, as far as the sender said so."""
        return self._said.size

    async def take(self, sink: Sink, checksums: Iterable[str] = ()) -> Taken:
        """Bring all bytes to the sink; raise when they are not what the sender said."""
        said = self._said
        if said.is_unmeasured:
            raise errors.s3.MissingContentLength
        if said.size is not None and said.size > OBJECT_BYTES_MAX:
            raise errors.s3.EntityTooLarge(size=said.size, most=OBJECT_BYTES_MAX)
        hashes = _Hashes(said, checksums)
        works = [sink.write, *hashes.updates()]
        if said.size is not None and said.size <= INLINE_BYTES_MAX:
            size = await self._take_here(works)
        else:
            size = await self._take_beside(works)
        trailers = said.unwrapper.finish() if said.unwrapper else _NOTHING
        if said.most is None and size != (said.size or 0):
            raise errors.s3.IncompleteBody
        return _checked(said, hashes, trailers, size)

    async def _take_here(self, works: Sequence[lanes.Work]) -> int:
        """Have few bytes taken: that is sooner done than a thread is woken."""
        size = 0
        async for batch in self._batches():
            pieces = await self._unwrap(batch)
            size = self._counted(size, pieces)
            for piece in pieces:
                for work in works:
                    work(piece)
        return size

    async def _take_beside(self, works: Sequence[lanes.Work]) -> int:
        """Have bytes taken by threads while more come."""
        beside = lanes.Lanes(works, self._threads)
        size = 0
        try:
            async for batch in self._batches():
                pieces = await self._unwrap(batch)
                before, size = size, self._counted(size, pieces)
                await beside.give(pieces, size - before)
            await beside.finish()
        finally:
            # The sink's owner closes it now: no thread may be writing then.
            await beside.abandon()
        return size

    def _counted(self, before: int, pieces: Sequence[Data]) -> int:
        """Return how many bytes have come with these; raise when they are too many."""
        size, said = before + sum(map(len, pieces)), self._said
        if size > ((said.size or 0) if said.most is None else said.most):
            raise _too_long(said, size)
        return size

    async def _batches(self) -> AsyncIterator[bytes]:
        await self._source.proceed()
        gathered: list[bytes] = []
        length = 0
        while data := await self._source.read():
            gathered.append(data)
            length += len(data)
            if length >= BATCH_BYTES:
                yield b"".join(gathered) if len(gathered) > 1 else data
                gathered, length = [], 0
        if gathered:
            yield b"".join(gathered)

    async def _unwrap(self, batch: bytes) -> Sequence[Data]:
        unwrapper = self._said.unwrapper
        if unwrapper is None:
            return (batch,)
        if len(batch) <= INLINE_BYTES_MAX:
            return unwrapper.feed(batch)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, unwrapper.feed, batch)


def _too_long(said: Said, size: int) -> errors.AwsError:
    if said.most is None:
        return errors.s3.IncompleteBody()
    return errors.s3.EntityTooLarge(size=size, most=said.most)


def _checked(said: Said, hashes: _Hashes, trailers: Mapping[str, str], size: int) -> Taken:
    """Return what came; raise unless it is what the sender said, before the body or behind it."""
    if said.sha256 and hashes.digest(Algorithm.SHA256).hex() != said.sha256:
        raise errors.s3.XAmzContentSHA256Mismatch
    md5 = hashes.md5.digest()
    if said.md5 is not None and md5 != said.md5:
        raise errors.s3.BadDigest("The Content-MD5 you specified did not match what we received.")
    given = [said.given] if said.given else []
    given += _given_behind(trailers)
    for one in given:
        if hashes.digest(one.algorithm) != one.digest:
            name = one.algorithm.value
            raise errors.s3.BadDigest(
                f"The {name} you specified did not match the calculated checksum."
            )
    return Taken(
        size=size,
        md5=md5,
        checksums={one.value: hasher.digest() for one, hasher in hashes.by_algorithm.items()},
        given=frozenset(one.algorithm.value for one in given),
    )


def _given_behind(trailers: Mapping[str, str]) -> list[checksums.Given]:
    try:
        found = checksums.in_headers(trailers)
    except ValueError as error:
        raise errors.s3.MalformedTrailerError from error
    return [found] if found else []


class Text:
    """A sink for a body that is read whole, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._data = bytearray()

    def write(self, data: Data) -> None:
        """Take some bytes; raise when they are too many."""
        if len(self._data) + len(data) > self.limit:
            raise errors.s3.MaxMessageLengthExceeded(most=self.limit)
        self._data += data

    @property
    def data(self) -> bytes:
        """All bytes."""
        return bytes(self._data)
