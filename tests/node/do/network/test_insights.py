"""What network insights find, the kernel does: a way that is found carries a packet and its answer,
and where none is found no packet comes through with an answer."""

from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mallee.cloud.ec2.insights import reach
from mallee.cloud.ec2.insights.ends import Place, PlaceKind
from mallee.cloud.ec2.insights.reach import Wish
from mallee.model.hosts.hosts import InterfaceWanted
from mallee.model.network.insights import PathFilter
from mallee.model.packets.hops import TCP, Packet
from mallee.model.packets.traces import ProbeTold, TraceAsk
from mallee.node import tracing
from tests.node import lab, shapes
from tests.node.do.network.test_reference import PORTS, Cloud

pytestmark = pytest.mark.host

PAIRS = 8
LATE = 3
TRIES = 2
"""Packets that are sent where no way was found."""


def place(one: InterfaceWanted) -> Place:
    texts = [one.private_ip, *(more.private_ip for more in one.secondary)]
    return Place(
        kind=PlaceKind.INTERFACE,
        id=one.id,
        vpc_id=one.vpc_id,
        interface_ids=(one.id,),
        addresses=tuple(ip_address(text) for text in texts),
    )


def wish(one: InterfaceWanted, other: InterfaceWanted) -> Wish:
    return Wish(
        protocol=TCP,
        source=place(one),
        destination=place(other),
        # The sender of a probe speaks from a high port.
        at_source=PathFilter(source_ports=(49152, 65535)),
        at_destination=PathFilter(),
    )


@pytest.mark.parametrize("seed", [5, 26])
def test_what_is_found_is_what_the_kernel_does(root_dir: Path, seed: int) -> None:
    cloud = Cloud(seed)
    with lab.opened(root_dir) as host:
        wanted = shapes.host(*cloud.vpcs.values(), egress=True)
        host.apply(wanted)
        host.apply(wanted)
        here: Any = SimpleNamespace(layout=host.layout, network=host.network)

        def send(sender: InterfaceWanted, packet: Packet) -> ProbeTold:
            asked = TraceAsk(
                interface_id=sender.id,
                source=str(packet.source),
                destination=str(packet.destination),
                protocol=TCP,
                port=packet.destination_port,
                is_probe=True,
            )
            told = tracing.tell(here, wanted, asked).probe
            assert told is not None
            return told

        for _ in range(PAIRS):
            one, other = cloud.random.sample(cloud.interfaces(), 2)
            found = reach.find(cloud.vpcs, wish(one, other))
            if found is not None and found.is_reached:
                packet = found.forward.hops[0].packet
                # On a busy machine an answer may be late.
                told = send(one, packet)
                for _ in range(LATE):
                    told = told if told.is_answered else send(one, packet)
                assert (told.end, told.at, told.is_answered) == ("arrived", other.id, True), told
                continue
            for to in cloud.random.choices(place(other).addresses, k=TRIES):
                packet = Packet(
                    source=ip_address(one.private_ip),
                    destination=to,
                    protocol=TCP,
                    destination_port=cloud.random.choice(PORTS),
                )
                told = send(one, packet)
                is_through = (told.end, told.at, told.is_answered) == ("arrived", other.id, True)
                assert not is_through, f"{packet} came through: {found}, {told}"
