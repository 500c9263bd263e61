"""The public socket keeps its bounds: size, time, number."""

import asyncio
import base64
import socket
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from mallee.cloud import http, pipeline, server
from tests.cloud.journal import of
from tests.cloud.running import RunningCloud
from tests.cloud.signing import FORM, Answer, Sender

HUGE_BYTES = 100 << 20


def exchange(port: int, *parts: bytes, timeout_s: float = 120) -> bytes:
    """Send the parts, and return everything that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def head(length: str) -> bytes:
    return (
        f"POST / HTTP/1.1\r\nHost: ec2.local\r\nContent-Type: {FORM}\r\n{length}\r\n\r\n".encode()
    )


def test_huge_body_is_refused_before_it_is_sent(cloud: RunningCloud) -> None:
    answer = exchange(cloud.port, head(f"Content-Length: {HUGE_BYTES}"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"<Code>RequestEntityTooLarge</Code>" in answer
    assert b"Connection: close" in answer


def test_client_that_sends_a_huge_body_all_the_same_reads_its_refusal(sender: Sender) -> None:
    answer = sender.send_raw("POST", "/", {"Content-Type": FORM}, b"x" * HUGE_BYTES)
    assert answer.status == 413


def test_huge_body_without_a_length_is_refused_at_the_limit(cloud: RunningCloud) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    chunks = chunk * (server.MAX_BODY_BYTES // 0x10000 + 1)
    answer = exchange(cloud.port, head("Transfer-Encoding: chunked"), chunks)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_client_that_waits_for_leave_gets_it_only_for_what_is_taken(cloud: RunningCloud) -> None:
    expect = "\r\nExpect: 100-continue\r\nConnection: close"
    refused = exchange(cloud.port, head(f"Content-Length: {HUGE_BYTES}{expect}"))
    assert refused.startswith(b"HTTP/1.1 413 ")
    taken = exchange(cloud.port, head(f"Content-Length: 3{expect}"), b"A=b")
    assert taken.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 4")


def test_slow_body_is_given_up(cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BODY_TIMEOUT_S", 0.1)
    answer = exchange(cloud.port, head("Content-Length: 100"), b"Action=")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"<Code>RequestTimeout</Code>" in answer


def test_client_that_does_not_take_its_answer_is_cut_off(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = of(monkeypatch, server)
    monkeypatch.setattr(server, "SEND_TIMEOUT_S", 0.1)
    answer = http.Response(status=200, body=b"x" * (64 << 20), content_type="text/plain")
    monkeypatch.setattr(pipeline, "GREETING", answer)
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=120) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        deadline = time.monotonic() + 60
        while not journal.lines:
            assert time.monotonic() < deadline
        received = 0
        with suppress(ConnectionResetError):
            while chunk := connection.recv(1 << 20):
                received += len(chunk)
    assert received < 64 << 20
    assert [line["event"] for line in journal.lines] == ["client cut off"]


def test_bodies_that_are_broken_off_are_not_held_for_ever(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = of(monkeypatch, server)
    monkeypatch.setattr(server, "MAX_BODIES_BYTES", 4096)
    begun = (
        head("Content-Length: 3000") + b"A" * 2999,
        head("Transfer-Encoding: chunked") + b"bb8\r\n" + b"A" * 2999,
    )
    for request in (*begun, *begun):
        with socket.create_connection(("127.0.0.1", cloud.port), timeout=120) as connection:
            connection.sendall(request)
    body = b"Action=" + b"x" * 3000
    deadline = time.monotonic() + 60
    # Until it was noticed that they went, they count.
    while b"RequestLimitExceeded" in exchange(
        cloud.port, head(f"Content-Length: {len(body)}\r\nConnection: close"), body
    ):
        assert time.monotonic() < deadline
    assert [line["event"] for line in journal.lines if line["event"] == "server broke"] == []


def test_overload_is_said(
    cloud: RunningCloud, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_IN_FLIGHT", 0)
    answer = sender.ask("ec2", "DescribeRegions")
    assert (answer.status, answer.code) == (503, "RequestLimitExceeded")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        b"GET /?" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * (server.MAX_HEADERS + 1) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\na: " + b"b" * (server.MAX_FIELD_BYTES + 1) + b"\r\n\r\n",
    ],
)
def test_garbage_instead_of_http_is_refused_without_a_stack(
    cloud: RunningCloud, garbage: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = of(monkeypatch, server)
    try:
        answer = exchange(cloud.port, garbage)
    except ConnectionError:
        answer = b""
    assert answer == b"" or answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
    assert b"Traceback" not in answer
    assert [line["event"] for line in journal.lines] in ([], ["not understood"])


async def test_connection_that_never_asks_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE_TIMEOUT_S", 0.1)

    async def answer(request: http.Request) -> http.Response:
        raise AssertionError("nothing was asked")

    listening = server.Server(server.Front(answer, lambda request, error: pytest.fail(str(error))))
    port = await listening.listen("127.0.0.1", 0)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: ")
        assert await asyncio.wait_for(reader.read(), 60) == b""
        writer.close()
    finally:
        await listening.close()


def _import_of(name: str) -> dict[str, str]:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"
    return {
        "Action": "ImportKeyPair",
        "KeyName": name,
        "PublicKeyMaterial": base64.b64encode(key.encode()).decode(),
    }


async def _flood(requests: list[Any], url: str) -> list[Answer]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one(request: Any) -> Answer:
            headers = {name: str(value) for name, value in request.headers.items()}
            async with session.post(url, data=request.body, headers=headers) as response:
                return Answer(response.status, response.headers, await response.text())

        return await asyncio.gather(*(one(request) for request in requests))


async def test_two_thousand_parallel_requests_are_all_answered(
    cloud: RunningCloud, sender: Sender
) -> None:
    server.allow_connections()
    reads = sender.signed("ec2", {"Action": "DescribeVpcs"}).prepare()
    requests = [
        reads if i % 10 else sender.signed("ec2", _import_of(f"key-{i}")).prepare()
        for i in range(2000)
    ]
    began = time.monotonic()
    answers = await _flood(requests, cloud.url)
    took_s = time.monotonic() - began
    assert Counter(answer.status for answer in answers) == {200: 2000}
    print(f"2000 parallel requests in {took_s:.1f} s")
    assert sender.ask("ec2", "DescribeVpcs").status == 200
