"""S3 over a real shared file system: GlusterFS on three hosts of a lab, two of them front ends. The
one that leads is killed: what was acknowledged is there."""

import contextlib
import itertools
import shutil
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from mallee.box import status, steps
from mallee.kit import process
from mallee.model.configuration import settings
from tests import labs, wholecloud
from tests.labs import Lab
from tests.storms import frontends
from tests.storms.schedule import FRONT, HOSTS, SECOND

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(not shutil.which("glusterd"), reason="GlusterFS is not installed"),
]

BOTH = (FRONT, SECOND)
SETTLED_S = 420.0
BUCKET = "shared"
FAILURES = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, OSError)
VOLUME = "objects"
OPTIONS = {
    # What a leader wrote into a small file another machine reads at once.
    "performance.quick-read": "off",
    "performance.open-behind": "off",
    "performance.stat-prefetch": "off",
    "performance.io-cache": "off",
    # A brick that swallows packets holds nobody up for longer than a lease.
    "network.ping-timeout": "5",
}


@contextmanager
def _ground(lab: Lab) -> Generator[None]:
    frontends.start_database(lab)
    yield


@pytest.fixture(scope="module")
def lab() -> Generator[Lab]:
    with labs.up(frontends.text(BOTH), _ground) as made:
        _make_volume(made)
        for host in BOTH:
            _mount(made, host)
        made.run(FRONT, "chown", "mallee:mallee", str(directory(made)))
        made.run(FRONT, "chmod", "700", str(directory(made)))
        _share(made)
        frontends.join(made, (SECOND,))
        insist(lambda: client(made, FRONT).create_bucket(Bucket=BUCKET))
        yield made


def directory(lab: Lab) -> Path:
    """Where both have it mounted, each in namespaces of its own."""
    return lab.place.path / "objects"


def _make_volume(lab: Lab) -> None:
    for host in HOSTS:
        home = lab.place.root(host) / "gluster"
        for name, place in (
            ("state", "/var/lib/glusterd"),
            ("run", "/run/gluster"),
            ("log", "/var/log/glusterfs"),
        ):
            (home / name).mkdir(parents=True)
            lab.run(host, "mkdir", "-p", place)
            lab.run(host, "mount", "--bind", str(home / name), place)
        (home / "brick").mkdir()
        # What it says goes into its log; its own children keep its output.
        lab.run(host, "sh", "-c", "exec glusterd >/dev/null 2>&1 </dev/null")
    for host in HOSTS[1:]:
        wait_until(lambda host=host: _gluster(lab, "peer", "probe", lab.address(host)), host)
    bricks = [f"{lab.address(one)}:{lab.place.root(one)}/gluster/brick" for one in HOSTS]
    made = ("volume", "create", VOLUME, "replica", "3", *bricks, "force")
    wait_until(lambda: _gluster(lab, *made), "the volume")
    for name, value in OPTIONS.items():
        assert _gluster(lab, "volume", "set", VOLUME, name, value), name
    wait_until(lambda: _gluster(lab, "volume", "start", VOLUME), "the volume to be started")


def _gluster(lab: Lab, *words: str) -> bool:
    line = ("sh", "-c", 'gluster --mode=script "$@" >&2 </dev/null && echo yes', "gluster", *words)
    with contextlib.suppress(process.Failed):
        return "yes" in lab.run(FRONT, *line)
    return False


def _mount(lab: Lab, host: str) -> None:
    directory(lab).mkdir(exist_ok=True)
    what = f"{lab.address(host)}:/{VOLUME}"
    lab.run(host, "sh", "-c", f"mount -t glusterfs {what} {directory(lab)} >/dev/null 2>&1")


def _share(lab: Lab) -> None:
    """Do as the documents say."""
    lab.mallee(FRONT, "down")
    path = lab.layout(FRONT).settings
    text = path.read_text()
    assert 'engine = "local"\ndirectory = ""' in text
    shared = f'engine = "shared"\ndirectory = "{directory(lab)}"'
    path.write_text(text.replace('engine = "local"\ndirectory = ""', shared))
    assert settings.parse(path.read_text()).objects.engine == "shared"
    lab.mallee(FRONT, "up")


def client(lab: Lab, host: str) -> Any:
    access = lab.cloud.access
    session: Any = boto3
    return session.client(
        "s3",
        endpoint_url=f"http://{lab.address(host)}:8773",
        region_name="us-east-1",
        aws_access_key_id=access.access_key_id,
        aws_secret_access_key=access.secret_access_key,
        config=Config(
            retries={"max_attempts": 0},
            connect_timeout=3,
            read_timeout=30,
            s3={"addressing_style": "path"},
        ),
    )


def insist(ask: Callable[[], Any]) -> Any:
    """Ask until it is answered."""
    deadline = time.monotonic() + SETTLED_S
    while time.monotonic() < deadline:
        with contextlib.suppress(*FAILURES):
            return ask()
        time.sleep(0.2)
    return ask()


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    wholecloud.wait_until(is_true, SETTLED_S, what)


def leader(lab: Lab) -> str:
    """Who serves S3, as the cloud says."""
    for host in BOTH:
        with contextlib.suppress(steps.Failed):
            listed = lab.mallee(host, "frontends", "list").splitlines()
            names = [line.split()[1] for line in listed if "serves S3" in line]
            if names:
                return SECOND if names == [SECOND] else FRONT
    return ""


class Writer(threading.Thread):
    """Puts objects at both in turn, and remembers what it was told is kept."""

    def __init__(self, lab: Lab, name: str) -> None:
        super().__init__()
        self.kept: dict[str, bytes] = {}
        self.is_over = threading.Event()
        self.acknowledged = 0
        self._name = name
        self._clients = itertools.cycle([client(lab, host) for host in BOTH])

    def run(self) -> None:
        for number in itertools.count():
            if self.is_over.is_set():
                return
            # Small ones go into packs, large ones are files.
            size = 100 if number % 3 else 200_000
            key, body = f"{self._name}-{number % 30}", f"{number:06}".encode() * (size // 6)
            with contextlib.suppress(*FAILURES):
                self.kept.pop(key, None)
                next(self._clients).put_object(Bucket=BUCKET, Key=key, Body=body)
                self.kept[key] = body
                self.acknowledged += 1

    def wait_more(self, count: int) -> None:
        wanted = self.acknowledged + count
        wait_until(lambda: self.acknowledged >= wanted, f"{count} more to be kept")

    def finish(self, lab: Lab) -> None:
        """End, and see that all of it is there, whoever is asked."""
        self.is_over.set()
        self.join()
        assert self.kept
        for host in BOTH:
            asked = client(lab, host)
            for key, body in self.kept.items():
                found = insist(lambda key=key, s3=asked: s3.get_object(Bucket=BUCKET, Key=key))
                assert found["Body"].read() == body, (host, key)


def term(lab: Lab, host: str) -> int:
    """The number of the term, as a host reads it."""
    return int(lab.run(host, "cat", str(directory(lab) / "term")))


def test_the_leader_is_killed(lab: Lab) -> None:
    wait_until(lambda: bool(leader(lab)), "the cloud to say who serves S3")
    former = leader(lab)
    [other] = [host for host in BOTH if host != former]
    writer = Writer(lab, "killed")
    writer.start()
    writer.wait_more(10)
    before = term(lab, other)
    for name in ("supervisor", "s3", "cloud"):
        # As the host itself numbers them.
        pid = status.pid_file(lab.layout(former), name).read_text().split()[0]
        lab.run(former, "sh", "-c", f"kill -9 {pid} || true")
    wait_until(lambda: term(lab, other) > before, "another term")
    writer.wait_more(5)
    lab.mallee(former, "up")
    writer.wait_more(5)
    writer.finish(lab)
