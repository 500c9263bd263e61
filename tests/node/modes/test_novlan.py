"""`managed-novlan` over a Linux bridge, proved by packets."""

import itertools
from ipaddress import IPv4Address

import pytest

from mallee.model.hosts.hosts import InterfaceWanted
from mallee.model.packets import packets
from mallee.model.packets.hops import TCP, End, Packet
from tests.node import lab, shapes
from tests.node.modes import wires
from tests.node.modes.wires import Field, Told

pytestmark = pytest.mark.host

WEB, DB = "sg-0000000000000000a", "sg-0000000000000000b"
PORT = 8000
RULES = {
    **shapes.RULES,
    WEB: (*shapes.ALL_OUT, lab.allow("tcp", PORT, group=WEB), lab.allow("icmp", group=WEB)),
    DB: (*shapes.ALL_OUT, lab.allow("tcp", PORT, group=WEB)),
}


def judged(told: Told, sender: InterfaceWanted, receiver: InterfaceWanted) -> bool:
    """Whether a connection is said to come about."""
    ends = (IPv4Address(sender.private_ip), IPv4Address(receiver.private_ip))
    packet = Packet(
        source=ends[0], destination=ends[1], protocol=TCP, destination_port=PORT, icmp_type=0
    )
    vpcs = {one.id: one for one in told.vpcs}
    return packets.trace(vpcs, sender.id, packet).end is End.ARRIVED


def test_members_of_a_group_meet_across_hosts_and_others_by_rules(two: Field) -> None:
    one, other = wires.interface(0, 4, WEB), wires.interface(0, 5, WEB)
    base, stranger = wires.interface(0, 36, DB), wires.interface(1, 68, shapes.OUT)
    told = Told(
        (wires.vpc(0, (one, other, base), RULES), wires.vpc(1, (stranger,), RULES)),
        {one.id: 0, other.id: 1, base.id: 1, stranger.id: 1},
    )
    assert two.apply(told) == []
    assert two.apply(told) == []
    with two.guest(told, other).listen(PORT), two.guest(told, base).listen(PORT):
        assert two.guest(told, one).reaches(other.private_ip, PORT)
        assert two.guest(told, one).pings(other.private_ip)
        assert two.guest(told, one).reaches(base.private_ip, PORT)
        assert two.guest(told, stranger).misses(other.private_ip, PORT)
        assert two.guest(told, other).reaches(base.private_ip, PORT)
        assert two.guest(told, stranger).misses(base.private_ip, PORT)
        # The kernel is the judge of what administrators are told about packets of an account.
        for sender, receiver in itertools.permutations((one, other, base), 2):
            if receiver is not one:
                told_so = judged(told, sender, receiver)
                assert two.guest(told, sender).reaches(receiver.private_ip, PORT) is told_so
