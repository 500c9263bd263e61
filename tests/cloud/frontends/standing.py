"""Front ends as processes that can be killed, on one database, and agents without guests."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from msgspec.structs import replace

from mallee.box import frontendjoin, nodejoin
from mallee.kit import clock, files
from mallee.model.configuration import settings
from mallee.model.configuration.settings import Network, Objects, Settings
from mallee.model.hosts.hosts import Capacity
from mallee.model.layout import Layout
from mallee.model.storage.volumes import VolumeWanted
from mallee.node import cloud, sync
from tests import freeports, wholecloud
from tests.cloud import ends
from tests.cloud.signing import Sender
from tests.simulation import agents, blocks, disks
from tests.simulation.machines import FACTS

START_S = 240.0
SETTLED_S = 400.0
"""How long what front ends do by themselves may take on a busy machine."""
LARGE = replace(FACTS, capacity=Capacity(vcpus=10_000, memory_mib=1 << 22, disk_gib=100_000))
"""Of hosts on which there is always room."""
ADDRESS = "127.0.0.1"
OUTSIDE = "100.127.0.1"
"""At which front ends reach each other: no loopback address is told to others. It is of no range
that a cloud of tests has."""
_HOSTS = "198.51.100."
"""Addresses of hosts begin with it."""
SECOND = "second"
"""The name of the one that joins."""
ELSEWHERE = Objects(engine="elsewhere")
_OWN = Objects()


class FrontEnd:
    """A front end under a root of its own."""

    def __init__(self, root: Path, configured: Settings) -> None:
        self.layout = Layout(root)
        self.configured = configured
        self.process: subprocess.Popen[bytes] | None = None
        self.s3_process: subprocess.Popen[bytes] | None = None
        self.layout.settings.write_text(settings.encode(configured))

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.configured.ports.services}"

    @property
    def agents_url(self) -> str:
        return f"https://{OUTSIDE}:{self.configured.ports.agents}"

    def start(self) -> None:
        """Start its process."""
        self.layout.cloud_ports.unlink(missing_ok=True)
        self.process = self._run("mallee.cloud.daemon")

    def start_s3(self) -> None:
        """Start its process of S3."""
        self.layout.s3_door.unlink(missing_ok=True)
        self.s3_process = self._run("mallee.cloud.s3.daemon")

    def _run(self, module: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module, "--root", str(self.layout.root)]
        with (self.layout.root / "out").open("ab") as out:
            return subprocess.Popen(command, stdout=out, stderr=out)

    def wait_ready(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + START_S
        while not self.layout.cloud_ports.exists():
            assert self.process is not None
            assert self.process.poll() is None, (self.layout.root / "out").read_text()[-2000:]
            assert time.monotonic() < deadline, "the front end does not answer"
            time.sleep(0.02)

    def wait_s3(self) -> None:
        """Wait until its process of S3 takes connections."""
        deadline = time.monotonic() + START_S
        while not self.layout.s3_door.exists():
            assert self.s3_process is not None
            assert self.s3_process.poll() is None, (self.layout.root / "out").read_text()[-2000:]
            assert time.monotonic() < deadline, "S3 takes no connections"
            time.sleep(0.02)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it."""
        _end(self.process, number)
        self.process = None

    def kill_s3(self, number: int = signal.SIGKILL) -> None:
        """End its process of S3, and wait for those that it has forked: they end with it."""
        _end(self.s3_process, number)
        self.s3_process = None

    def processes(self) -> list[int]:
        """All processes of it, those that its own have started too."""
        found: list[int] = []
        for process in (self.process, self.s3_process):
            if process is not None:
                found += [process.pid, *ends.descendants(process.pid)]
        return found

    def stop(self) -> None:
        """Have all of it stand still, wherever it is."""
        stop(self.processes())

    def go_on(self) -> None:
        """Have it go on; what was killed meanwhile does not."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def sender(self) -> Sender:
        """Somebody who asks as the administrator."""
        return Sender(self.configured.ports.services, self.key())

    def key(self) -> dict[str, str]:
        """The administrator's key."""
        return json.loads(self.layout.admin_credentials.read_text())

    def client(self, service: str = "ec2", answer_s: float = 20) -> Any:
        """A boto3 client that tries once, and waits so long for an answer."""
        key = self.key()
        session: Any = boto3
        return session.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=key["access_key_id"],
            aws_secret_access_key=key["secret_access_key"],
            config=Config(
                retries={"max_attempts": 0}, read_timeout=answer_s, s3={"addressing_style": "path"}
            ),
        )


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    """Wait for what front ends do by themselves."""
    wholecloud.wait_until(is_true, SETTLED_S, what)


def stop(pids: Iterable[int]) -> None:
    """Have processes stand still."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def found(root: Path, database_url: str, objects: Objects = _OWN) -> FrontEnd:
    """Return the first front end of a cloud, which is about to be."""
    root.mkdir()
    ports = freeports.ports()
    wide = Network(public_range="198.18.0.0/16")
    configured = Settings(
        database_url=database_url,
        ports=ports,
        network=wide,
        listen="0.0.0.0",
        address=OUTSIDE,
        objects=objects,
    )
    return FrontEnd(root, configured)


def invitation(of: FrontEnd) -> nodejoin.Invitation:
    """Have one front end invite another."""
    answer = of.sender().ask("mallee", "CreateFrontEndToken")
    assert answer.status == 200, answer.text
    token, ca_pem = answer.element("Token"), answer.element("CaCertificate")
    line = nodejoin.invite(token, ca_pem, ADDRESS, of.configured.ports.agents)
    return nodejoin.parse(str(line))


def join(root: Path, first: FrontEnd, name: str) -> FrontEnd:
    """Return a front end that has joined, by the steps of `mallee frontends join`."""
    layout = Layout(root)
    layout.cloud_pki.mkdir(parents=True)
    wish = frontendjoin.Wish(invitation(first), OUTSIDE, name)
    fetched = frontendjoin.fetch(wish)
    frontendjoin.keep(layout, wish, fetched)
    ports = freeports.ports()
    # All of them are on one machine here.
    has_them = first.configured.objects.engine == "shared"
    objects = first.configured.objects if has_them else ELSEWHERE
    return FrontEnd(root, replace(first.configured, ports=ports, objects=objects))


@contextmanager
def two(home: Path, database_url: str, objects: Objects = _OWN) -> Generator[list[FrontEnd]]:
    """Two front ends that run, below an empty directory; they end with what they have of S3."""
    all = [found(home / "fe0", database_url, objects)]
    try:
        all[0].start()
        all[0].wait_ready()
        all.append(join(home / "fe1", all[0], SECOND))
        all[1].start()
        all[1].wait_ready()
        yield all
    finally:
        for one in all:
            one.go_on()
            one.kill_s3()
            one.kill()


@contextmanager
def reached() -> Generator[None]:
    """Have the tests' own host be reached at `OUTSIDE` meanwhile."""
    subprocess.run(["ip", "address", "add", f"{OUTSIDE}/32", "dev", "lo"], check=True)
    yield
    subprocess.run(["ip", "address", "del", f"{OUTSIDE}/32", "dev", "lo"], check=True)


def _end(process: subprocess.Popen[bytes] | None, number: int) -> None:
    if process is not None:
        ends.end(process, number)


class Hosts:
    """Agents that speak as real ones do, over guests that are played, in a thread."""

    def __init__(self, root: Path, first: FrontEnd, all: list[FrontEnd], count: int) -> None:
        self.disks: dict[str, disks.Disk] = {}
        self.doors: list[cloud.Cloud] = []
        self._urls = tuple(sorted(one.agents_url for one in all))
        self._layouts = [Layout(root / f"host{number}") for number in range(count)]
        for number, layout in enumerate(self._layouts):
            layout.node.mkdir(parents=True)
            answer = first.sender().ask("mallee", "CreateJoinToken")
            token = {
                "url": first.agents_url,
                "token": answer.element("Token"),
                "ca_pem": answer.element("CaCertificate"),
                # No two hosts have one address, and nobody calls these there.
                "address": f"{_HOSTS}{number + 1}",
            }
            files.write_json(layout.join_token, token)
        self._stop = threading.Event()
        self._executor = ThreadPoolExecutor(1)
        self._end = self._executor.submit(lambda: asyncio.run(self._run()))

    def check(self) -> None:
        """Raise what an agent failed with."""
        if self._end.done():
            self._end.result()

    def close(self) -> None:
        """End all agents."""
        self._stop.set()
        self._end.result(30)
        self._executor.shutdown()

    async def _run(self) -> None:
        tasks = [asyncio.create_task(self._be(layout)) for layout in self._layouts]
        while not self._stop.is_set():
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _be(self, layout: Layout) -> None:
        member = await sync.wait_joined(layout, layout.root.name)
        door = cloud.Cloud(layout, member)
        door.learn_urls(self._urls)
        self.doors.append(door)
        disk = self.disks[member.host_id] = disks.Disk()
        agent: Any = agents.Agent(disk, _Luck())
        ledger: Any = disk
        nobody: Any = None
        talk = sync.Sync(
            door=door,
            reconciler=agent,
            ledger=ledger,
            clock=clock.SYSTEM,
            questions=nobody,
            facts=lambda: LARGE,
        )
        with contextlib.suppress(asyncio.CancelledError):
            async with asyncio.TaskGroup() as group:
                group.create_task(talk.run())
                group.create_task(agent.run())
        await door.close()


class _Luck:
    """A machine that works quickly and never fails."""

    fails = 0.0

    def __init__(self) -> None:
        self.shelf = blocks.Shelf()

    def pause_s(self) -> float:
        return random.random() * 0.05

    def chance(self, part: float) -> bool:
        return random.random() < part

    def on_change(self) -> None:
        """Nobody looks."""

    def fetch(self, volume: VolumeWanted) -> None:
        """Nothing comes from another machine here."""
        raise AssertionError(volume.id)

    def reach(self, host_id: str) -> None:
        """No guest goes to another machine here."""

    def make_proof(self) -> str:
        raise AssertionError("no guest goes anywhere")

    def write(self, volume_id: str) -> None:
        """Nobody looks at what guests write."""

    def note_cut(self, volume_id: str, snapshot_id: str, mark: int) -> None:
        """Nobody looks at what snapshots hold."""

    def note_made(self, volume_id: str, mark: int) -> None:
        """Nobody looks at what volumes begin with."""

    def on_fault(self, error: BaseException, /) -> None:
        raise error

    def now(self) -> float:
        return time.time()
