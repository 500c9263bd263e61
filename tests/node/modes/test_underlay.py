"""What stands under a trunk or a bridge: bonds and VLAN devices, in a kernel that has them.

What the agent would do is planned here and done in there, with the kernel of Debian; two hosts of
that machine are joined by two cables, each of which may be cut.
"""

import json
import time
from collections.abc import Callable, Iterator

import pytest

from mallee.model.hosts.ailments import Code
from mallee.node.checks import interfaces
from mallee.node.modes import switches
from mallee.node.modes.switches import Port, Seen, Wanted
from tests.node.modes import otherkernel
from tests.node.modes.otherkernel import IP, Machine

pytestmark = pytest.mark.machine

WITHIN_S = 120.0
ENDS = (("A", "a", 1), ("B", "b", 2))
TAGGED, IPV4, ARP = b"\x81\x00", b"\x08\x00", b"\x08\x06"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """The machine with the other kernel."""
    with otherkernel.running() as opened:
        yield opened


def bonded(machine: Machine, mode: str) -> None:
    """Make a bond of both cards of each host; what was there before is gone."""
    for host, end, _ in ENDS:
        old = json.loads(machine.run(f"{IP} -n {host} -json link show"))
        lines = [f"link delete {one['ifname']}" for one in old if one["ifname"] == "bond0"]
        lines += [f"link delete {one['ifname']}" for one in old if one["ifname"] == "br30"]
        lines += [f"link set {end}{cable} down" for cable in (0, 1)]
        lines.append(
            f"link add bond0 type bond mode {mode} miimon 50 lacp_rate fast"
            if mode == "802.3ad"
            else f"link add bond0 type bond mode {mode} miimon 50"
        )
        lines += [f"link set {end}{cable} master bond0" for cable in (0, 1)]
        machine.links(host, *lines, "link set bond0 up")


def plugged(machine: Machine, device: str, vlans: tuple[int, ...]) -> None:
    """Let each host have a leg for each VLAN, as an agent would make it."""
    for host, _, number in ENDS:
        rooms = {vlan: f"{host}{vlan}" for vlan in vlans}
        ports = tuple(
            Port(f"mjtest{vlan}", vlan, room, f"leg{vlan}") for vlan, room in rooms.items()
        )
        for room in rooms.values():
            machine.run(f"{IP} netns delete {room} 2>/dev/null; {IP} netns add {room}")
        wanted = Wanted("test", "linux", device, ports)
        look = machine.run(f"{IP} netns exec {host} {IP} {' '.join(switches.LOOK[1:])}")
        seen = Seen(switches.parse_devices(look))
        assert switches.find_fault(wanted, seen) == ""
        pieces = [switches.plan_vlan(wanted, seen, vlan) for vlan in vlans if vlan]
        pieces += [switches.plan_port(wanted, seen, port) for port in ports]
        for piece in pieces:
            machine.links(host, *piece.lines)
        for vlan, room in rooms.items():
            machine.links(
                room, f"address add 10.{vlan}.0.{number}/24 dev leg{vlan}", f"link set leg{vlan} up"
            )


def troubles(machine: Machine) -> list[Code]:
    """What a check of host A finds."""
    text = machine.run(f"{IP} netns exec A {IP} -json -details address show")
    return [one.code for one in interfaces.troubles(json.loads(text))]


def wait(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    until = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < until, what


def test_each_vlan_of_a_bonded_trunk_is_a_wire_of_its_own(machine: Machine) -> None:
    bonded(machine, "active-backup")
    plugged(machine, "bond0", (10, 11))
    wait(lambda: machine.pings("A10", "10.10.0.2"), "VLAN 10 does not pass the bond")
    wait(lambda: machine.pings("A11", "10.11.0.2"), "VLAN 11 does not pass the bond")
    machine.links("A11", "address add 10.10.0.7/24 dev leg11")
    assert not machine.pings("A11", "10.10.0.2")
    frames = [*machine.frames(0), *machine.frames(1)]
    tags = {int.from_bytes(one[14:16]) & 0xFFF for one in frames if one[12:14] == TAGGED}
    assert tags == {10, 11}
    assert not [one for one in frames if one[12:14] in (IPV4, ARP)]


def test_a_cut_cable_of_a_bond_costs_no_conversation_and_is_named(machine: Machine) -> None:
    bonded(machine, "active-backup")
    plugged(machine, "bond0", (10,))
    wait(lambda: machine.pings("A10", "10.10.0.2"), "VLAN 10 does not pass the bond")
    # It passes by one cable before the other one is seen.
    wait(lambda: troubles(machine) == [], "the bond is not whole")
    machine.cut(0)
    try:
        wait(lambda: Code.BOND_DEGRADED in troubles(machine), "the cut is not seen")
        wait(lambda: machine.pings("A10", "10.10.0.2"), "nothing passes by the other cable")
    finally:
        machine.cut(0, is_whole=True)
    wait(lambda: troubles(machine) == [], "the cable is not seen again")
    machine.cut(1)
    try:
        wait(lambda: machine.pings("A10", "10.10.0.2"), "nothing passes by the first cable")
    finally:
        machine.cut(1, is_whole=True)


def test_a_bridge_above_a_vlan_of_a_bond_carries_a_lan(machine: Machine) -> None:
    bonded(machine, "active-backup")
    for host, _, _ in ENDS:
        machine.links(
            host,
            "link add link bond0 name bond0.30 type vlan id 30",
            "link add br30 type bridge stp_state 0 forward_delay 0",
            "link set bond0.30 master br30",
            "link set bond0.30 up",
            "link set br30 up",
        )
    plugged(machine, "br30", (0,))
    wait(lambda: machine.pings("A0", "10.0.0.2"), "the LAN does not pass its VLAN")
    assert 30 in {
        int.from_bytes(one[14:16]) & 0xFFF
        for cable in (0, 1)
        for one in machine.frames(cable)
        if one[12:14] == TAGGED
    }


def test_a_bond_of_lacp_is_held_to_what_its_switch_says(machine: Machine) -> None:
    bonded(machine, "802.3ad")
    plugged(machine, "bond0", (10,))
    wait(lambda: machine.pings("A10", "10.10.0.2"), "nothing passes a bond of LACP")
    wait(lambda: troubles(machine) == [], "LACP is not agreed")
    machine.links("B", "link set b0 nomaster", "link set b1 nomaster")
    wait(lambda: Code.BOND_ALONE in troubles(machine), "a switch without LACP is not seen")
