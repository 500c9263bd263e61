"""Legs, ports and the gateway: set once, set right, moved, and taken away."""

import math
from contextlib import closing
from dataclasses import replace as changed

import pytest

from mallee.node.do.network import namespaces, network
from mallee.node.modes import gateways
from tests.node import lab, shapes
from tests.node.modes import wires
from tests.node.modes.test_novlan import PORT, RULES
from tests.node.modes.wires import Field, Told

pytestmark = pytest.mark.host

ONE, OTHER = wires.interface(0, 4, shapes.OPEN), wires.interface(0, 5, shapes.OPEN)
THIRD = wires.interface(0, 36, shapes.OPEN)
TOLD = Told((wires.vpc(0, (ONE, OTHER, THIRD), RULES),), {ONE.id: 0, OTHER.id: 1, THIRD.id: 1})


def ports(two: Field, number: int) -> list[str]:
    """The ports of the cloud on a host."""
    text = two.machines[number].run("ip", "-brief", "link", "show", "type", "veth")
    return [line.split("@")[0] for line in text.splitlines() if line.startswith("mj")]


class TestHealing:
    def test_an_agent_that_begins_anew_finds_it_all_and_conversations_go_on(
        self, two: Field
    ) -> None:
        two.apply(TOLD)
        with (
            two.guest(TOLD, OTHER).listen(PORT) as server,
            two.guest(TOLD, ONE).connect(OTHER.private_ip, PORT) as kept,
        ):
            accepted, _ = server.accept()
            with closing(accepted):
                for machine, number in zip(two.machines, (0, 1), strict=True):
                    again = network.Network(machine.lab.layout)
                    wanted = TOLD.of(number)
                    said = namespaces.run_inside(
                        machine.namespace, lambda again=again, wanted=wanted: again.apply(wanted)
                    )
                    assert said == ()
                accepted.settimeout(lab.ARRIVES_WITHIN_S)
                kept.sendall(b"still here")
                assert accepted.recv(100) == b"still here"

    def test_what_others_change_is_set_right(self, two: Field) -> None:
        two.apply(TOLD)
        two.apply(TOLD)
        machine = two.machines[1]
        vpc = TOLD.vpcs[0]
        for wrong in (
            lambda: machine.run("ip", "link", "delete", ports(two, 1)[0]),
            lambda: machine.run("ip", "link", "set", ports(two, 1)[0], "nomaster"),
            lambda: machine.run("ip", "link", "set", ports(two, 1)[0], "down"),
            lambda: machine.inside(vpc, "ip", "link", "delete", "leg0"),
            lambda: machine.inside(vpc, "ip", "rule", "delete", "priority", "1000"),
            lambda: machine.inside(vpc, "ip", "link", "set", "leg0", "down"),
        ):
            wrong()
            assert two.apply(TOLD) != []
            # A leg that was made anew is told its routes with the next look.
            two.apply(TOLD)
            assert two.apply(TOLD) == []
            assert two.guest(TOLD, ONE).pings(OTHER.private_ip)

    def test_the_gateway_is_set_right(self, two: Field) -> None:
        two.apply(TOLD)
        two.apply(TOLD)
        name = gateways.namespace(two.machines[0].lab.layout)
        for wrong in (
            ("nft", "flush", "ruleset"),
            ("ip", "link", "delete", "leg0"),
            ("ip", "address", "flush", "dev", "leg0"),
        ):
            two.machines[0].run("ip", "netns", "exec", name, *wrong)
            assert two.apply(TOLD) != []
            two.apply(TOLD)
            assert two.guest(TOLD, ONE).pings(THIRD.private_ip)


class TestOpenVSwitch:
    def test_ports_are_set_right(self, open_two: Field) -> None:
        told = changed(TOLD, kind="managed", switch="openvswitch")
        assert open_two.apply(told) == []
        assert open_two.guest(told, ONE).pings(OTHER.private_ip)
        port = ports(open_two, 1)[0]
        for wrong in (("set", "Port", port, "tag=77"), ("del-port", port)):
            open_two.vsctl(1, *wrong)
            assert any("had been changed" in one for one in open_two.apply(told))
            assert open_two.apply(told) == []
            assert open_two.guest(told, ONE).pings(OTHER.private_ip)

    def test_nothing_of_the_cloud_is_left_in_its_database(self, open_two: Field) -> None:
        told = changed(TOLD, kind="managed", switch="openvswitch")
        open_two.apply(told)
        assert len(open_two.vsctl(1, "list-ports", wires.BRIDGE).split()) == 3
        with open_two.switch_of(1):
            machine = open_two.machines[1]
            namespaces.run_inside(machine.namespace, machine.lab.network.destroy)
        assert open_two.vsctl(1, "list-ports", wires.BRIDGE).split() == [wires.CARD]
        assert ports(open_two, 1) == []

    def test_a_bridge_that_is_not_there_is_said(self, open_two: Field) -> None:
        told = changed(TOLD, kind="managed", switch="openvswitch", device="br9")
        said = open_two.apply_at(told, 1)
        assert any("has no bridge br9" in one for one in said)
        assert ports(open_two, 1) == []


class TestFaults:
    def test_a_device_that_is_not_there_is_said_with_its_cure(self, two: Field) -> None:
        for told, words in (
            (changed(TOLD, device="br9"), "no device br9"),
            (changed(TOLD, device=wires.CARD), "no bridge"),
            (changed(TOLD, device=""), "no bridge or trunk is named"),
        ):
            said = two.apply_at(told, 1)
            assert [one for one in said if words in one]
            assert ports(two, 1) == []
        # What is named at last works without anybody's help.
        assert two.apply(TOLD) == []
        assert two.guest(TOLD, ONE).pings(OTHER.private_ip)

    def test_vlans_are_made_whole_or_not_at_all(self, two: Field) -> None:
        """A kernel with 802.1Q makes them; without, it is said, and nothing is half made."""
        told = changed(TOLD, kind="managed", device=wires.CARD)
        for machine in two.machines:
            machine.run("ip", "link", "set", wires.CARD, "nomaster")
        said = two.apply(told)
        made = [
            name
            for name in two.machines[1].run("ip", "-brief", "link").split()
            if name.startswith(("mb", "mw", "mj"))
        ]
        if said:
            assert any("modprobe 8021q" in one for one in said)
            assert made == []
        else:
            assert len(made) == 6
            assert two.guest(told, ONE).pings(OTHER.private_ip)


def test_an_address_that_moves_is_found_on_its_new_host(two: Field) -> None:
    """Neighbours that know the old place learn the new one, unasked."""
    two.apply(TOLD)
    asking = two.guest(TOLD, THIRD)
    for at, owner in ((0, ONE), (1, OTHER)):
        told = changed(TOLD, vpcs=(wires.vpc(0, wires.lent(TOLD, owner, "10.20.0.7"), RULES),))
        two.apply(told)
        guest = two.guest(told, owner)
        guest.run("ip", "address", "add", "10.20.0.7/32", "dev", "eth0")
        assert asking.pings("10.20.0.7")
        assert two.guest(told, ONE if at else OTHER).pings("10.20.0.7")
        guest.run("ip", "address", "del", "10.20.0.7/32", "dev", "eth0")


def test_nothing_is_left_on_the_host(two: Field) -> None:
    two.apply(TOLD)
    machine = two.machines[0]
    assert len(ports(two, 0)) == 2
    namespaces.run_inside(machine.namespace, machine.lab.network.destroy)
    left = machine.run("ip", "-brief", "link").split()
    assert not [name for name in left if name.startswith(("mj", "mb", "mw", "ml"))]
    assert wires.BRIDGE in left
    assert namespaces.names(f"mallee-{machine.lab.layout.tag}-") == frozenset()


def test_another_mode_takes_the_ports_away(two: Field) -> None:
    two.apply(TOLD)
    lone = changed(TOLD, gateway=1)
    two.apply(lone)
    assert len(ports(two, 0)) == 1
    assert not namespaces.exists(gateways.namespace(two.machines[0].lab.layout))
    assert two.guest(TOLD, ONE).pings(THIRD.private_ip)


def test_a_gateway_leads_as_long_as_it_holds_and_no_longer(two: Field) -> None:
    two.apply(TOLD)
    two.apply(TOLD)
    one, net = two.guest(TOLD, ONE), two.machines[0].lab.network
    net.guard(60.0)
    assert one.pings(THIRD.private_ip)
    assert two.apply(TOLD) == []
    net.guard(0.0)
    assert not one.pings(THIRD.private_ip, lab.REFUSED_AFTER_S)
    assert one.pings(OTHER.private_ip)
    assert two.apply(TOLD) == []
    net.guard(math.inf)
    assert one.pings(THIRD.private_ip)
    net.guard(math.inf)
    assert two.apply(TOLD) == []
