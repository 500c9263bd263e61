"""Requests' heads from bytes, answers to bytes; garbage is refused."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.node.metadata import wire


def test_a_request_is_read() -> None:
    request = wire.decode_head(
        b"GET /latest/meta%2Ddata/?x=1 HTTP/1.1\r\nHost: h\r\nX-A:  b \r\nx-a: c\r\n\r\n"
    )
    assert request.method == "GET"
    assert request.path == "/latest/meta-data/"
    assert request.headers == {"host": "h", "x-a": "b,c"}
    assert request.keeps_alive
    assert request.body_bytes == 0


def test_a_proxy_style_target_means_its_path() -> None:
    assert wire.decode_head(b"GET http://169.254.169.254/a/b HTTP/1.1\r\n\r\n").path == "/a/b"


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", "", True),
        ("1.1", "close", False),
        ("1.1", "Close", False),
        ("1.0", "", False),
        ("1.0", "Keep-Alive", True),
    ],
)
def test_a_connection_is_kept_as_its_version_says(
    version: str, connection: str, kept: bool
) -> None:
    line = f"Connection: {connection}\r\n" if connection else ""
    request = wire.decode_head(f"GET / HTTP/{version}\r\n{line}\r\n".encode())
    assert request.keeps_alive is kept


@pytest.mark.parametrize(
    "head",
    [
        "GET /\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / x HTTP/1.1\r\n\r\n",
        "GET latest HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n: nameless\r\n\r\n",
        "GET / HTTP/1.1\r\na : b\r\n\r\n",
        "GET / HTTP/1.1\r\n folded: b\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "\x16\x03\x01\x02\r\n\r\n",
        "GET /\x1b[2J HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nUser-Agent: \x1b]0;title\x07\r\n\r\n",
        "GET / HTTP/1.1\r\na: b\nHost: smuggled\r\n\r\n",
        "GET / HTTP/1.1\r\na: b\rc\r\n\r\n",
    ],
)
def test_what_is_not_plainly_http_is_refused(head: str) -> None:
    with pytest.raises(wire.Malformed):
        wire.decode_head(head.encode("latin-1"))


@given(st.binary(max_size=300))
def test_no_garbage_breaks_the_reader(garbage: bytes) -> None:
    try:
        wire.decode_head(garbage + b"\r\n\r\n")
    except wire.Malformed:
        return


def test_an_answer_is_written() -> None:
    answer = wire.Answer(HTTPStatus.OK, b"value", headers={"X-A": "b"})
    assert wire.encode(answer, "GET", keeps_alive=True) == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nAccept-Ranges: none\r\n"
        b"Content-Length: 5\r\nServer: EC2ws\r\nConnection: keep-alive\r\nX-A: b\r\n\r\nvalue"
    )


def test_the_answer_to_head_has_no_body_but_its_length() -> None:
    answer = wire.Answer(HTTPStatus.OK, b"value")
    written = wire.encode(answer, "HEAD", keeps_alive=False)
    assert b"Content-Length: 5\r\n" in written
    assert written.endswith(b"Connection: close\r\n\r\n")
