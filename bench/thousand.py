"""A cloud of 1,000 hosts and 50,000 instances: launching and describing against an empty cloud.

The hosts are fake (`fakehosts`), the protocol between them and the cloud is not: every host holds
its poll, hears of its launches, reports them. The instances are in the database before the cloud
starts, fifty to an account, spread as the placement would. Each side is asked at the same pace, by
one client that waits in between as users do; what counts is the time to the answer.
"""

import ipaddress
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import asking, describe, processes, report, sealed
from mallee.cloud import accounts
from mallee.cloud.hosts.doors import joining
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import clock, secretbox
from mallee.model.compute.instances import Instance, InstanceSeen, Phase, Reach
from mallee.model.configuration import settings
from mallee.model.images.images import Blob, Image
from mallee.model.layout import Layout
from mallee.model.network.networks import Interface, SecurityGroup, Subnet

HOSTS = 1000
EACH = 50
"""Instances of one host, and of one account."""
LAUNCHES = 200
PAUSE_S = 0.05
IMAGE_ID = "ami-00000000000000001"
SETTINGS = settings.Settings(
    ports=describe.PORTS, network=settings.Network(public_range="203.0.0.0/16")
)
WARM_UP = 10
"""So many of each are not counted."""
Place = tuple[Record[Subnet, None], Record[SecurityGroup, None]]


@dataclass(frozen=True, slots=True)
class Side:
    """What one cloud was measured at."""

    launch_ms: tuple[float, ...]
    describe_ms: tuple[float, ...]
    page_ms: tuple[float, ...]
    resident_mib: float
    cpu_ms: float
    """Of the cloud's process for each launch, with all that follows from it."""


def measure(runs: int) -> list[report.Finding]:
    """Measure an empty cloud of one host, and then the full one."""
    empty, full = _measure(1, 0), _measure(HOSTS, HOSTS * EACH)
    few = f"{HOSTS} hosts and {HOSTS * EACH} instances"
    return [
        *(
            report.Finding(
                promise=f"{name}, {what}, with {few} against none",
                unit="ms",
                ours=(share(of_full),),
                theirs=(share(of_empty),),
                bar_ratio_max=2 if what == "p99" else None,
            )
            for name, of_full, of_empty in (
                ("RunInstances", full.launch_ms, empty.launch_ms),
                ("DescribeInstances of one", full.describe_ms, empty.describe_ms),
                ("DescribeInstances, a page of 50", full.page_ms, empty.page_ms),
            )
            for what, share in (("median", statistics.median), ("p99", _p99))
        ),
        report.Finding(
            promise="processor time of the cloud for a launch and all that follows",
            unit="ms",
            ours=(full.cpu_ms,),
            theirs=(empty.cpu_ms,),
        ),
        report.Finding(
            promise="memory of the cloud's process",
            unit="MiB",
            ours=(full.resident_mib,),
            theirs=(empty.resident_mib,),
        ),
    ]


def _p99(series: tuple[float, ...]) -> float:
    return sorted(series)[int(len(series) * 0.99)]


def _measure(hosts: int, instances: int) -> Side:
    with tempfile.TemporaryDirectory(prefix="m-") as folder:
        layout = Layout(Path(folder))
        describe.prepare(layout, SETTINGS)
        tokens, key = prepare(layout, hosts, instances // EACH)
        with fake_hosts(layout) as let_live:
            with describe.daemon(layout):
                let_live(" ".join(tokens))
            _seed(layout, instances)
            with describe.daemon(layout) as pid:
                port = json.loads(layout.cloud_ports.read_text())["services"]
                let_live("")
                client = asking.Client(port, key.key.id, key.secret)
                side = _ask(client, pid)
                client.close()
                return side


@contextmanager
def fake_hosts(layout: Layout) -> Generator[Callable[[str], None]]:
    """The process of all hosts; what is given waits until they live with the cloud that is up."""
    argv = [sys.executable, "-m", "bench.fakehosts", str(layout.root)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asks, answers = process.stdin, process.stdout

        def let_live(tokens: str) -> None:
            asks.write(f"{tokens}\n")
            asks.flush()
            if answers.readline() != "ready\n":
                raise RuntimeError("the fake hosts have ended")

        try:
            yield let_live
        finally:
            process.terminate()


def _ask(client: asking.Client, pid: int) -> Side:
    """Launch and describe in turns, waiting in between until what follows is over."""
    launch = {"ImageId": IMAGE_ID, "InstanceType": "t2.nano", "MinCount": "1", "MaxCount": "1"}
    launched: list[float] = []
    described: list[float] = []
    pages: list[float] = []
    spent: list[float] = []
    for _ in range(LAUNCHES):
        before = processes.cpu_s(pid)
        body = _timed(client, "RunInstances", launch, launched)
        id = body.partition(b"<instanceId>")[2].partition(b"</instanceId>")[0].decode()
        time.sleep(PAUSE_S)
        spent.append((processes.cpu_s(pid) - before) * 1000)
        _timed(client, "DescribeInstances", {"InstanceId.1": id}, described)
        _timed(client, "DescribeInstances", {"MaxResults": "50"}, pages)
    return Side(
        launch_ms=tuple(launched[WARM_UP:]),
        describe_ms=tuple(described[WARM_UP:]),
        page_ms=tuple(pages[WARM_UP:]),
        resident_mib=processes.resident_mib(pid),
        cpu_ms=statistics.median(spent),
    )


def _timed(
    client: asking.Client, action: str, parameters: Mapping[str, str], took: list[float]
) -> bytes:
    signed = client.sign(action, parameters)
    began = time.monotonic()
    body = client.send(signed)
    took.append((time.monotonic() - began) * 1000)
    return body


def _open(layout: Layout) -> store.Store:
    return store.Store.open(f"sqlite:///{layout.database}", clock=clock.SYSTEM)


def _put(tx: store.Tx, number: int, hosts: Sequence[str], place: Place) -> None:
    """Put one running instance there, as a launch would have."""
    subnet, group = place
    name, host_id = f"{number:017x}", hosts[number % len(hosts)]
    address = str(ipaddress.ip_network(subnet.doc.cidr)[10 + number % EACH])
    interface = Interface(
        id=f"eni-{name}",
        vpc_id=subnet.doc.vpc_id,
        subnet_id=subnet.id,
        mac=f"06:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
        private_ip=address,
        group_ids=(group.id,),
        instance_id=f"i-{name}",
        attached_at=tx.now,
    )
    tx.insert(records.INTERFACE, subnet.account, interface.id, interface)
    tx.claim("mac", interface.mac, interface.id)
    tx.claim(f"private-ip/{subnet.id}", address, interface.id)
    for resource, amount in (("vcpus", 1), ("memory_mib", 512), ("disk_gib", 1)):
        tx.claim(f"host/{host_id}/{resource}", f"i-{name}", f"i-{name}", amount)
    instance = Instance(
        id=f"i-{name}",
        reservation_id=f"r-{name}",
        launch_index=0,
        image_id=IMAGE_ID,
        type_name="t2.nano",
        vcpus=1,
        memory_mib=512,
        disk_gib=1,
        zone=subnet.doc.zone,
        host_id=host_id,
        vpc_id=subnet.doc.vpc_id,
        subnet_id=subnet.id,
        interface_ids=(interface.id,),
        launched_at=tx.now,
        wanted_since=tx.now,
        tags={"Name": f"guest-{number}"},
    )
    made = tx.insert(records.INSTANCE, subnet.account, instance.id, instance)
    reach = Reach(answers=True, since=0.0)
    tx.observe(made, InstanceSeen(launch=1, phase=Phase.RUNNING, reach=reach))


def prepare(layout: Layout, hosts: int, owners: int) -> tuple[list[str], accounts.NewKey]:
    """Make the accounts, join tokens, an image, and the key of the account that will ask."""
    box = secretbox.load_or_create(layout.master_key)
    means = accounts.Means(settings=SETTINGS, entropy=os.urandom, box=box)

    def make(tx: store.Tx) -> tuple[list[str], accounts.NewKey]:
        made = [accounts.create(tx, f"account-{n}", means) for n in range(owners + 1)]
        blob = Blob(sha256="a" * 64, size_bytes=1, format="qcow2")
        image = Image(
            id=IMAGE_ID,
            name="tiny",
            kind="machine",
            location="tiny",
            is_public=True,
            blob=blob,
            disk_gib=1,
            created_at=tx.now,
        )
        tx.insert(records.IMAGE, made[0].id, image.id, image)
        key = accounts.create_key(tx, accounts.administrator(tx, made[0]), means)
        return [joining.create_token(tx, os.urandom) for _ in range(hosts)], key

    opened = _open(layout)
    prepared = opened.transact(make)
    opened.close()
    return prepared


def _seed(layout: Layout, instances: int) -> None:
    """Put instances into all accounts but the last, each on another host than the one before."""
    opened = _open(layout)
    numbers = itertools.count()
    hosts = [host.id for host in opened.view.list(records.HOST)]
    owners = opened.view.list(records.ACCOUNT)[: instances // EACH]
    for owner in owners:

        def put(tx: store.Tx, account: str = owner.id) -> None:
            [subnet, *_] = tx.list(records.SUBNET, account)
            [group, *_] = tx.list(records.SECURITY_GROUP, account)
            for _ in range(EACH):
                _put(tx, next(numbers), hosts, (subnet, group))

        opened.transact(put)
    opened.close()


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
