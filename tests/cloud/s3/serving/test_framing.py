"""Heads and chunks of HTTP: what is doubtful is refused, and no cut changes what is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.cloud.s3.serving import framing

PEER = "192.0.2.1"


def head(*lines: str) -> bytes:
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def test_head_is_read() -> None:
    found = framing.parse(
        head("PUT /b/a%2Fb?x=1&y HTTP/1.1", "Host: h", "X-A:  1 ", "x-a: 2", "Content-Length: 7"),
        PEER,
    )
    request = found.request
    assert (request.method, request.path, request.query) == ("PUT", "/b/a%2Fb", "x=1&y")
    assert request.headers == {"host": "h", "x-a": "1,2", "content-length": "7"}
    assert (found.length, found.is_chunked, found.keeps, found.is_awaited) == (
        7,
        False,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("GET http://h:80/b/k?q HTTP/1.1", "/b/k"),
        ("GET http://h HTTP/1.1", "/"),
        ("GET /b/\xc3\xa9 HTTP/1.1", "/b/%C3%A9"),
        ("OPTIONS * HTTP/1.1", "*"),
        ("GET //b//k HTTP/1.1", "//b//k"),
    ],
)
def test_targets_are_read_as_they_are_meant(line: str, path: str) -> None:
    assert framing.parse(head(line, "Host: h"), PEER).request.path == path


@pytest.mark.parametrize(
    "lines",
    [
        ["GET /", "Host: h"],
        ["NONSENSE / HTTP/1.1", "Host: h"],
        ["GET / HTTP/2.0", "Host: h"],
        ["GET / HTTP/1.1", "Host : h"],
        ["GET / HTTP/1.1", "Host: h", " folded: x"],
        ["GET / HTTP/1.1", "Host: h\x00"],
        ["GET / HTTP/1.1", "Host: h\nX: y"],
        ["PUT / HTTP/1.1", "Host: h", "Content-Length: 1", "Content-Length: 2"],
        ["PUT / HTTP/1.1", "Host: h", "Content-Length: 1", "Content-Length: 1"],
        ["PUT / HTTP/1.1", "Host: h", "Content-Length: -1"],
        ["PUT / HTTP/1.1", "Host: h", "Content-Length: +1"],
        ["PUT / HTTP/1.1", "Host: h", "Content-Length: 1x"],
        ["PUT / HTTP/1.1", "Host: h", "Content-Length: 99999999999999999999"],
        ["PUT / HTTP/1.1", "Host: h", "Content-Length: 1", "Transfer-Encoding: chunked"],
        ["PUT / HTTP/1.1", "Host: h", "Transfer-Encoding: chunked", "Content-Length: 1"],
        ["PUT / HTTP/1.1", "Host: h", "Transfer-Encoding: gzip, chunked"],
        ["PUT / HTTP/1.1", "Host: h", "Transfer-Encoding: chunked, chunked"],
        ["PUT / HTTP/1.1", "Host: h", "Transfer-Encoding: identity"],
        ["PUT / HTTP/1.0", "Host: h", "Transfer-Encoding: chunked"],
        ["GET / HTTP/1.1", "Host: a.s3.x", "Host: b.s3.x"],
        ["GET / HTTP/1.1", "Host: h", "A: " + "b" * (framing.FIELD_BYTES_MAX + 1)],
        ["GET / HTTP/1.1", *["A: b"] * (framing.FIELDS_MAX + 1)],
        ["GET /" + "a" * framing.LINE_BYTES_MAX + " HTTP/1.1", "Host: h"],
    ],
)
def test_doubtful_heads_are_refused(lines: list[str]) -> None:
    with pytest.raises(framing.Malformed) as refused:
        framing.parse(head(*lines), PEER)
    assert refused.value.answer.status == 400


def test_upgrade_is_answered_and_that_is_all() -> None:
    lines = ("GET / HTTP/1.1", "Host: h", "Connection: Upgrade", "Upgrade: h2c")
    assert not framing.parse(head(*lines), PEER).keeps


def test_old_clients_keep_connections_only_when_they_say_so() -> None:
    assert not framing.parse(head("GET / HTTP/1.0"), PEER).keeps
    assert framing.parse(head("GET / HTTP/1.0", "Connection: keep-alive"), PEER).keeps
    assert not framing.parse(head("GET / HTTP/1.1", "Host: h", "Connection: close"), PEER).keeps


@given(st.lists(st.binary(min_size=1, max_size=40)), st.data())
def test_chunks_are_taken_off_however_they_are_cut(
    pieces: list[bytes], data: st.DataObject
) -> None:
    chunks = [b"%x;a=b\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    wire = b"".join(chunks) + b"0\r\ntrailer: x\r\n\r\nnext"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    dechunker, read, rest = framing.Dechunker(), b"", b""
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        if dechunker.is_over:
            rest += wire[start:end]
            continue
        found, left = dechunker.feed(wire[start:end])
        read += b"".join(found)
        rest += left
    assert dechunker.is_over
    assert (read, rest) == (b"".join(pieces), b"next")


@pytest.mark.parametrize(
    "wire",
    [
        b"x\r\n",
        b"-1\r\n",
        b"0x1\r\na\r\n",
        b"1\na\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\n",
        b"\r\n",
        b" 1\r\na\r\n",
        b"1\r1\r\na",
        b"ffffffffffffffffff\r\n",
        b"1" * 5000,
        b"0\r\n" + b"a: b\r\n" * 5000,
    ],
)
def test_chunks_that_are_none_are_refused(wire: bytes) -> None:
    with pytest.raises(framing.Malformed):
        framing.Dechunker().feed(wire)
