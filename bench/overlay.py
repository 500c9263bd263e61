"""A VPC on two hosts: how fast one TCP connection is between its guests, against the same VXLAN.

Two namespaces on one switch stand in the hosts' places, two more in the guests'. The rival is made
by hand on the same hosts and the same cable: a VXLAN device in a namespace that routes, a veth to
who speaks, the same length of packets, and no rule that looks at any of it. Both take turns.
"""

import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import report, sealed
from mallee.kit import process
from mallee.node.do.network import namespaces
from tests.node import manyhosts, shapes
from tests.node.manyhosts import Cluster, Told
from tests.node.shapes import OPEN

MIB = 1 << 20
SENT_MIB = 256
MTU = 1450
PORT = 5201
_TAG = "bench-overlay"


@dataclass(frozen=True, slots=True)
class Way:
    """Who sends, and where who receives is."""

    sender: str
    receiver: str
    address: str


def measure(runs: int) -> list[report.Finding]:
    """Send through both, in turns."""
    with TemporaryDirectory(prefix="m-") as root:
        Path(root).chmod(0o755)
        with manyhosts.opened(manyhosts.roots(Path(root), 2)) as cluster:
            ways = (_ours(cluster), _by_hand(cluster))
            try:
                taken = [[mib_per_s(way) for way in ways] for _ in range(runs)]
            finally:
                for name in _hand_names():
                    namespaces.remove(name)
    return [
        report.Finding(
            promise="a connection between guests of one VPC on two hosts, against a bare VXLAN",
            unit="MiB/s",
            ours=tuple(ours for ours, _ in taken),
            theirs=tuple(theirs for _, theirs in taken),
            bar_ratio_min=0.8,
        )
    ]


def _ours(cluster: Cluster) -> Way:
    net = shapes.subnet(1)
    one, other = (shapes.interface(number, OPEN, inside=net) for number in (10, 11))
    cluster.apply(Told((shapes.vpc(0, (net,), (one, other)),), {one.id: 0, other.id: 1}))
    ends = [cluster.machines[0].guest(one), cluster.machines[1].guest(other)]
    for end in ends:
        end.run("ip", "link", "set", "eth0", "mtu", str(MTU))
    return Way(ends[0].namespace, ends[1].namespace, other.private_ip)


def _hand_names() -> list[str]:
    return [f"{_TAG}-{kind}-{number}" for number in range(2) for kind in ("router", "end")]


def _by_hand(cluster: Cluster) -> Way:
    """The same network as an administrator would make it, with two subnets and nothing else."""
    for name in _hand_names():
        namespaces.ensure(name)
    for number, machine in enumerate(cluster.machines):
        router, end = f"{_TAG}-router-{number}", f"{_TAG}-end-{number}"
        other = cluster.machines[1 - number].peer.address
        kind = f"type vxlan id 99 local {machine.peer.address} remote {other} dstport 4790"
        machine.run(*f"ip link add hand netns {router} {kind}".split())
        inside, outside = f"10.200.{number}", f"10.200.{1 - number}"
        batch(
            router,
            f"link add end type veth peer name eth0 netns {end}",
            f"address add 10.201.0.{number + 1}/24 dev hand",
            f"link set hand mtu {MTU} up",
            f"address add {inside}.1/24 dev end",
            "link set end up",
            f"route add {outside}.0/24 via 10.201.0.{2 - number}",
        )
        namespaces.run_inside(router, lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1"))
        batch(
            end,
            "link set lo up",
            f"link set eth0 mtu {MTU} up",
            f"address add {inside}.2/24 dev eth0",
            f"route add default via {inside}.1",
        )
    return Way(f"{_TAG}-end-0", f"{_TAG}-end-1", "10.200.1.2")


def batch(name: str, *lines: str) -> None:
    """Run lines of `ip -batch` in a namespace."""
    text = "".join(f"{line}\n" for line in lines).encode()
    namespaces.run_inside(name, lambda: process.run(("ip", "-batch", "-"), text))


def mib_per_s(way: Way, sent_mib: int = SENT_MIB) -> float:
    """Send as much as is measured from one end; return how fast it was at the other."""
    server = namespaces.run_inside(way.receiver, lambda: socket.create_server(("", PORT)))
    took: list[float] = []
    with server:
        thread = threading.Thread(target=_receive, args=(server, took))
        thread.start()
        opened = namespaces.run_inside(
            way.sender, lambda: socket.create_connection((way.address, PORT), 10)
        )
        with opened:
            piece = bytes(MIB)
            for _ in range(sent_mib):
                opened.sendall(piece)
        thread.join()
    return sent_mib / took[0]


def _receive(server: socket.socket, took: list[float]) -> None:
    """Take what comes; note how long it took from the first piece to the last."""
    connection, _ = server.accept()
    with connection:
        room, began = bytearray(MIB), time.monotonic()
        while connection.recv_into(room):
            pass
        took.append(time.monotonic() - began)


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
