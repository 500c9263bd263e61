"""DescribeInstances at 1, 100 and 1,000 instances: requests per second of one core, against moto.

Both are servers of their own process; the processor time that the process spends per request is
measured, so that neither the client nor a busy machine counts. Ours is the cloud process alone,
with instances put into its database; theirs is moto's server with as many.
"""

# boto3 makes its clients' methods as it runs: they have no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import boto3

from bench import asking, processes, report, sealed
from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model.compute.instances import Instance, InstanceSeen, Phase
from mallee.model.configuration import settings
from mallee.model.layout import Layout
from mallee.model.network.networks import Interface

COUNTS = (1, 100, 1000)
REQUESTS = {1: 400, 100: 60, 1000: 8}
MOTO_REQUESTS = {1: 20, 100: 3, 1000: 1}
START_TIMEOUT_S = 60
PORTS = settings.Ports(services=0, agents=0)
"""Whichever are free."""


def measure(runs: int) -> list[report.Finding]:
    """Measure both servers at every count."""
    return [_measure_count(count, runs) for count in COUNTS]


def _measure_count(count: int, runs: int) -> report.Finding:
    with tempfile.TemporaryDirectory(prefix="m-") as folder:
        with running(Path(folder), count) as (pid, client):
            ours = rates(pid, lambda: _describe(client, count), runs, REQUESTS[count])
        with _moto(count) as (pid, client):
            theirs = rates(pid, lambda: _describe(client, count), runs, MOTO_REQUESTS[count])
    return report.Finding(
        promise=f"DescribeInstances, {count} instances",
        unit="requests/s/core",
        ours=ours,
        theirs=theirs,
        bar_ratio_min=20,
    )


def _describe(client: asking.Client, count: int) -> None:
    body = client.ask("DescribeInstances", {"MaxResults": "1000"})
    assert body.count(b"<instanceId>i-") >= count, body[:500]


def rates(pid: int, ask: Callable[[], None], runs: int, requests: int) -> tuple[float, ...]:
    """Requests per second of processor time, once per run, after one run to warm up."""
    rates: list[float] = []
    for _ in range(runs + 1):
        before = processes.cpu_s(pid)
        for _ in range(requests):
            ask()
        rates.append(requests / (processes.cpu_s(pid) - before))
    return tuple(rates[1:])


@contextmanager
def running(
    root: Path, count: int, more: Callable[[store.Tx], None] | None = None
) -> Generator[tuple[int, asking.Client]]:
    """The cloud process with so many instances in its database, and what `more` puts there."""
    layout = Layout(root)
    prepare(layout, settings.Settings(ports=PORTS))
    opened = store.Store.open(f"sqlite:///{layout.database}", clock=clock.SYSTEM)
    opened.transact(lambda tx: _seed(tx, count))
    if more is not None:
        opened.transact(more)
    opened.close()
    with daemon(layout) as pid:
        key = json.loads(layout.admin_credentials.read_text())
        port = json.loads(layout.cloud_ports.read_text())["services"]
        client = asking.Client(port, key["access_key_id"], key["secret_access_key"])
        yield pid, client
        client.close()


def prepare(layout: Layout, chosen: settings.Settings) -> None:
    """Make a cloud's database with its first account."""
    for folder in (layout.cloud, layout.log, layout.admin_credentials.parent):
        folder.mkdir(parents=True, exist_ok=True)
    layout.settings.write_text(settings.encode(chosen))
    with daemon(layout):
        pass


@contextmanager
def daemon(layout: Layout) -> Generator[int]:
    """The cloud process, and its id."""
    layout.cloud_ports.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "mallee.cloud.daemon", "--root", str(layout.root)]
    daemon = subprocess.Popen(argv)
    try:
        _wait_for(layout.cloud_ports.exists, daemon)
        yield daemon.pid
    finally:
        daemon.terminate()
        daemon.wait(timeout=START_TIMEOUT_S)


def _wait_for(is_there: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not is_there():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args} did not start")
        time.sleep(0.02)


def _seed(tx: store.Tx, count: int) -> None:
    [account] = tx.list(records.ACCOUNT)
    subnet = tx.list(records.SUBNET, account.id)[0]
    group = tx.list(records.SECURITY_GROUP, account.id)[0]
    for n in range(count):
        number = f"{n:017x}"
        address = f"172.31.{1 + n // 250}.{1 + n % 250}"
        interface = Interface(
            id=f"eni-{number}",
            vpc_id=subnet.doc.vpc_id,
            subnet_id=subnet.id,
            mac=f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}",
            private_ip=address,
            group_ids=(group.id,),
            instance_id=f"i-{number}",
            attached_at=tx.now,
        )
        tx.insert(records.INTERFACE, account.id, interface.id, interface)
        instance = Instance(
            id=f"i-{number}",
            reservation_id=f"r-{number}",
            launch_index=0,
            image_id="ami-00000000000000001",
            type_name="t3.micro",
            vcpus=2,
            memory_mib=1024,
            disk_gib=1,
            key_name="a-key",
            zone=subnet.doc.zone,
            host_id="h-00000000000000001",
            vpc_id=subnet.doc.vpc_id,
            subnet_id=subnet.id,
            interface_ids=(interface.id,),
            launched_at=tx.now,
            wanted_since=tx.now,
            tags={"Name": f"guest-{n}"},
        )
        made = tx.insert(records.INSTANCE, account.id, instance.id, instance)
        tx.observe(made, InstanceSeen(launch=1, phase=Phase.RUNNING))


@contextmanager
def _moto(count: int) -> Generator[tuple[int, asking.Client]]:
    """Moto's server with so many instances, each from a call of its own as in the cloud."""
    port = sealed.free_port()
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(argv, stdout=quiet, stderr=quiet, env={**os.environ})
    try:
        _wait_for(lambda: sealed.answers(port), server)
        client = boto3.client(
            "ec2",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="AKIAEXAMPLE",
            aws_secret_access_key="secret",
        )
        image = client.describe_images()["Images"][0]["ImageId"]
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "guest"}]}]
        for _ in range(count):
            client.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=tags)
        asker = asking.Client(port, "AKIAEXAMPLE", "secret")
        yield server.pid, asker
        asker.close()
    finally:
        server.terminate()
        server.wait(timeout=START_TIMEOUT_S)


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
