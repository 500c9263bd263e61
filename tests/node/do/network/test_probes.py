"""A probe goes where a guest's packet would, shows what judges it, and leaves nothing."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import HostWanted, InterfaceWanted
from mallee.model.network.carried import Speed
from mallee.model.network.watching import FlowLogWanted
from mallee.model.packets import packets
from mallee.model.packets.hops import End, Packet
from mallee.model.packets.traces import HostTrace, TraceAsk
from mallee.node import tracing
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.network import namespaces, nftrace, probes
from mallee.node.plan.network import flowcounts
from tests.node import lab, shapes
from tests.node.do.network.test_reference import Cloud
from tests.node.do.network.test_transit import LED, attached, hub, towards
from tests.node.lab import Lab

pytestmark = pytest.mark.host

PROBES = 12
FIRST_OR_LAST = {End.SENDER, End.INGRESS}
"""Where nothing else can have stopped the packet, whatever is asked first."""


def tell(host: Lab, wanted: HostWanted, ask: TraceAsk) -> HostTrace:
    here: Any = SimpleNamespace(layout=host.layout, network=host.network)
    return tracing.tell(here, wanted, ask)


def ask(one: InterfaceWanted, packet: Packet, *, is_probe: bool = True) -> TraceAsk:
    return TraceAsk(
        interface_id=one.id,
        source=str(packet.source),
        destination=str(packet.destination),
        protocol=packet.protocol,
        port=packet.destination_port,
        is_probe=is_probe,
    )


def packet(one: InterfaceWanted, to: str, port: int = 22, protocol: int = 6) -> Packet:
    source = one.ipv6s[0] if ":" in to else one.private_ip
    return Packet(
        source=ip_address(source),
        destination=ip_address(to),
        protocol=protocol,
        destination_port=port,
    )


@pytest.mark.parametrize("seed", [3, 11])
def test_a_probe_ends_where_the_reference_says(root_dir: Path, seed: int) -> None:
    cloud = Cloud(seed)
    with lab.opened(root_dir) as host:
        wanted = shapes.host(*cloud.vpcs.values(), egress=True)
        host.apply(wanted)
        for _ in range(PROBES):
            sender = cloud.random.choice(cloud.interfaces())
            made = cloud.packet(sender)
            said = packets.trace(cloud.vpcs, sender.id, made)
            told = tell(host, wanted, ask(sender, made)).probe
            assert told is not None
            where = f"{sender.id} sent {made}: {said}, but {told}"
            if said.end is End.ARRIVED:
                assert (told.end, told.at) == ("arrived", said.at), where
            elif said.end in FIRST_OR_LAST and said.met == ():
                assert (told.end, told.why) == ("dropped", said.end.value), where
            else:
                assert told.end != "arrived", where
        # Nobody takes the probes' rules for a stranger's.
        assert not [problem for problem in host.apply(wanted) if "firewall" in problem]


@pytest.fixture
def standing(root_dir: Path) -> Iterator[tuple[Lab, HostWanted, list[InterfaceWanted]]]:
    """Two guests of one subnet whose group lets everything in, and one whose lets nothing in."""
    inside = shapes.subnet(1, 0)
    open_, shut = "sg-00000000000000001", "sg-00000000000000002"
    held = [
        shapes.interface(10, open_, inside=inside),
        shapes.interface(11, open_, inside=inside),
        shapes.interface(12, shut, inside=inside),
    ]
    rules = {open_: (*shapes.ALL_OUT, *shapes.ALL_IN), shut: shapes.ALL_OUT}
    wanted = shapes.host(shapes.vpc(0, [inside], held, rules))
    with lab.opened(root_dir) as host:
        assert host.apply(wanted) == ()
        yield host, wanted, held


def test_the_answer_tells_whether_somebody_listens(
    standing: tuple[Lab, HostWanted, list[InterfaceWanted]],
) -> None:
    host, wanted, (one, two, _) = standing
    for to in (two.private_ip, two.ipv6s[0]):
        with host.guest(two).do(lambda to=to: lab.listen(22, 1, to)):
            told = tell(host, wanted, ask(one, packet(one, to))).probe
            assert told is not None
            assert (told.end, told.at, told.is_answered) == ("arrived", two.id, True)
            assert told.answer.startswith("accepted")
        told = tell(host, wanted, ask(one, packet(one, to))).probe
        assert told is not None
        assert told.answer.startswith("refused")
        for protocol, port in ((17, 53), (58 if ":" in to else 1, 0)):
            told = tell(host, wanted, ask(one, packet(one, to, port, protocol))).probe
            assert told is not None
            assert (told.end, told.at, told.is_answered) == ("arrived", two.id, True)


def test_what_has_come_of_a_probe_is_seen_by_who_is_late(
    standing: tuple[Lab, HostWanted, list[InterfaceWanted]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host, wanted, (one, two, _) = standing
    watch, asked = probes._watch, ask(one, packet(one, two.private_ip))  # pyright: ignore[reportPrivateUsage]
    # By the first one both are known to the router.
    tell(host, wanted, asked)

    def listen() -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        raw.settimeout(lab.ARRIVES_WITHIN_S)
        raw.bind(("eth0", 0x0800))
        return raw

    with host.guest(one).do(listen) as there:

        def watch_late(*told: Any) -> None:
            while there.recv(100)[12:16] != ip_address(two.private_ip).packed:
                continue
            monkeypatch.setattr(probes, "WITHIN_S", 0.0)
            watch(*told)

        monkeypatch.setattr(probes, "_watch", watch_late)
        told = tell(host, wanted, asked).probe
    assert told is not None
    assert (told.end, told.at, told.is_answered) == ("arrived", two.id, True)


def test_a_probe_is_over_when_more_was_seen_than_one_makes(
    standing: tuple[Lab, HostWanted, list[InterfaceWanted]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host, wanted, (one, two, _) = standing
    monkeypatch.setattr(probes, "SIGHTINGS_MAX", 1)
    with host.guest(two).do(lambda: lab.listen(22, 1, two.private_ip)):
        told = tell(host, wanted, ask(one, packet(one, two.private_ip))).probe
    assert told is not None
    assert not told.is_answered


def test_what_is_traced_without_an_end_is_read_in_parts() -> None:
    def recv(count: int) -> bytes:
        return bytes(0 * count)

    endless = SimpleNamespace(recv=recv)
    assert list(nftrace.hear(cast(socket.socket, endless))) == []


def test_every_judgement_is_shown_in_order(
    standing: tuple[Lab, HostWanted, list[InterfaceWanted]],
) -> None:
    host, wanted, (one, _, three) = standing
    told = tell(host, wanted, ask(one, packet(one, three.private_ip))).probe
    assert told is not None
    assert (told.end, told.at, told.why) == ("dropped", three.id, "ingress")
    first, *judged = told.steps
    assert (first.kind, first.about, first.verdict) == ("device", one.id, "in")
    assert [step.about for step in judged if step.about][-1] == three.id
    assert judged[-1].verdict == "drop"


def test_where_flows_are_counted_a_probe_tells_the_same(
    standing: tuple[Lab, HostWanted, list[InterfaceWanted]],
) -> None:
    """What only counts is not shown, and who refused is named, not the chain that counts it."""
    host, wanted, (one, two, three) = standing
    log = FlowLogWanted(
        id="fl-00000000000000001",
        account_id="000000000001",
        zone_id="use1-az1",
        interface_ids=tuple(sorted(it.id for it in (one, two, three))),
    )
    watched = replace(wanted, vpcs=(replace(wanted.vpcs[0], flow_logs=(log,)),))
    for to in (two, three):
        asked = ask(one, packet(one, to.private_ip))
        plain = tell(host, wanted, asked).probe
        host.apply(watched)
        counted = tell(host, watched, asked).probe
        host.apply(wanted)
        assert plain is not None
        assert counted is not None
        assert (counted.end, counted.at, counted.why) == (plain.end, plain.at, plain.why)
        assert not [step for step in counted.steps if step.name in flowcounts.COUNTERS]


def test_what_a_transit_gateway_leads_nowhere_is_said_to_end_there(root_dir: Path) -> None:
    """Not with its sender, whose table did lead on."""
    (left, one), (right, two) = attached(0), attached(1)
    with lab.opened(root_dir) as host:
        led = replace(hub(0, 1), tables=(shapes.transit_table(LED, *towards(0)),))
        stands = replace(shapes.host(left, right), transit_gateways=(led,))
        host.apply(stands)
        told = tell(host, stands, ask(one, packet(one, two.private_ip))).probe
        assert not [problem for problem in host.apply(stands) if "firewall" in problem]
    assert told is not None
    assert (told.end, told.at) == ("lost", left.attachments[0].id)
    assert "transit gateway leads it nowhere" in told.why


def test_counters_are_read_where_the_packet_passes(
    standing: tuple[Lab, HostWanted, list[InterfaceWanted]],
) -> None:
    host, wanted, (one, two, three) = standing
    quiet = ask(one, packet(one, three.private_ip), is_probe=False)
    before = tell(host, wanted, quiet)
    assert (before.end, before.at, before.probe) == ("ingress", three.id, None)
    for _ in range(3):
        tell(host, wanted, ask(one, packet(one, three.private_ip)))
    after = tell(host, wanted, quiet)
    assert before.steps[-1].packets is not None
    assert after.steps[-1].packets == before.steps[-1].packets + 3
    assert [step.kind for step in after.steps] == ["device", "rule", "rule"]
    passed = tell(host, wanted, ask(one, packet(one, two.private_ip), is_probe=False))
    assert [step.about for step in passed.steps] == [
        one.id, "sg-00000000000000001", "sg-00000000000000001", two.id
    ]  # fmt: skip


@pytest.mark.parametrize("speed", [Speed(), Speed(64_000_000, 64_000_000)])
def test_a_guest_that_is_silent_is_said_so(
    standing: tuple[Lab, HostWanted, list[InterfaceWanted]], speed: Speed
) -> None:
    """Also where senders wait in a queue of their own, which is no way out."""
    host, wanted, held = standing
    held = [replace(it, speed=speed) for it in held]
    one, two, _ = held
    wanted = replace(wanted, vpcs=(replace(wanted.vpcs[0], interfaces=tuple(held)),))
    host.apply(wanted)
    host.guest(two).run("ip", "link", "set", "eth0", "arp", "off")
    router = host.layout.vpc_namespace(two.vpc_id)
    host.guest(two).run("ip", "neigh", "flush", "all")
    namespaces.run_inside(
        router, lambda: subprocess.run(("ip", "neigh", "flush", "all"), check=True)
    )
    told = tell(host, wanted, ask(one, packet(one, two.private_ip))).probe
    assert told is not None
    assert told.end == "lost"
    assert "nobody answers" in told.why


def test_what_is_no_packet_of_this_host_is_refused(
    standing: tuple[Lab, HostWanted, list[InterfaceWanted]],
) -> None:
    host, wanted, (one, two, _) = standing
    good = ask(one, packet(one, two.private_ip))
    strange: tuple[dict[str, Any], ...] = (
        {"interface_id": "eni-ffffffffffffffff0"},
        {"interface_id": "../../etc"},
        {"source": "10.0.1.10; reboot"},
        {"destination": "fd00::1"},
        {"protocol": 47},
        {"port": 70000},
    )
    for wrong in strange:
        with pytest.raises(HypervisorFailed):
            tell(host, wanted, msgspec.structs.replace(good, **wrong))


def test_nothing_is_left_when_the_sender_is_killed(
    standing: tuple[Lab, HostWanted, list[InterfaceWanted]],
) -> None:
    """Killed in the midst of a probe, its rules go at once, and its links with the next look."""
    host, wanted, (one, _, _) = standing
    namespace = host.layout.vpc_namespace(one.vpc_id)
    script = f"""
        import os, signal
        from ipaddress import ip_address
        from mallee.model.packets.hops import Packet
        from mallee.node.do.network import probes
        from mallee.node.plan.network.probes import Probe, Seen, Sending
        probes._watch = lambda *told: os.kill(os.getpid(), signal.SIGKILL)
        packet = Packet(source=ip_address("{one.private_ip}"), destination=ip_address("10.0.1.11"),
                        protocol=6, destination_port=22)
        probes.send(Sending(probe=Probe(packet, 5, 50000), namespace="{namespace}",
                            tap="{host.layout.tap(one.id)}", mac="{one.mac}",
                            watched=("{namespace}",)), Seen())
    """
    done = subprocess.run(
        (sys.executable, "-c", textwrap.dedent(script)), check=False, env=dict(os.environ)
    )
    assert done.returncode == -signal.SIGKILL
    router = lab.Guest(one, namespace)
    assert "mq0" in router.run("ip", "-o", "link", "show")
    lab_waits = lab.ARRIVES_WITHIN_S
    assert _wait_no_table(router, lab_waits)
    host.apply(wanted)
    assert "mq0" not in router.run("ip", "-o", "link", "show")
    assert host.apply(wanted) == ()


def _wait_no_table(router: lab.Guest, within_s: float) -> bool:
    """The tracer hears that its pipe is closed a moment after the kill."""
    ends_at = time.monotonic() + within_s
    while "mallee-probe" in router.run("nft", "list", "tables"):
        if time.monotonic() > ends_at:
            return False
    return True
