"""A packet's way by the administrator's network is told as the kernel goes, host by host; a probe
shows the same."""

from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import HostWanted, InterfaceWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import FarInterface, FarWanted
from mallee.model.network.gateways import GatewayWanted
from mallee.model.network.modes import BlockWanted, ModeWanted
from mallee.model.packets.hops import TCP, End, Packet
from mallee.model.packets.traces import HostTrace, TraceAsk
from mallee.node import tracing
from mallee.node.do.network import namespaces
from mallee.node.modes import tracing as modetracing
from tests.node import lab, manyhosts, shapes
from tests.node.modes import wires
from tests.node.modes.test_novlan import DB, PORT, RULES, WEB
from tests.node.modes.wires import Field, Told

NAMES = ("host-00000000000000001", "host-00000000000000002")
BAD = ("it is not there", "the chain is not there", "no such rule", "no way", "unreachable")


def of(told: Told, number: int) -> HostWanted:
    """What a host is told, as by the cloud: who is elsewhere, and which host leads."""
    wanted, others = told.of(number), [at for at in range(len(NAMES)) if at != number]
    by_id = {one.id: one for one in told.vpcs}
    vpcs = tuple(_with_far(one, by_id[one.id], told, others) for one in wanted.vpcs)
    return replace(wanted, vpcs=vpcs, gateway=GatewayWanted(NAMES[told.gateway], 1))


def _with_far(part: VpcWanted, whole: VpcWanted, told: Told, others: list[int]) -> VpcWanted:
    far = (
        FarWanted(
            host_id=NAMES[at],
            interfaces=tuple(
                FarInterface(one.id, one.instance_id, (one.private_ip,))
                for one in whole.interfaces
                if told.places[one.id] == at
            ),
        )
        for at in others
    )
    return replace(part, far=tuple(far))


def ask(one: InterfaceWanted, to: str, *, is_probe: bool = False) -> TraceAsk:
    return TraceAsk(
        interface_id=one.id,
        source=one.private_ip,
        destination=to,
        protocol=TCP,
        port=PORT,
        is_probe=is_probe,
    )


def tell(two: Field, told: Told, number: int, asked: TraceAsk) -> HostTrace:
    machine = two.machines[number]
    here: Any = SimpleNamespace(layout=machine.lab.layout, network=machine.lab.network)
    with two.switch_of(number):
        found = namespaces.run_inside(
            machine.namespace, lambda: tracing.tell(here, of(told, number), asked)
        )
    wrong = [one for one in found.steps if any(bad in one.text for bad in BAD)]
    assert wrong == []
    return found


def go_on(two: Field, told: Told, asked: TraceAsk, found: HostTrace) -> HostTrace:
    """What the host says to which a way goes on."""
    assert found.crossing is not None
    onwards = TraceAsk(
        interface_id="",
        source=found.crossing.source,
        destination=found.crossing.destination,
        protocol=asked.protocol,
        port=asked.port,
        place=(found.crossing.vpc_id, found.crossing.subnet_id),
    )
    return tell(two, told, NAMES.index(found.crossing.host_id), onwards)


def names(found: HostTrace) -> list[str]:
    return [one.name for one in found.steps]


@pytest.fixture
def cast() -> dict[str, InterfaceWanted]:
    """Two of a group on two hosts, one of another group, one of another account."""
    return {
        "one": wires.interface(0, 4, WEB),
        "beside": wires.interface(0, 6, WEB),
        "other": wires.interface(0, 5, WEB),
        "base": wires.interface(0, 36, DB),
        "famous": wires.interface(0, 37, DB, public="203.0.113.14"),
        "stranger": wires.interface(1, 68, shapes.OUT),
    }


@pytest.fixture
def told(cast: dict[str, InterfaceWanted]) -> Told:
    own = tuple(one for name, one in cast.items() if name != "stranger")
    on_second = {"one", "beside", "famous"}
    return Told(
        (wires.vpc(0, own, RULES), wires.vpc(1, (cast["stranger"],), RULES)),
        {one.id: int(name in on_second) for name, one in cast.items()},
        egress=True,
    )


@pytest.mark.host
def test_ways_between_guests_are_told_and_probes_go_them(
    two: Field, told: Told, cast: dict[str, InterfaceWanted]
) -> None:
    assert two.apply(told) == []
    one = cast["one"]
    # To a neighbour of the group on the same host, and on the other one.
    near = tell(two, told, 1, ask(one, cast["beside"].private_ip, is_probe=True))
    assert (near.end, near.at) == (End.ARRIVED.value, cast["beside"].id)
    assert near.probe is not None
    assert (near.probe.end, near.probe.at, near.probe.is_answered) == ("arrived", near.at, True)
    asked = ask(one, cast["other"].private_ip, is_probe=True)
    far = tell(two, told, 1, asked)
    assert far.end == End.ELSEWHERE.value
    assert names(far)[-2] == "leg0"
    assert far.probe is not None
    assert (far.probe.end, far.probe.is_answered) == ("left", True)
    assert "leg0" in far.probe.why
    there = go_on(two, told, asked, far)
    assert (there.end, there.at) == (End.ARRIVED.value, cast["other"].id)
    assert names(there)[0] == "leg0"
    # To another group's network, which the gateway host leads to.
    asked = ask(one, cast["base"].private_ip, is_probe=True)
    led = tell(two, told, 1, asked)
    assert led.notes == ("the gateway host leads it from one group's network to the other",)
    assert led.probe is not None
    assert led.probe.is_answered
    there = go_on(two, told, asked, led)
    assert (there.end, there.at) == (End.ARRIVED.value, cast["base"].id)
    assert names(there).count("leg0") == 3
    # Against the groups' wish: where the receiver is, that is seen.
    asked = ask(cast["other"], one.private_ip, is_probe=True)
    back = tell(two, told, 0, replace(asked, port=PORT + 1))
    assert back.probe is not None
    assert not back.probe.is_answered
    assert go_on(two, told, replace(asked, port=PORT + 1), back).end == End.INGRESS.value
    stopped = tell(two, told, 0, ask(cast["stranger"], cast["base"].private_ip, is_probe=True))
    assert stopped.probe is not None
    assert stopped.probe.end == "dropped"
    assert two.apply(told) == []


@pytest.mark.host
def test_ways_to_the_world_are_told_up_to_the_gateways_edge(
    two: Field, told: Told, cast: dict[str, InterfaceWanted]
) -> None:
    world = manyhosts.world_of(two.machines[0])
    assert two.apply(told) == []
    with world.listen(PORT):
        for name in ("one", "famous"):
            asked = ask(cast[name], lab.WORLD_ADDRESS, is_probe=True)
            found = tell(two, told, 1, asked)
            assert found.end == End.ELSEWHERE.value
            assert found.probe is not None
            assert (found.probe.end, found.probe.is_answered) == ("left", True)
            there = go_on(two, told, asked, found)
            assert there.end == End.WORLD.value
            shown = [it.text for it in (*found.steps, *there.steps) if it.kind == "translation"]
            assert ("203.0.113.14" in shown[0]) is (name == "famous")
        # A guest of the gateway host itself: all of the way is this host's.
        found = tell(two, told, 0, ask(cast["base"], lab.WORLD_ADDRESS, is_probe=True))
        assert found.end == End.WORLD.value
        assert found.probe is not None
        assert (found.probe.end, found.probe.is_answered) == ("left", True)
        # And in again, by another's public address.
        asked = ask(cast["base"], "203.0.113.14")
        found = tell(two, told, 0, asked)
        assert found.end == End.ELSEWHERE.value
        assert go_on(two, told, asked, found).at == cast["famous"].id


@pytest.mark.host
def test_a_vlans_way_is_told_over_open_vswitch(
    open_two: Field, told: Told, cast: dict[str, InterfaceWanted]
) -> None:
    managed = Told(
        told.vpcs, told.places, kind="managed", switch="openvswitch", egress=False, device="br0"
    )
    assert open_two.apply(managed) == []
    asked = ask(cast["one"], cast["base"].private_ip, is_probe=True)
    found = tell(open_two, managed, 1, asked)
    assert found.probe is not None
    assert found.probe.is_answered
    assert names(found)[-2] == "leg2"
    there = go_on(open_two, managed, asked, found)
    assert (there.end, there.at) == (End.ARRIVED.value, cast["base"].id)
    assert [one for one in names(there) if one.startswith("leg")] == ["leg2", "leg3", "leg3"]


def test_on_a_lan_a_way_ends_at_the_leg(root_dir: Any) -> None:
    one = wires.interface(0, 4, shapes.OPEN)
    lan = BlockWanted(cidr=wires.SUBNET, gateway="10.20.0.1", vpc_id=one.vpc_id)
    mode = ModeWanted(kind="static", device="br0", subnet=wires.SUBNET, blocks=(lan,))
    vpc = wires.vpc(0, (one,), shapes.RULES)
    wanted = replace(lab.make_wanted(vpc), mode=mode)

    def follow(to: str, source: str = one.private_ip) -> modetracing.Way:
        packet = Packet(
            source=ip_address(source),
            destination=ip_address(to),
            protocol=TCP,
            destination_port=22,
        )
        return modetracing.follow(Layout(root_dir), wanted, one.id, packet)

    out = follow("10.20.0.99")
    assert out.end is End.WORLD
    assert "LAN" in out.notes[0]
    assert follow("192.0.2.1").end is End.WORLD
    assert follow("192.0.2.1", "10.20.0.9").end is End.SENDER
