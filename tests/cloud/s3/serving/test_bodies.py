"""Bodies as they come in and go out: promised, cut off, wrong, slow; never half an object."""

import base64
import hashlib
import os
import time
from collections.abc import Callable, Iterator

import pytest

from mallee.cloud.s3 import pipeline
from mallee.cloud.s3.serving import connections, sending, server
from tests.cloud import journal
from tests.cloud.s3 import running
from tests.cloud.s3.running import RunningS3
from tests.cloud.s3.wire import Wire

BIG = os.urandom(3 << 20)


@pytest.fixture(scope="module")
def served() -> Iterator[RunningS3]:
    with running.fresh() as cloud:
        cloud.s3().create_bucket(Bucket="bucket")
        yield cloud


@pytest.fixture
def wire(served: RunningS3) -> Iterator[Wire]:
    with Wire(served.port, served.admin) as connection:
        yield connection


def promise(size: int) -> dict[str, str]:
    return {"Content-Length": str(size), "Expect": "100-continue"}


def test_body_is_asked_for_once_it_may_come(wire: Wire) -> None:
    wire.send(wire.head("PUT", "/bucket/promised", promise(len(BIG))))
    assert wire.line() == b"HTTP/1.1 100 Continue"
    wire.send(BIG)
    assert wire.reply().status == 200
    assert wire.ask("GET", "/bucket/promised").body == BIG


def test_who_announces_a_body_of_no_bytes_is_told_to_go_on(wire: Wire) -> None:
    for path, status in (("/bucket/empty", 200), ("/no-such-bucket/empty", 404)):
        wire.send(wire.head("PUT", path, promise(0)))
        assert wire.line() == b"HTTP/1.1 100 Continue"
        assert wire.reply().status == status
    assert wire.ask("GET", "/bucket/empty").body == b""


def test_old_clients_are_never_told_to_go_on(wire: Wire) -> None:
    head = wire.head("PUT", "/bucket/old", promise(0)).replace(b" HTTP/1.1", b" HTTP/1.0", 1)
    wire.send(head)
    assert wire.reply().status == 200


@pytest.mark.parametrize(
    ("path", "code"),
    [("/no-such-bucket/key", "NoSuchBucket"), ("/bucket/key?acl=1&cors", "InvalidArgument")],
)
def test_body_that_may_not_come_is_never_asked_for(wire: Wire, path: str, code: str) -> None:
    wire.send(wire.head("PUT", path, promise(5 << 30)))
    reply = wire.reply()
    assert (reply.status // 100, reply.code) == (4, code)
    assert reply.headers["connection"] == "close"


def test_stranger_is_refused_before_his_body(served: RunningS3) -> None:
    with Wire(served.port, {"access_key_id": "AKIA", "secret_access_key": "x"}) as wire:
        wire.send(wire.head("PUT", "/bucket/key", promise(5 << 30)))
        assert wire.reply().code == "InvalidAccessKeyId"
        assert wire.is_closed()
    with Wire(served.port, served.admin) as wire:
        wire.send(b"PUT /bucket/key HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
        assert (wire.reply().status) == 403


def test_wrong_secret_is_refused(served: RunningS3) -> None:
    with Wire(served.port, {**served.admin, "secret_access_key": "wrong"}) as wire:
        assert wire.ask("GET", "/bucket").code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("size", [100, 100_000, len(BIG)])
@pytest.mark.parametrize(
    ("header", "digest", "code"),
    [
        ("Content_MD5", lambda: base64.b64encode(b"x" * 16), "BadDigest"),
        ("Content_MD5", lambda: b"rubbish", "InvalidDigest"),
        ("x_amz_checksum_sha256", lambda: base64.b64encode(b"x" * 32), "BadDigest"),
        ("x_amz_checksum_crc32", lambda: base64.b64encode(b"xxxx"), "BadDigest"),
        ("x_amz_checksum_crc32", lambda: b"rubbish", "InvalidRequest"),
    ],
)
def test_body_that_is_not_what_was_said_is_not_kept(
    served: RunningS3, size: int, header: str, digest: Callable[[], bytes], code: str
) -> None:
    with Wire(served.port, served.admin) as wire:
        reply = wire.ask("PUT", "/bucket/wrong", BIG[:size], **{header: digest().decode()})
        assert (reply.status, reply.code) == (400, code)
    with Wire(served.port, served.admin) as wire:
        assert wire.ask("GET", "/bucket/wrong").status == 404


def test_signed_hash_of_the_body_must_hold(wire: Wire) -> None:
    for body, status in ((b"hello", 200), (b"jello", 400)):
        sha256 = hashlib.sha256(b"hello").hexdigest()
        wire.send(wire.head("PUT", "/bucket/hash", {"Content-Length": "5"}, sha256) + body)
        reply = wire.reply()
        assert reply.status == status, reply
    assert reply.code == "XAmzContentSHA256Mismatch"
    assert wire.ask("GET", "/bucket/hash").body == b"hello"


@pytest.mark.parametrize("sent", [0, 1, 70_000, 2 << 20])
def test_body_that_is_cut_off_leaves_nothing(served: RunningS3, sent: int) -> None:
    with Wire(served.port, served.admin) as wire:
        wire.send(wire.head("PUT", "/bucket/cut", {"Content-Length": str(len(BIG))}) + BIG[:sent])
    with Wire(served.port, served.admin) as wire:
        assert wire.ask("HEAD", "/bucket/cut").status == 404
    incoming = served.layout.objects / "incoming"
    deadline = time.monotonic() + 60
    while any(incoming.iterdir()):
        assert time.monotonic() < deadline


def test_client_that_sends_nothing_more_is_told(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "READ_TIMEOUT_S", 0.1)
    wire.send(wire.head("PUT", "/bucket/slow", {"Content-Length": "1000"}) + b"x")
    reply = wire.reply()
    assert (reply.status, reply.code) == (400, "RequestTimeout")


def test_client_that_takes_nothing_costs_no_thread_and_is_cut_off(
    served: RunningS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(32 << 20)
    served.s3().put_object(Bucket="bucket", Key="large", Body=data)
    slow = [Wire(served.port, served.admin, receive_buffer=4096) for _ in range(40)]
    for one in slow:
        one.send(one.head("GET", "/bucket/large"))
    # More than there are threads: who comes after them is served all the same.
    with Wire(served.port, served.admin) as wire:
        assert wire.ask("GET", "/bucket/large").body == data
    for one in slow:
        one.socket.close()
    told = journal.of(monkeypatch, server)
    monkeypatch.setattr(sending, "STALLED_S", 0.1)
    with Wire(served.port, served.admin, receive_buffer=4096) as wire:
        wire.send(wire.head("GET", "/bucket/large"))
        deadline = time.monotonic() + 60
        while not told.lines:
            assert time.monotonic() < deadline
        with pytest.raises(ConnectionResetError):
            wire.reply()
    assert [line["event"] for line in told.lines] == ["answer cut off"]


def test_document_that_is_too_long_is_refused(wire: Wire) -> None:
    body = b"<Delete>" + b" " * pipeline.DOCUMENT_BYTES_MAX
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    reply = wire.ask("POST", "/bucket?delete", body, Content_MD5=md5)
    assert (reply.status, reply.code) == (400, "MaxMessageLengthExceeded")


def test_damaged_object_is_never_sent_as_whole(served: RunningS3) -> None:
    data = os.urandom(4 << 20)
    with Wire(served.port, served.admin) as wire:
        wire.ask("PUT", "/bucket/damaged", data)
        [file] = [
            path
            for path in (served.layout.objects / "files").rglob("*")
            if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data
        ]
        for offset, seen in ((3 << 20, False), (10, True)):
            with file.open("r+b") as opened:
                opened.seek(offset)
                opened.write(b"\0\0\0\0damage")
            if seen:
                assert wire.ask("GET", "/bucket/damaged").code == "InternalError"
            else:
                with Wire(served.port, served.admin) as other, pytest.raises(ConnectionResetError):
                    other.ask("GET", "/bucket/damaged")


def test_kept_connection_goes_on_after_refusals(wire: Wire) -> None:
    for _ in range(3):
        assert wire.ask("GET", "/bucket/nothing").code == "NoSuchKey"
        assert wire.ask("PUT", "/bucket/key", b"data").status == 200
        assert wire.ask("HEAD", "/bucket/key").headers["content-length"] == "4"
        assert wire.ask("DELETE", "/bucket/key").status == 204
