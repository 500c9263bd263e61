"""What a connection holds of a body that comes faster than it is read."""

import sys
from typing import cast

from mallee.cloud.s3.serving import connections, framing

MANY = 100_000
HELD_MAX = 4
"""Bytes of memory for each byte of a body that waits."""


class Paused:
    """A connection as far as a body asks for one."""

    def pause(self) -> None:
        """Nobody sends."""

    def resume(self) -> None:
        """Nobody sends."""


def held(pieces: object) -> int:
    """The memory of pieces that wait."""
    return sys.getsizeof(pieces) + sum(map(sys.getsizeof, cast("list[bytes]", pieces)))


async def test_small_chunks_take_no_more_room_than_large_ones() -> None:
    lines = b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = connections.Body(
        cast(connections.Connection, Paused()), framing.parse(lines, "127.0.0.1")
    )
    sent = b"2\r\nab\r\n" * MANY
    for start in range(0, len(sent), 64 << 10):
        assert body.feed(sent[start : start + (64 << 10)]) == b""
    waiting = [await body.read()]
    body.feed(b"0\r\n\r\n")
    while piece := await body.read():
        waiting.append(piece)
    assert b"".join(waiting) == b"ab" * MANY
    assert held(waiting) < HELD_MAX * 2 * MANY
