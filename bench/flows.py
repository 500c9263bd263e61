"""What flow logs cost: a datagram's way through a VPC with a log of everything and without, and the
agent's processor time for a thousand new flows a second.

Two namespaces stand in the guests' places; the kernel carries a datagram from one to the other
within the sender's own call, so its time is the packet's. Both kinds of runs take turns.
"""

import socket
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from bench import report, sealed
from mallee.kit import clock, process
from mallee.model.hosts.hosts import (
    GroupWanted,
    HostWanted,
    InterfaceWanted,
    SubnetWanted,
    VpcWanted,
)
from mallee.model.layout import Layout
from mallee.model.network.flowlogs import DEFAULT_FIELDS
from mallee.model.network.networks import Direction, Rule
from mallee.model.network.watching import FlowLogWanted
from mallee.node.do.network import namespaces, network
from mallee.node.flowlogs import READ_S, FlowLogs
from mallee.node.plan.network import flowcounts

DATAGRAMS = 30_000
FLOWS_PER_S = 1000
VPC, SUBNET, GROUP = f"vpc-{0:017x}", f"subnet-{0:017x}", f"sg-{0:017x}"


def measure(runs: int) -> list[report.Finding]:
    """Send through one VPC, in turns with a log and without."""
    with TemporaryDirectory(prefix="m-") as root:
        Path(root).chmod(0o755)
        layout = Layout(Path(root))
        layout.node.mkdir()
        host = network.Network(layout)
        guests = [f"bench-{layout.tag}-{number}" for number in range(2)]
        try:
            return _measure(host, layout, guests, runs)
        finally:
            host.destroy()
            for guest in guests:
                namespaces.remove(guest)


def _measure(
    host: network.Network, layout: Layout, guests: list[str], runs: int
) -> list[report.Finding]:
    plain, logged = _wanted(()), _wanted(DEFAULT_FIELDS)
    host.apply(plain)
    for guest, interface in zip(guests, plain.vpcs[0].interfaces, strict=True):
        _plug(host, layout, guest, interface)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(runs):
        for wanted, series in ((plain, theirs), (logged, ours)):
            host.apply(wanted)
            namespaces.run_inside(guests[0], lambda: _send(1, 1000))
            series.append(namespaces.run_inside(guests[0], lambda: _send(1, DATAGRAMS)))
    return [
        report.Finding(
            promise="a datagram's way through a VPC whose flows are logged",
            unit="µs",
            ours=tuple(ours),
            theirs=tuple(theirs),
            bar_ratio_max=1.4,
        ),
        report.Finding(
            promise=f"the agent's part in {FLOWS_PER_S} new flows a second",
            unit="% of a processor",
            ours=tuple(_agent_percent(layout, guests[0], logged, runs)),
            bar_max=20,
        ),
    ]


def _agent_percent(layout: Layout, guest: str, wanted: HostWanted, runs: int) -> list[float]:
    """What reading and summing up takes while as many flows stand as do in the long run."""
    flows = FlowLogs(layout, lambda: wanted, _Nobody(), clock.SYSTEM)
    found: list[float] = []
    for _ in range(runs):
        namespaces.run_inside(guest, lambda: _send(FLOWS_PER_S * flowcounts.KEPT_S, 1))
        flows.turn()
        namespaces.run_inside(guest, lambda: _send(int(FLOWS_PER_S * READ_S), 1))
        began = time.process_time()
        flows.turn()
        found.append((time.process_time() - began) / READ_S * 100)
    return found


class _Nobody:
    async def deliver_flows(self, name: str, lines: bytes) -> None:
        """Take nothing."""


def _send(flows: int, each: int) -> float:
    """Send to so many ports, so many datagrams each; return microseconds of processor for one."""
    began = time.thread_time()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for port in range(flows):
            end = (_ip(1), 1024 + port % 60_000)
            for _ in range(each):
                one.sendto(b"x" * 64, end)
    return (time.thread_time() - began) / (flows * each) * 1e6


def _plug(host: network.Network, layout: Layout, guest: str, one: InterfaceWanted) -> None:
    namespaces.ensure(guest)
    process.run(
        ("ip", "-n", layout.hypervisor_namespace, "link", "add", layout.tap(one.id), "type",
         "veth", "peer", "name", "eth0", "netns", guest)
    )  # fmt: skip
    for words in (
        ("link", "set", "eth0", "address", one.mac, "up"),
        ("address", "add", f"{one.private_ip}/24", "dev", "eth0"),
    ):
        process.run(("ip", "-n", guest, *words))
    # What nobody listens to is answered by nobody: the datagram's way is measured, not an answer's.
    rules = (
        b"table inet quiet {\n chain i {\n type filter hook input priority 0\n"
        b" udp dport 1024-65535 drop\n }\n}\n"
    )
    namespaces.run_inside(guest, lambda: process.run(("nft", "-f", "-"), rules))
    host.plug(one)


def _ip(number: int) -> str:
    return f"172.31.0.{10 + number}"


def _wanted(fields: tuple[str, ...]) -> HostWanted:
    rules = tuple(
        Rule(id=way.value, direction=way, protocol="-1", cidr="172.31.0.0/16") for way in Direction
    )
    interfaces = tuple(_interface(number) for number in range(2))
    ids = tuple(one.id for one in interfaces)
    log = FlowLogWanted(
        id=f"fl-{0:017x}", account_id="0" * 12, zone_id="", interface_ids=ids, fields=fields
    )
    vpc = VpcWanted(
        id=VPC,
        cidr="172.31.0.0/16",
        link_index=0,
        subnets=(SubnetWanted(SUBNET, "172.31.0.0/24"),),
        groups=(GroupWanted(id=GROUP, rules=rules, member_ips=()),),
        interfaces=interfaces,
    )
    return HostWanted(
        generation=1,
        region="us-east-1",
        zone="us-east-1a",
        public_range="203.0.113.0/24",
        private_range="172.31.0.0/16",
        egress=False,
        vpcs=(replace(vpc, flow_logs=(log,)) if fields else vpc,),
        instances=(),
    )


def _interface(number: int) -> InterfaceWanted:
    return InterfaceWanted(
        id=f"eni-{number:012x}00000",
        instance_id=f"i-{number:017x}",
        vpc_id=VPC,
        subnet_id=SUBNET,
        device_index=0,
        mac=f"02:00:00:00:00:{number:02x}",
        private_ip=_ip(number),
        public_ip=None,
        group_ids=(GROUP,),
        hostname=f"ip-{number}",
    )


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
