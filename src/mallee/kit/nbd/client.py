"""A client of NBD servers: reads a disk, and asks what of it is where.

It speaks to `qemu-storage-daemon` and `qemu-nbd` over a unix socket. One request at a time; all
calls block. Reading only: nothing here writes to a disk.
"""

import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from mallee.kit.nbd import wire

READ_MAX_BYTES = wire.PAYLOAD_MAX_BYTES
_STATUS_MAX_BYTES = 1 << 30
"""Asked about at once: the protocol's number ends below 4 GiB."""


class Refused(Exception):
    """The server answered with an error, or not as the protocol has it; the message says what."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A stretch of a disk of which a context says one thing."""

    offset: int
    length: int
    flags: int


class Client:
    """A connection to one export. Use it with `with`, in one thread at a time."""

    def __init__(self, path: Path, export: str, contexts: tuple[str, ...] = ()) -> None:
        """Connect and negotiate. Raises `Refused` and `OSError`.

        `contexts` are those that `extents` will be asked of; the server must know each.
        """
        self._socket = socket.socket(socket.AF_UNIX)
        self._cookie = 0
        self._contexts: dict[str, int] = {}
        self.size_bytes = 0
        with contextlib.ExitStack() as undo:
            undo.callback(self._socket.close)
            self._socket.connect(str(path))
            self._negotiate(export, contexts)
            undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say good-bye, if the server still listens, and close."""
        try:
            self._request(wire.Command.DISC, 0, 0)
        except OSError:
            # The server has gone first, and there is nothing to tell it any more.
            return
        finally:
            self._socket.close()

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes of a stretch of at most `READ_MAX_BYTES` within the disk."""
        if not 0 <= offset <= offset + length <= self.size_bytes or length > READ_MAX_BYTES:
            raise ValueError(f"{length} bytes at {offset} of {self.size_bytes}")
        if length == 0:
            return b""
        data = bytearray(length)
        for kind, payload in self._chunks(wire.Command.READ, offset, length):
            if kind == wire.Chunk.OFFSET_DATA and len(payload) >= wire.OFFSET.size:
                (place,) = wire.OFFSET.unpack_from(payload)
                start, piece = place - offset, payload[wire.OFFSET.size :]
                if start < 0 or start + len(piece) > length:
                    raise Refused("the server sent bytes that were not asked for")
                data[start : start + len(piece)] = piece
        return bytes(data)

    def extents(self, context: str) -> Iterator[Extent]:
        """Yield what a context says of the whole disk, in order, without gaps."""
        offset = 0
        while offset < self.size_bytes:
            length = min(self.size_bytes - offset, _STATUS_MAX_BYTES)
            before = offset
            for extent in self._status(context, offset, length):
                yield extent
                offset = extent.offset + extent.length
            if offset == before:
                raise Refused(f"the server says nothing of {context} at {offset}")

    def _status(self, context: str, offset: int, length: int) -> Iterator[Extent]:
        wanted = self._contexts[context]
        for kind, payload in self._chunks(wire.Command.BLOCK_STATUS, offset, length):
            if kind != wire.Chunk.BLOCK_STATUS:
                continue
            (context_id,) = wire.NUMBER.unpack_from(payload)
            if context_id != wanted:
                continue
            place = offset
            for extent_length, flags in wire.DESCRIPTOR.iter_unpack(payload[4:]):
                # The last one may reach beyond what was asked, and an empty one leads nowhere.
                extent_length = min(extent_length, self.size_bytes - place)
                if extent_length == 0:
                    raise Refused("the server sent an extent of no length")
                yield Extent(place, extent_length, flags)
                place += extent_length

    def _chunks(self, command: int, offset: int, length: int) -> list[tuple[int, bytes]]:
        """Send a request and return the pieces of its answer."""
        self._request(command, offset, length)
        found: list[tuple[int, bytes]] = []
        while True:
            magic, flags, kind, cookie, size = wire.CHUNK.unpack(self._take(wire.CHUNK.size))
            if magic != wire.STRUCTURED_REPLY_MAGIC or cookie != self._cookie:
                raise Refused("the server's answer is to nothing that was asked")
            if size > length + (1 << 20):
                raise Refused(f"the server wants to send {size} bytes")
            payload = self._take(size)
            if kind & 0x8000:
                number = wire.NUMBER.unpack_from(payload)[0] if size >= 4 else 0
                raise Refused(f"the server refused {length} bytes at {offset}: error {number}")
            found.append((kind, payload))
            if flags & wire.CHUNK_DONE:
                return found

    def _request(self, command: int, offset: int, length: int) -> None:
        self._cookie += 1
        head = (wire.REQUEST_MAGIC, 0, command, self._cookie, offset, length)
        self._socket.sendall(wire.REQUEST.pack(*head))

    def _negotiate(self, export: str, contexts: tuple[str, ...]) -> None:
        magic, option_magic, flags = wire.GREETING.unpack(self._take(wire.GREETING.size))
        if (magic, option_magic) != (wire.MAGIC, wire.OPTION_MAGIC):
            raise Refused("this is no NBD server of today's kind")
        self._socket.sendall(wire.NUMBER.pack(flags & 3))
        self._option(wire.Option.STRUCTURED_REPLY, b"")
        if contexts:
            self._set_contexts(export, contexts)
        name = export.encode()
        asked = wire.NUMBER.pack(len(name)) + name + struct.pack(">H", 0)
        for kind, payload in self._option(wire.Option.GO, asked):
            if kind == wire.Reply.INFO and len(payload) == wire.INFO_EXPORT.size:
                _, self.size_bytes, _ = wire.INFO_EXPORT.unpack(payload)

    def _set_contexts(self, export: str, contexts: tuple[str, ...]) -> None:
        name = export.encode()
        asked = wire.NUMBER.pack(len(name)) + name + wire.NUMBER.pack(len(contexts))
        for context in contexts:
            asked += wire.NUMBER.pack(len(context)) + context.encode()
        for kind, payload in self._option(wire.Option.SET_META_CONTEXT, asked):
            if kind == wire.Reply.META_CONTEXT:
                self._contexts[payload[4:].decode()] = wire.NUMBER.unpack_from(payload)[0]
        if missing := [context for context in contexts if context not in self._contexts]:
            raise Refused(f"the server does not know {', '.join(missing)}")

    def _option(self, option: int, data: bytes) -> list[tuple[int, bytes]]:
        """Send an option and return the answers to it but the last, which is `ACK`."""
        self._socket.sendall(wire.OPTION.pack(wire.OPTION_MAGIC, option, len(data)) + data)
        found: list[tuple[int, bytes]] = []
        while True:
            head = wire.OPTION_REPLY.unpack(self._take(wire.OPTION_REPLY.size))
            magic, answered, kind, size = head
            if (magic, answered) != (wire.OPTION_REPLY_MAGIC, option) or size > 1 << 16:
                raise Refused("the server's answer is to no option that was sent")
            payload = self._take(size)
            if kind < 0:
                words = payload.decode(errors="replace")
                raise Refused(f"the server refused option {option}: {words or kind}")
            if kind == wire.Reply.ACK:
                return found
            found.append((kind, payload))

    def _take(self, count: int) -> bytes:
        taken = bytearray(count)
        view = memoryview(taken)
        while view:
            received = self._socket.recv_into(view)
            if received == 0:
                raise Refused("the server hung up")
            view = view[received:]
        return bytes(taken)
