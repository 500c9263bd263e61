"""A cloud that was taken over says what it likes: its agent, who is root, takes none of it."""

import socket
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from mallee.kit import pki
from mallee.model.configuration.settings import Network, Settings, encode
from mallee.model.hosts.hosts import (
    ASK_CONSOLE,
    CLOUD_NAME,
    Ask,
    AsksAnswer,
    SyncAnswer,
    SyncRequest,
)
from mallee.model.layout import Layout
from mallee.node import cloud, membership
from mallee.node.membership import Membership
from tests.node import wants

REQUEST = SyncRequest(known_generation=0, wait_s=0.0)

Says = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def certify(authority: pki.Authority, path: Path, *hosts: str, ahead_s: float = 0.0) -> None:
    """Write a key and its certificate: a server's when it has hosts, otherwise an agent's."""
    request = pki.make_request("any")
    grant = pki.Grant(name="host-0", now=time.time() + ahead_s, life_s=600, hosts=hosts)
    path.write_bytes(pki.issue(authority, request.csr_pem, grant) + request.key_pem)


@asynccontextmanager
async def door(
    root: Path, says: Says, *, cloud_ahead_s: float = 0.0, host_ahead_s: float = 0.0
) -> AsyncGenerator[cloud.Cloud]:
    """An agent's door to a cloud that answers everything as `says` does.

    Certificates are as if they had been made so much later.
    """
    authority = pki.create_authority("any", time.time() - pki.DAY_S)
    layout = Layout(root)
    layout.node_pki.mkdir(parents=True)
    (layout.node_pki / "ca.pem").write_bytes(authority.certificate_pem)
    certify(authority, layout.node_pki / "host.pem", ahead_s=host_ahead_s)
    certify(authority, root / "server.pem", CLOUD_NAME, ahead_s=cloud_ahead_s)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(root / "server.pem")
    tls.load_verify_locations(layout.node_pki / "ca.pem")
    tls.verify_mode = ssl.CERT_OPTIONAL
    runner = web.ServerRunner(web.Server(says))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    opened = cloud.Cloud(layout, Membership(url, "host-0"))
    try:
        yield opened
    finally:
        await opened.close()
        await runner.cleanup()


def saying(answer: SyncAnswer | bytes) -> Says:
    async def says(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(
            body=answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
        )

    return says


async def test_why_nothing_is_heard_is_said_in_words(root_dir: Path) -> None:
    with socket.socket() as deaf:
        # It has the port, and does not listen there.
        deaf.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{deaf.getsockname()[1]}"
        async with door(root_dir, saying(b"")):
            elsewhere = cloud.Cloud(Layout(root_dir), Membership(url, "host-0"))
            try:
                with pytest.raises(cloud.CloudAway, match=r": Connection refused$"):
                    await elsewhere.sync(REQUEST)
            finally:
                await elsewhere.close()


@pytest.mark.parametrize(
    ("cloud_ahead_s", "words"),
    [(7200.0, "not valid yet by this machine's clock"), (-7200.0, "not valid any more by this")],
)
async def test_a_clock_that_is_wrong_is_not_taken_for_another_authority(
    root_dir: Path, cloud_ahead_s: float, words: str
) -> None:
    async with door(root_dir, saying(b""), cloud_ahead_s=cloud_ahead_s) as opened:
        with pytest.raises(cloud.CloudAway, match=words) as away:
            await opened.sync(REQUEST)
        assert "set the clock" in str(away.value)
        assert "authority" not in str(away.value)


@pytest.mark.parametrize(
    ("host_ahead_s", "words"),
    [(7200.0, "certificate begins at .* set the clock"), (-7200.0, "ended at .* join --again")],
)
async def test_a_certificate_whose_time_is_not_now_is_named_where_no_call_succeeds(
    root_dir: Path, host_ahead_s: float, words: str
) -> None:
    async with door(root_dir, saying(b""), host_ahead_s=host_ahead_s) as opened:
        with pytest.raises(cloud.CloudAway, match=words):
            await opened.sync(REQUEST)


async def test_what_is_wanted_rightly_is_taken(root_dir: Path) -> None:
    answer = SyncAnswer(wanted=wants.make_host(1, wants.make_instance()))
    async with door(root_dir, saying(answer)) as opened:
        assert await opened.sync(REQUEST) == answer


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b'{"wanted": 1}',
        SyncAnswer(wanted=wants.make_host(1, wants.make_instance(interface_ids=("../x",)))),
    ],
)
async def test_what_is_wanted_wrongly_is_not(root_dir: Path, answer: SyncAnswer | bytes) -> None:
    async with door(root_dir, saying(answer)) as opened:
        with pytest.raises(cloud.CloudAway, match="refused"):
            await opened.sync(REQUEST)


class Spoiling:
    """An authority that answers requests for a certificate with what is no good for the host."""

    def __init__(self, spoil: Callable[[dict[str, str]], object]) -> None:
        self.authority = pki.create_authority("any", time.time())
        self._spoil = spoil

    async def says(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = msgspec.json.decode(await request.read(), type=dict[str, str])
        grant = pki.Grant(name="host-0", now=time.time(), life_s=600)
        issued = pki.issue(self.authority, asked["csr_pem"].encode(), grant)
        told = {
            "host_id": "host-0",
            "certificate_pem": issued.decode(),
            "ca_pem": self.authority.certificate_pem.decode(),
        }
        return web.Response(body=msgspec.json.encode(self._spoil(told)))


def another() -> str:
    """A certificate of another key."""
    authority = pki.create_authority("any", time.time())
    request = pki.make_request("host-0")
    grant = pki.Grant(name="host-0", now=time.time(), life_s=600)
    return pki.issue(authority, request.csr_pem, grant).decode()


SPOILT: dict[str, Callable[[dict[str, str]], object]] = {
    "nothing": lambda told: [],
    "another host": lambda told: told | {"host_id": "host-1"},
    "no certificate": lambda told: told | {"certificate_pem": ""},
    "another key": lambda told: told | {"certificate_pem": another()},
    "no authority": lambda told: told | {"ca_pem": ""},
    "half an authority": lambda told: told | {"ca_pem": "-----BEGIN CERTIFICATE-----\nx\n"},
    "another authority": lambda told: (
        told | {"ca_pem": pki.create_authority("o", 0.0).certificate_pem.decode()}
    ),
}


@pytest.mark.parametrize("what", SPOILT)
async def test_a_certificate_that_is_no_good_takes_no_ones_place(root_dir: Path, what: str) -> None:
    async with door(root_dir, Spoiling(SPOILT[what]).says) as opened:
        layout = Layout(root_dir)
        before = layout.host_certificate.read_bytes(), layout.host_authority.read_bytes()
        with pytest.raises(cloud.CloudAway, match="refused"):
            await opened.renew_if_due(time.time() + 600)
        assert (layout.host_certificate.read_bytes(), layout.host_authority.read_bytes()) == before


async def test_a_certificate_that_is_good_takes_the_place_of_the_former(root_dir: Path) -> None:
    async with door(root_dir, Spoiling(lambda told: told).says) as opened:
        before = Layout(root_dir).host_certificate.read_bytes()
        await opened.renew_if_due(time.time() + 600)
        assert Layout(root_dir).host_certificate.read_bytes() != before


async def test_a_clock_that_is_days_ahead_does_not_have_it_renewed_at_each_call(
    root_dir: Path,
) -> None:
    renewals: list[str] = []
    issuing = Spoiling(lambda told: told)

    async def says(request: web.BaseRequest) -> web.StreamResponse:
        renewals.append(request.path)
        return await issuing.says(request)

    async with door(root_dir, says) as opened:
        for _ in range(3):
            await opened.renew_if_due(time.time() + 4 * pki.DAY_S)
    assert renewals == ["/v1/renew"]


async def test_what_the_hosts_owner_did_not_set_is_not_taken(root_dir: Path) -> None:
    mine = Settings(network=Network(public_range="198.51.100.0/24", egress=False))
    Layout(root_dir).settings.write_text(encode(mine))
    async with door(root_dir, saying(SyncAnswer(wanted=wants.make_host(1)))) as opened:
        with pytest.raises(cloud.CloudAway, match=r"mallee\.toml"):
            await opened.sync(REQUEST)


async def test_an_answer_without_an_end_is_cut_off(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud, "ANSWER_BYTES_MAX", 1 << 20)

    async def says(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b" " * (2 << 20))

    async with door(root_dir, says) as opened:
        with pytest.raises(cloud.CloudAway, match="longer than 1 MiB"):
            await opened.sync(REQUEST)


async def test_nobody_is_followed_elsewhere(root_dir: Path) -> None:
    asked: list[str] = []

    async def says(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with door(root_dir, says) as opened:
        with pytest.raises(cloud.CloudAway):
            await opened.sync(REQUEST)
        with pytest.raises(cloud.FetchFailed):
            await anext(opened.read_blob("0" * 64, 0))
    assert asked == ["/v1/sync", "/v1/blobs/" + "0" * 64]


async def test_another_front_end_is_turned_to_and_remembered(root_dir: Path) -> None:
    async with door(root_dir, saying(SyncAnswer(wanted=None))) as opened:
        url = cloud_url(opened)
        dead = "https://127.0.0.1:1"
        opened.learn_urls((dead, url))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(cloud, "_post", away)
            with pytest.raises(cloud.CloudAway):
                await opened.sync(REQUEST)
        assert opened.other_urls == (url,)
        with pytest.raises(cloud.CloudAway):
            await opened.sync(REQUEST)
        assert await opened.sync(REQUEST) == SyncAnswer(wanted=None)
        member = membership.read(Layout(root_dir))
        assert member is not None
        assert (member.url, member.urls) == (url, (dead, url))


async def test_blob_is_looked_for_at_every_front_end(root_dir: Path) -> None:
    async with door(root_dir, saying(b"content")) as opened:
        url = cloud_url(opened)
        opened.learn_urls(("https://127.0.0.1:1", url))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(cloud, "_post", away)
            with pytest.raises(cloud.CloudAway):
                await opened.sync(REQUEST)
        assert opened.other_urls == (url,)
        read = [chunk async for chunk in opened.read_blob("a" * 64, 0)]
        assert b"".join(read) == b"content"


async def test_front_ends_that_are_no_endpoints_are_refused(root_dir: Path) -> None:
    wanted = msgspec.structs.replace(wants.make_host(1), front_ends=("http://evil/",))
    async with door(root_dir, saying(SyncAnswer(wanted=wanted))) as opened:
        with pytest.raises(cloud.CloudAway, match="front end"):
            await opened.sync(REQUEST)


async def test_questions_are_answered_where_they_were_asked(root_dir: Path) -> None:
    heard: list[str] = []

    async def says(request: web.BaseRequest) -> web.StreamResponse:
        heard.append(request.path)
        ask = Ask("ab", ASK_CONSOLE, "i-00000000000000001")
        return web.Response(body=msgspec.json.encode(AsksAnswer((ask,))))

    async with door(root_dir, says) as opened:
        (ask,) = await opened.fetch_asks(cloud_url(opened))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(opened, "_membership", Membership("https://127.0.0.1:1", "h"))
            await opened.answer(ask.id, b"said")
    assert heard == ["/v1/asks", "/v1/answers/ab"]


async def test_questions_that_nobody_answers_are_forgotten(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    numbers = iter(range(100))

    async def says(request: web.BaseRequest) -> web.StreamResponse:
        heard.append(request.path)
        ask = Ask(f"{next(numbers):04x}", ASK_CONSOLE, "i-00000000000000001")
        return web.Response(body=msgspec.json.encode(AsksAnswer((ask,))))

    monkeypatch.setattr(cloud, "ASKED_MAX", 3)
    async with door(root_dir, says) as opened:
        asks = [(await opened.fetch_asks(cloud_url(opened)))[0] for _ in range(5)]
        monkeypatch.setattr(opened, "_membership", Membership("https://127.0.0.1:1", "h"))
        with pytest.raises(cloud.CloudAway):
            await opened.answer(asks[1].id, b"said")
        await opened.answer(asks[2].id, b"said")
    assert heard[5:] == [f"/v1/answers/{asks[2].id}"]


async def away(*_: object) -> bytes:
    raise cloud.CloudAway("away")


def cloud_url(opened: cloud.Cloud) -> str:
    """The address of the cloud that a door leads to."""
    return opened._membership.url  # pyright: ignore[reportPrivateUsage]
