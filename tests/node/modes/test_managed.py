"""`managed` over Open vSwitch, proved by packets: each group's frames bear its tag on the wire."""

import pytest

from tests.node import shapes
from tests.node.modes import wires
from tests.node.modes.test_novlan import DB, PORT, RULES, WEB
from tests.node.modes.wires import Field, Told

pytestmark = pytest.mark.host


def test_groups_of_two_hosts_are_vlans_on_the_wire(open_two: Field) -> None:
    one, other = wires.interface(0, 4, WEB), wires.interface(0, 5, WEB)
    base, stranger = wires.interface(0, 36, DB), wires.interface(1, 68, shapes.OUT)
    told = Told(
        (wires.vpc(0, (one, other, base), RULES), wires.vpc(1, (stranger,), RULES)),
        {one.id: 0, other.id: 1, base.id: 1, stranger.id: 1},
        kind="managed",
        switch="openvswitch",
    )
    assert open_two.apply(told) == []
    assert open_two.apply(told) == []
    with (
        open_two.guest(told, other).listen(PORT),
        open_two.guest(told, base).listen(PORT),
        wires.watched(open_two, 1) as wire,
    ):
        assert open_two.guest(told, one).reaches(other.private_ip, PORT)
        assert open_two.guest(told, one).reaches(base.private_ip, PORT)
        assert open_two.guest(told, stranger).misses(other.private_ip, PORT)
        assert open_two.guest(told, stranger).misses(base.private_ip, PORT)
        seen = wires.tags(wire)
    assert (2, one.private_ip, other.private_ip) in seen
    # By the gateway on the first host, from its own VLAN's leg to that of the receiver.
    assert (3, one.private_ip, base.private_ip) in seen
    assert {vlan for vlan, _, _ in seen} == {2, 3, 4}
