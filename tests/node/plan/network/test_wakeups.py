"""Who is woken when another host leads to the world, and by what."""

import struct
from ipaddress import IPv4Address
from pathlib import Path

from msgspec.structs import replace

from mallee.model.layout import Layout
from mallee.model.network.carried import Way
from mallee.node.plan.network import probes, wakeups
from mallee.node.plan.network.conversations import TCP, UDP, Conversation
from tests.node import shapes

LAYOUT = Layout(Path("/golden"))
TABLE, HIDDEN, SHUT = (f"rtb-{number:017x}" for number in (1, 2, 3))
NETS = tuple(shapes.subnet(n, table=table) for n, table in enumerate((TABLE, HIDDEN, SHUT), 1))
GUESTS = tuple(shapes.interface(10, inside=net) for net in NETS)
TABLES = (
    shapes.table(TABLE, ("0.0.0.0/0", Way.INTERNET, "igw-1"), ("10.9.0.0/16", Way.PEERING, "p")),
    shapes.table(HIDDEN, ("0.0.0.0/0", Way.NAT, "nat-1")),
    shapes.table(SHUT, ("0.0.0.0/0", Way.TRANSIT, "tgw-1")),
)
VPC = shapes.vpc(0, NETS, GUESTS, route_tables=TABLES)
SEEN, BEHIND, INSIDE = (one.private_ip for one in GUESTS)
WORLD = "198.51.100.9"


def conversation(source: str, destination: str, protocol: int = TCP) -> Conversation:
    return Conversation(protocol, source, 40000, destination, 443, 100)


def test_who_called_the_world_is_woken_and_nobody_else() -> None:
    by_ip = wakeups.listeners(LAYOUT, VPC)
    woken = [conversation(SEEN, WORLD), conversation(BEHIND, WORLD)]
    others = [
        conversation(WORLD, SEEN),
        conversation(SEEN, BEHIND),
        conversation(SEEN, "10.9.0.1"),
        conversation(INSIDE, WORLD),
        conversation(SEEN, WORLD, UDP),
        conversation("10.0.1.99", WORLD),
    ]
    assert wakeups.waiting([*others, *woken], by_ip) == woken


def test_only_another_leader_leaves_guests_waiting() -> None:
    elsewhere = replace(VPC, gateway_host_id="h")
    assert not wakeups.are_left(VPC, replace(VPC, has_internet_gateway=False))
    assert wakeups.are_left(VPC, elsewhere)
    assert wakeups.are_left(elsewhere, VPC)
    assert wakeups.are_left(elsewhere, replace(VPC, gateway_host_id="i"))


def test_it_is_a_segment_of_the_other_end_s_to_the_guest_s_card() -> None:
    by_ip = wakeups.listeners(LAYOUT, VPC)
    ((tap, frame),) = wakeups.frames([conversation(SEEN, WORLD)], by_ip, 1)
    assert tap == LAYOUT.tap(GUESTS[0].id)
    assert frame[:6].hex(":") == GUESTS[0].mac
    packet = frame[14:]
    ends = packet[12:20]
    assert ends == IPv4Address(WORLD).packed + IPv4Address(SEEN).packed
    assert struct.unpack_from("!HH", packet, 20) == (443, 40000)
    assert packet[33] == 0x10
    # What bears its own checksum sums up to nothing.
    assert probes.checksum(packet[:20]) == 0
    assert probes.checksum(ends + struct.pack("!HH", TCP, 20) + packet[20:]) == 0
    assert list(wakeups.frames([conversation("10.0.1.99", WORLD)], by_ip, 1)) == []
