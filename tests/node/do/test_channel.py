"""The door for other hosts: nobody keeps others out of it."""

import errno
import select
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.kit import pki
from mallee.model.layout import Layout
from mallee.node.do import channel

HERE, OTHER = "host-0123456789abcdef0", "host-0123456789abcdef1"
LOCAL = "127.0.0.1"
WITHIN_S = 60.0


def certify(authority: pki.Authority, layout: Layout, host_id: str) -> None:
    layout.node_pki.mkdir(parents=True, exist_ok=True)
    request = pki.make_request(host_id)
    grant = pki.Grant(
        name=host_id, now=time.time(), life_s=pki.DAY_S, hosts=(host_id,), is_both=True
    )
    issued = pki.issue(authority, request.csr_pem, grant)
    layout.host_certificate.write_bytes(issued + request.key_pem)
    layout.host_authority.write_bytes(authority.certificate_pem)


@pytest.fixture
def other(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "other")


@pytest.fixture
def listener(tmp_path: Path, other: Layout) -> Iterator[channel.Listener]:
    authority, here = pki.create_authority("a cloud", time.time()), Layout(tmp_path / "here")
    certify(authority, here, HERE)
    certify(authority, other, OTHER)
    made = channel.Listener(here, 0, {})
    made.listen(is_wanted=True)
    yield made
    made.close()


def connect(listener: channel.Listener) -> socket.socket:
    return socket.create_connection((LOCAL, listener.port), WITHIN_S)


def test_whoever_holds_his_connections_keeps_nobody_else_out(
    listener: channel.Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "FROM_ONE", 1)
    monkeypatch.setattr(channel, "HELLO_S", WITHIN_S)
    with connect(listener) as held:
        with connect(listener) as refused:
            assert refused.recv(1) == b""
        elsewhere = socket.create_connection((LOCAL, listener.port), WITHIN_S, ("127.0.0.2", 0))
        with elsewhere:
            assert not select.select((elsewhere,), (), (), 1)[0]
        assert not select.select((held,), (), (), 0)[0]


def test_a_caller_who_could_not_be_answered_is_not_the_last_one(
    other: Layout, listener: channel.Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, failures = socket.socket.accept, [errno.ECONNABORTED, errno.EMFILE]

    def fail_at_first(listening: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise OSError(failures.pop(), "no file to spare")
        return accept(listening)

    monkeypatch.setattr(socket.socket, "accept", fail_at_first)
    port = listener.port
    connect(listener).close()
    for _ in range(3):
        hello = channel.Hello(what="nothing", id="x", move_id="x", word="x")
        with pytest.raises(channel.ChannelFailed, match="does not know"):
            channel.connect(other, channel.Place(HERE, LOCAL, port), hello)
    assert not failures


def test_a_hello_that_comes_too_slowly_is_no_hello(
    listener: channel.Listener, other: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(other.host_authority)
    context.load_cert_chain(other.host_certificate)
    monkeypatch.setattr(channel, "HELLO_S", 3.0)
    with context.wrap_socket(connect(listener), server_hostname=HERE) as slow:
        slow.sendall(struct.pack(">I", channel.MESSAGE_BYTES_MAX))
        assert is_cut(slow)


def is_cut(slow: ssl.SSLSocket) -> bool:
    """Tell whether who says a little now and then is cut off."""
    until = time.monotonic() + WITHIN_S
    try:
        while time.monotonic() < until:
            slow.sendall(b" ")
            if select.select((slow,), (), (), 0.2)[0] and not slow.recv(1):
                return True
    except OSError:
        return True
    return False
