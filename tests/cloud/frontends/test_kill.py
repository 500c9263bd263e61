"""Front ends are killed at random moments while clients ask and agents work: nothing that was
acknowledged is lost, nothing is done twice, and whoever is left goes on."""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model.images.images import Blob, Image
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd, Hosts

pytestmark = pytest.mark.postgres

IMAGE_ID = "ami-00000000000000001"
SEED = 20
KILLS = 4
CLIENTS = 3
SETTLED_S = standing.SETTLED_S
Way = Callable[[Any, str], list[str]]
"""Makes something with a token; returns what it is."""
FAILURES = (botocore.exceptions.BotoCoreError, OSError)


@pytest.fixture
def three(root_dir: Path, postgresql_url: str) -> Iterator[list[FrontEnd]]:
    """Three front ends that run."""
    first = standing.found(root_dir / "fe0", postgresql_url)
    all = [first]
    try:
        first.start()
        first.wait_ready()
        for number in (1, 2):
            all.append(standing.join(root_dir / f"fe{number}", first, f"fe{number}"))
        for one in all[1:]:
            one.start()
        for one in all[1:]:
            one.wait_ready()
        yield all
    finally:
        for one in all:
            one.kill()


@pytest.fixture
def hosts(three: list[FrontEnd], root_dir: Path) -> Iterator[Hosts]:
    """Two agents."""
    made = Hosts(root_dir, three[0], three, 2)
    yield made
    made.close()


class Client(threading.Thread):
    """Asks for things with tokens, of any front end, until there is an answer."""

    def __init__(self, number: int, all: list[FrontEnd], *ways: Way) -> None:
        """Make things in these ways: instances and volumes unless others are given."""
        super().__init__()
        self._ways = ways or (_launch, _make_volume)
        self.made: dict[str, set[str]] = {}
        """What each token was answered with."""
        self.is_over = threading.Event()
        self.error: BaseException | None = None
        self._number = number
        self._clients = [one.client() for one in all]
        self._luck = random.Random(SEED + number)

    def run(self) -> None:
        count = 0
        try:
            while not self.is_over.is_set():
                count += 1
                # A few at a time: each of them is looked at in the end.
                self.is_over.wait(self._luck.random() * 0.5)
                self._make(f"token-{self._number}-{count}", self._luck.choice(self._ways))
        except BaseException as error:  # noqa: BLE001 - it is told by who waits for the thread
            self.error = error

    def _make(self, token: str, way: Way) -> None:
        while True:
            ec2 = self._luck.choice(self._clients)
            try:
                made = way(ec2, token)
            except FAILURES:
                time.sleep(0.05)
                continue
            except botocore.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in ("Unavailable", "ServiceUnavailable"):
                    raise
                continue
            self.made.setdefault(token, set()).update(made)
            if self._luck.random() < 0.7:
                return


def _launch(ec2: Any, token: str) -> list[str]:
    asked = {"ImageId": IMAGE_ID, "InstanceType": "t2.nano", "ClientToken": token}
    answer = ec2.run_instances(MinCount=1, MaxCount=1, **asked)
    return [one["InstanceId"] for one in answer["Instances"]]


def _make_volume(ec2: Any, token: str) -> list[str]:
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "token", "Value": token}]}]
    made = ec2.create_volume(
        AvailabilityZone="us-east-1a", Size=1, ClientToken=token, TagSpecifications=tags
    )
    return [made["VolumeId"]]


def test_nothing_acknowledged_is_lost_and_nothing_done_twice(
    three: list[FrontEnd], hosts: Hosts, postgresql_url: str
) -> None:
    _prepare(postgresql_url)
    wait_until(lambda: len(_up(three[0])) == 2, "the hosts to be up", hosts)
    clients = [Client(number, three) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    _kill_at_random(three)
    for client in clients:
        client.is_over.set()
    for client in clients:
        client.join(SETTLED_S)
        assert client.error is None
        assert not client.is_alive(), "a client was not answered"
    ec2 = three[1].client()
    made = {token: ids for client in clients for token, ids in client.made.items()}
    assert len(made) > KILLS
    assert [ids for ids in made.values() if len(ids) != 1] == []
    found = _by_token(ec2)
    assert {token: ids for token, ids in found.items() if len(ids) > 1} == {}
    assert {token: set(found[token]) for token in made} == made
    wait_until(lambda: _carried(hosts) == _running(ec2), "every instance to run once", hosts)
    assert any(door.other_urls and door.address for door in hosts.doors)


def _kill_at_random(three: list[FrontEnd]) -> None:
    """Kill one after the other, and start it again; two of them are there at most times."""
    luck = random.Random(SEED)
    for _ in range(KILLS):
        time.sleep(luck.uniform(0.2, 1.5))
        victim = luck.choice(three)
        victim.kill()
        time.sleep(luck.uniform(0.0, 0.5))
        victim.start()
        victim.wait_ready()


def _prepare(url: str) -> None:
    """Register an image that nobody needs to have."""
    opened = store.Store.open(url, clock=clock.SYSTEM)

    def make(tx: store.Tx) -> None:
        [account] = [one for one in tx.list(records.ACCOUNT) if one.doc.is_cloud_admin]
        image = Image(
            id=IMAGE_ID,
            name="tiny",
            description="",
            kind="machine",
            location="mallee/tiny",
            is_public=True,
            blob=Blob(sha256="a" * 64, size_bytes=1 << 20, format="qcow2"),
            disk_gib=1,
            created_at=tx.now,
        )
        tx.insert(records.IMAGE, account.id, image.id, image)

    opened.transact(make)
    opened.close()


def _up(front_end: FrontEnd) -> list[str]:
    shown = front_end.sender().ask("mallee", "DescribeHosts").text
    return [part for part in shown.split("<State>")[1:] if part.startswith("ENABLED<")]


def _by_token(ec2: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in _instances(ec2):
        found.setdefault(one["ClientToken"], []).append(one["InstanceId"])
    for volume in ec2.describe_volumes()["Volumes"]:
        for tag in volume.get("Tags", ()):
            if tag["Key"] == "token":
                found.setdefault(tag["Value"], []).append(volume["VolumeId"])
    return found


def _instances(ec2: Any) -> list[dict[str, Any]]:
    return [one for group in ec2.describe_instances()["Reservations"] for one in group["Instances"]]


def _running(ec2: Any) -> Counter[str]:
    with contextlib.suppress(*FAILURES):
        states = {one["InstanceId"]: one["State"]["Name"] for one in _instances(ec2)}
        if set(states.values()) <= {"running"}:
            return Counter(states.keys())
    return Counter(["not yet"])


def _carried(hosts: Hosts) -> Counter[str]:
    # Agents go on meanwhile: what they change is looked at as it was at a moment.
    guests = [one for disk in tuple(hosts.disks.values()) for one in tuple(disk.guests.items())]
    return Counter(id for id, one in guests if one.is_on)


def wait_until(is_true: Any, what: str, hosts: Hosts) -> None:
    """Wait for a state."""
    deadline = time.monotonic() + SETTLED_S
    while not is_true():
        hosts.check()
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)
