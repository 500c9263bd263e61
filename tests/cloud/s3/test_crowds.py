"""Many connections, slow ones, and those that take or send more than they should."""

import contextlib
import os
import select
import time
from collections.abc import Iterator

import pytest

from mallee.cloud.s3.serving import connections, server
from mallee.kit import openfiles
from tests.cloud import journal
from tests.cloud.s3 import running
from tests.cloud.s3.running import RunningS3
from tests.cloud.s3.wire import Wire

SIZE = 60_000
UNREAD_MAX = 32 << 20
"""Of requests whose answers nobody reads: more than all sockets hold."""


@pytest.fixture(scope="module")
def served() -> Iterator[RunningS3]:
    with running.fresh() as cloud:
        cloud.s3().create_bucket(Bucket="bucket")
        cloud.s3().put_object(Bucket="bucket", Key="key", Body=os.urandom(SIZE))
        yield cloud


@pytest.fixture
def wire(served: RunningS3) -> Iterator[Wire]:
    """A connection that S3 has."""
    with Wire(served.port, served.admin) as connection:
        assert connection.ask("GET", "/bucket/key").status == 200
        yield connection


def test_requests_sent_ahead_are_answered_in_their_order(wire: Wire) -> None:
    for number in range(20):
        wire.ask("PUT", f"/bucket/ahead-{number}", str(number).encode())
    asked = [wire.head("GET", f"/bucket/ahead-{number}") for number in range(20)]
    wire.send(b"".join(asked))
    assert [wire.reply().body for _ in asked] == [str(number).encode() for number in range(20)]


def test_body_of_a_put_is_never_taken_for_a_request(wire: Wire) -> None:
    body = b"GET /bucket/key HTTP/1.1\r\nHost: h\r\n\r\n" * 3
    assert wire.ask("PUT", "/bucket/like-a-request", body).status == 200
    assert wire.ask("GET", "/bucket/like-a-request").body == body


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /bucket/key HTTP/1.1\r\nHost: h\r\nX: "])
def test_head_that_does_not_come_ends_the_connection(
    served: RunningS3, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "IDLE_TIMEOUT_S", 0.1)
    with Wire(served.port, served.admin) as wire:
        wire.send(wire.head("HEAD", "/bucket/key") + sent)
        assert wire.reply(has_body=False).status == 200
        assert wire.is_closed()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0\0\0\0",
        b"GET /bucket/key HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /bucket/key HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
        b"GET /bucket/key HTTP/3.0\r\nHost: x\r\n\r\n",
        b"PUT /bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ],
)
def test_garbage_is_refused_and_the_connection_ends(wire: Wire, garbage: bytes) -> None:
    wire.send(garbage)
    reply = wire.reply()
    assert (reply.status, reply.code) == (400, "BadRequest")
    assert wire.is_closed()


def test_who_reads_nothing_is_not_read_either(wire: Wire) -> None:
    request = wire.head("GET", "/bucket/key")
    wire.socket.setblocking(False)
    sent = 0
    while sent < UNREAD_MAX and select.select([], [wire.socket], [], 1)[1]:
        sent += wire.socket.send(request)
    assert sent < UNREAD_MAX
    wire.socket.settimeout(30)
    assert len(wire.reply().body) == SIZE


def test_one_peer_has_no_more_connections_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "OF_PEER", 3.5 / openfiles.limit())
    told = journal.of(monkeypatch, server)
    with running.fresh() as served, contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(served.port, served.admin)) for _ in range(3)]
        for one in wires:
            assert one.ask("GET", "/").status == 200
        with Wire(served.port, served.admin) as fourth:
            fourth.send(fourth.head("GET", "/"))
            assert fourth.is_closed()
        assert {line["event"] for line in told.lines} == {"too many connections"}
        wires[0].socket.close()
        deadline = time.monotonic() + 60
        while not _is_served(served):
            assert time.monotonic() < deadline


def _is_served(served: RunningS3) -> bool:
    with Wire(served.port, served.admin) as wire:
        wire.send(wire.head("GET", "/"))
        try:
            return wire.reply().status == 200
        except ConnectionResetError:
            return False
