"""Two hundred hosts at one front end: what they cost while nothing happens, and how soon they are
known to be gone. And one that is real: how soon it is of use, from the line that lets it join.

The hosts are fake (`fakehosts`), the protocol is not: each holds its poll over mutual TLS and asks
again when its patience ends. What is counted is the processor time of the cloud's process. The real
one is a lab's: it begins with nothing but its programs and the proof of KVM.
"""

import json
import shutil
import tempfile
import time
from pathlib import Path

from bench import asking, describe, processes, report, sealed, thousand
from mallee.model.layout import Layout
from tests import labs, wholecloud

HOSTS = 200
SETTLED_S = 5.0
IDLE_S = 20.0
"""Twice as long as a poll is held: each host asks twice or more."""
LOST_S_MAX = 60.0
JOINS_MAX = 3
JOINED_S_MAX = 120.0
LAB = """
image = false
[hosts.front]
role = "front"
[hosts.other]
role = "bare"
"""


def measure(runs: int) -> list[report.Finding]:
    """Measure idle shares in one cloud, and then the loss of all its hosts."""
    with tempfile.TemporaryDirectory(prefix="m-") as folder:
        layout = Layout(Path(folder))
        describe.prepare(layout, thousand.SETTINGS)
        tokens, key = thousand.prepare(layout, HOSTS, 0)
        with describe.daemon(layout) as pid:
            with thousand.fake_hosts(layout) as let_live:
                let_live(" ".join(tokens))
                time.sleep(SETTLED_S)
                shares = tuple(_idle_percent(pid) for _ in range(runs))
            ended_at = time.monotonic()
            port = json.loads(layout.cloud_ports.read_text())["services"]
            client = asking.Client(port, key.key.id, key.secret)
            lost_s = _wait_lost(client, ended_at)
            client.close()
    return [
        report.Finding(
            promise="from `mallee node join` to ENABLED",
            unit="s",
            ours=tuple(_join_s() for _ in range(min(runs, JOINS_MAX))),
            bar_max=10,
        ),
        report.Finding(
            promise=f"processor of an idle cloud with {HOSTS} hosts, of one core",
            unit="%",
            ours=shares,
            bar_max=10,
        ),
        report.Finding(
            promise=f"until it is known that {HOSTS} agents are lost",
            unit="s",
            ours=(lost_s,),
            bar_max=15,
        ),
    ]


def _join_s() -> float:
    """Return how long a machine takes to be a host that does its work."""
    with labs.made(LAB) as lab:
        there = lab.layout("other")
        there.node.mkdir(parents=True)
        shutil.copy(wholecloud.verdict(), there.kvm_verdict)
        reached = ("--address", lab.address("front"))
        invitation = lab.mallee("front", "node", "invite", "--bare", *reached).strip()
        began = time.monotonic()
        lab.mallee("other", "node", "join", invitation, "--name", "other")
        while time.monotonic() < began + JOINED_S_MAX:
            lines = lab.mallee("front", "hosts", "list").splitlines()
            if any("\tother\t" in line and "\tENABLED\t" in line for line in lines):
                return time.monotonic() - began
        raise RuntimeError(f"the host is not ENABLED after {JOINED_S_MAX:g} s")


def _idle_percent(pid: int) -> float:
    began, before = time.monotonic(), processes.cpu_s(pid)
    time.sleep(IDLE_S)
    return 100 * (processes.cpu_s(pid) - before) / (time.monotonic() - began)


def _wait_lost(client: asking.Client, ended_at: float) -> float:
    """Return how long after their end no host of the zone takes instances."""
    while b"<zoneState>unavailable" not in client.send(
        client.sign("DescribeAvailabilityZones", {})
    ):
        if time.monotonic() > ended_at + LOST_S_MAX:
            raise RuntimeError(f"hosts are not lost after {LOST_S_MAX:g} s")
        time.sleep(0.1)
    return time.monotonic() - ended_at


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
