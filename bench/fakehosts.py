"""A thousand hosts in one process: each joins, holds its poll, and does at once what it is told.

`python -m bench.fakehosts ROOT` reads join tokens from the first line of its input, speaks the
agents' protocol over mutual TLS, and prints `ready` when every host has what it is told; when the
cloud has gone, the next line says that it is there again. What a real agent does besides, on its
host, is not there; what it says is.
"""

import asyncio
import json
import ssl
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench import fakechecks
from mallee.kit import pki
from mallee.model.compute.instances import InstanceSeen, Phase, Power, Reach
from mallee.model.hosts.checks import CheckAsk
from mallee.model.hosts.hosts import Ask, Capacity, HostFacts, Kept, SyncRequest
from mallee.model.layout import Layout

HELD_S = 10.0
LIMIT_BYTES = 64 << 20
CAPACITY = Capacity(vcpus=256, memory_mib=262_144, disk_gib=4000)
FACTS = HostFacts(
    capacity=CAPACITY,
    acceleration="kvm",
    acceleration_reason="a benchmark",
    hypervisor="none",
    agent_version="0",
    free_disk_bytes=4000 << 30,
)
_SHOWN = {Power.RUNNING: Phase.RUNNING, Power.STOPPED: Phase.OFF, Power.TERMINATED: Phase.GONE}


class _Instance(msgspec.Struct):
    id: str
    power: Power
    launch: int


class _Wanted(msgspec.Struct):
    generation: int
    instances: tuple[_Instance, ...]


class _Answer(msgspec.Struct):
    wanted: _Wanted | None
    kept: Kept | None = None
    asks: tuple[Ask, ...] = ()


_decoder = msgspec.json.Decoder(_Answer)


@dataclass(slots=True)
class Host:
    """One host: its connection, and what it knows."""

    name: str
    tls: ssl.SSLContext
    generation: int = 0
    seen: dict[str, InstanceSeen] = field(default_factory=dict[str, InstanceSeen])
    port: int = 0
    answering: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def live(self, port: int, holds: asyncio.Semaphore) -> None:
        """Say what there is and hold on, until the cloud goes away; tell `holds` when it begins."""
        self.port = port
        link = await self._open()
        try:
            try:
                await self._sync(link, 0.0, FACTS)
            finally:
                holds.release()
            while True:
                if await self._sync(link, HELD_S):
                    await self._sync(link, 0.0)
        finally:
            link.writer.close()

    async def _open(self) -> "Link":
        opened = asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls, limit=LIMIT_BYTES)
        return Link(*await opened)

    async def _answer(self, ask: Ask) -> None:
        """Answer a question of the doctor's when a real host would have."""
        asked = msgspec.json.decode(ask.detail, type=CheckAsk)
        await asyncio.sleep(fakechecks.TAKES_S[asked.kind])
        link = await self._open()
        try:
            await link.call(f"/v1/answers/{ask.id}", fakechecks.answer(self.name, asked))
        finally:
            link.writer.close()

    async def _sync(self, link: "Link", wait_s: float, facts: HostFacts | None = None) -> bool:
        """Make the call; tell whether it brought something."""
        request = SyncRequest(
            known_generation=self.generation,
            wait_s=wait_s,
            facts=facts,
            seen=self.seen if wait_s == 0.0 and facts is None else None,
            takes_parts=self.generation > 0,
        )
        answer = _decoder.decode(await link.call("/v1/sync", msgspec.json.encode(request)))
        for ask in answer.asks:
            task = asyncio.create_task(self._answer(ask))
            self.answering.add(task)
            task.add_done_callback(self.answering.discard)
        wanted = answer.wanted
        if wanted is None:
            return bool(answer.asks)
        kept = {id: self.seen[id] for id in answer.kept.instance_ids} if answer.kept else {}
        self.generation = wanted.generation
        self.seen = kept | {one.id: _see(one) for one in wanted.instances}
        return True


def _see(one: _Instance) -> InstanceSeen:
    phase = _SHOWN[one.power]
    reach = Reach(answers=True, since=0.0) if phase is Phase.RUNNING else None
    return InstanceSeen(launch=one.launch, phase=phase, reach=reach)


@dataclass(frozen=True, slots=True)
class Link:
    """A kept connection to the cloud."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def call(self, path: str, body: bytes) -> bytes:
        """Make one HTTP call; return the answer's body."""
        head = f"POST {path} HTTP/1.1\r\nHost: cloud\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        named = (line.partition(":") for line in lines)
        length = next((int(value) for name, _, value in named if name == "content-length"), 0)
        content = await self.reader.readexactly(length)
        if " 20" not in lines[0]:
            raise RuntimeError(f"{path}: {lines[0]}: {content[:300]!r}")
        return content


async def join(port: int, ca_pem: str, token: str, name: str) -> Host:
    """Let one host join; return it with its certificate."""
    request = pki.make_request(name)
    stranger = ssl.create_default_context(cadata=ca_pem)
    link = Link(*await asyncio.open_connection("127.0.0.1", port, ssl=stranger))
    asked = {
        "token": token,
        "csr_pem": request.csr_pem.decode(),
        "name": name,
        "address": fakechecks.address(name),
    }
    told = json.loads(await link.call("/v1/join", json.dumps(asked).encode()))
    link.writer.close()
    known = ssl.create_default_context(cadata=ca_pem)
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(told["certificate_pem"].encode() + request.key_pem)
        known.load_cert_chain(file.name)
    return Host(name, known)


async def _live_all(layout: Layout, hosts: list[Host]) -> None:
    """Let all hosts live until the cloud goes away."""
    port, holds = _port(layout), asyncio.Semaphore(0)
    lives = [asyncio.create_task(host.live(port, holds)) for host in hosts]
    for _ in lives:
        await holds.acquire()
        _check(lives)
    print("ready", flush=True)
    await asyncio.gather(*lives, return_exceptions=True)


def _check(lives: list[asyncio.Task[None]]) -> None:
    """Raise what has ended a host: nobody would wait for it otherwise."""
    for life in lives:
        if life.done():
            life.result()


def _port(layout: Layout) -> int:
    return json.loads(layout.cloud_ports.read_text())["agents"]


def main(root: str) -> None:
    """Join with the tokens of the first line, and live anew with the cloud at each line after."""
    layout = Layout(Path(root))
    ca_pem = (layout.cloud_pki / "authority.pem").read_text().partition("-----BEGIN PRIVATE")[0]
    hosts: list[Host] = []
    for line in sys.stdin:
        for number, token in enumerate(line.split()):
            hosts.append(asyncio.run(join(_port(layout), ca_pem, token, f"fake-{number}")))
        asyncio.run(_live_all(layout, hosts))


if __name__ == "__main__":
    main(sys.argv[1])
