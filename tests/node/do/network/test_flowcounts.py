"""What the kernel counts of flows: real packets, and what is read of them.

Each test reads the counts as the agent does, sums them up and looks at the lines of a log.
"""

import socket
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import InterfaceWanted, VpcWanted
from mallee.model.network.carried import AclWanted, Way
from mallee.model.network.flowlogs import DEFAULT_FIELDS, Traffic
from mallee.model.network.networks import Direction, Rule
from mallee.model.network.watching import FlowLogWanted
from mallee.node.do.network import flowcounts as counts
from mallee.node.plan.network import flowcounts, flowlines, flowsums
from tests.node import lab, shapes
from tests.node.lab import Lab
from tests.node.shapes import OPEN, OUT, entry

pytestmark = pytest.mark.host

PORT = 8000
FIELDS = (*DEFAULT_FIELDS, "tcp-flags", "flow-direction", "pkt-srcaddr", "pkt-dstaddr", "type")
ACL = "acl-00000000000000001"


@dataclass(slots=True)
class Seen:
    """Lines as words by field."""

    rows: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def of(self, one: InterfaceWanted, **words: str) -> list[dict[str, str]]:
        """The rows about an interface that have these words."""
        wanted = {"interface-id": one.id} | {k.replace("_", "-"): v for k, v in words.items()}
        return [row for row in self.rows if wanted.items() <= row.items()]


def watched(vpc: VpcWanted, traffic: Traffic = Traffic.ALL) -> VpcWanted:
    """The VPC with a log of all its interfaces."""
    ids = [one.id for one in vpc.interfaces] + [one.interface_id for one in vpc.nat_gateways]
    log = FlowLogWanted(
        id="fl-00000000000000001",
        account_id="000000000001",
        zone_id="use1-az1",
        interface_ids=tuple(sorted(ids)),
        traffic=traffic,
        fields=FIELDS,
    )
    return replace(vpc, flow_logs=(log,))


def look(host: Lab, vpc: VpcWanted) -> Seen:
    """Everything that was counted in a VPC until now."""
    found = counts.fetch(host.layout.vpc_namespace(vpc.id))
    window = flowsums.Window(began_at=100)
    steps = [
        flowsums.Step(name, key, count.packets, count.bytes)
        for name, held in found.items()
        for key, count in held.items()
    ]
    those = {card.number: card for card in flowcounts.cards(host.layout, vpc)}
    window.add(steps, those, flowsums.Between(100, 160))
    writer = flowlines.Writer(vpc.flow_logs[0], "us-east-1", window, 160)
    lines = writer.lines(flowlines.watched(vpc))
    return Seen([dict(zip(FIELDS, line.split(" "), strict=True)) for line in lines])


def ingress(*rules: Rule) -> dict[str, tuple[Rule, ...]]:
    """Groups: one that lets out, one that lets these in."""
    return {OPEN: shapes.RULES[OPEN], OUT: (*shapes.ALL_OUT, *rules)}


def test_both_ends_tell_of_what_passed_and_the_receiver_of_what_he_refused(host: Lab) -> None:
    near = shapes.subnet(1)
    client = shapes.interface(10, OPEN, inside=near)
    server = shapes.interface(11, OUT, inside=near)
    allowed = lab.allow("tcp", PORT, cidr="10.0.0.0/16")
    vpc = watched(shapes.vpc(0, (near,), (client, server), ingress(allowed)))
    host.apply(shapes.host(vpc))
    with host.guest(server).listen(PORT), host.guest(server).listen(PORT + 1):
        assert host.guest(client).reaches(server.private_ip, PORT)
        assert host.guest(client).misses(server.private_ip, PORT + 1)
    seen = look(host, vpc)
    ends = {"srcaddr": client.private_ip, "dstaddr": server.private_ip}
    (sent,) = seen.of(client, dstport=str(PORT), flow_direction="egress", **ends)
    (received,) = seen.of(server, dstport=str(PORT), flow_direction="ingress", **ends)
    assert sent["action"] == received["action"] == "ACCEPT"
    assert (sent["packets"], sent["bytes"]) == (received["packets"], received["bytes"])
    assert int(sent["packets"]) >= 3
    assert int(sent["tcp-flags"]) & 19 == 3
    (answer,) = seen.of(client, srcport=str(PORT), flow_direction="ingress", action="ACCEPT")
    assert int(answer["tcp-flags"]) & 18 == 18
    refused = seen.of(server, dstport=str(PORT + 1))
    assert [(row["action"], row["tcp-flags"]) for row in refused] == [("REJECT", "2")]
    (tried,) = seen.of(client, dstport=str(PORT + 1))
    assert tried["action"] == "ACCEPT"


def test_who_may_not_send_tells_so_and_nobody_else(host: Lab) -> None:
    near = shapes.subnet(1)
    client = shapes.interface(10, OUT, inside=near)
    server = shapes.interface(11, OPEN, inside=near)
    nothing_out: dict[str, tuple[Rule, ...]] = {OPEN: shapes.RULES[OPEN], OUT: ()}
    vpc = watched(shapes.vpc(0, (near,), (client, server), nothing_out))
    host.apply(shapes.host(vpc))
    assert not host.guest(client).pings(server.private_ip, lab.REFUSED_AFTER_S)
    assert not host.guest(client).pings(server.ipv6s[0], lab.REFUSED_AFTER_S)
    seen = look(host, vpc)
    rows = seen.of(client, log_status="OK")
    assert {(row["action"], row["protocol"], row["type"]) for row in rows} == {
        ("REJECT", "1", "IPv4"),
        ("REJECT", "58", "IPv6"),
    }
    assert {row["flow-direction"] for row in rows} == {"egress"}
    assert [row["log-status"] for row in seen.of(server)] == ["NODATA"]


def test_an_acl_refuses_on_its_side_of_the_border(host: Lab) -> None:
    near, far = shapes.subnet(1), shapes.subnet(2, acl=ACL)
    client = shapes.interface(10, OPEN, inside=near)
    server = shapes.interface(12, OPEN, inside=far)
    entries = (entry(100, "out allow"), entry(101, "out allow", cidr6="::/0"))
    vpc = shapes.vpc(0, (near, far), (client, server), acls=(AclWanted(ACL, entries),))
    vpc = watched(vpc)
    host.apply(shapes.host(vpc))
    assert not host.guest(client).pings(server.private_ip, lab.REFUSED_AFTER_S)
    assert not host.guest(client).pings(server.ipv6s[0], lab.REFUSED_AFTER_S)
    seen = look(host, vpc)
    refused = seen.of(server, action="REJECT", flow_direction="ingress")
    assert {row["protocol"] for row in refused} == {"1", "58"}
    assert {row["action"] for row in seen.of(client)} == {"ACCEPT"}


def test_a_log_of_what_is_refused_counts_nothing_that_passes(host: Lab) -> None:
    near = shapes.subnet(1)
    client = shapes.interface(10, OPEN, inside=near)
    server = shapes.interface(11, OUT, inside=near)
    allowed = Rule(id="in", direction=Direction.INGRESS, protocol="icmp", cidr="0.0.0.0/0")
    plain = shapes.vpc(0, (near,), (client, server), ingress(allowed))
    vpc = watched(plain, Traffic.REJECT)
    host.apply(shapes.host(vpc))
    assert host.guest(client).pings(server.private_ip)
    assert host.guest(client).misses(server.private_ip, PORT)
    seen = look(host, vpc)
    assert [row["action"] for row in seen.of(server)] == ["REJECT"]
    assert [row["log-status"] for row in seen.of(client)] == ["NODATA"]
    # Without a log nothing counts any more, and nothing that stands is touched.
    host.apply(shapes.host(plain))
    assert not any(counts.fetch(host.layout.vpc_namespace(vpc.id)).values())
    assert host.guest(client).pings(server.private_ip)


def test_datagrams_are_told_with_their_ports_in_both_families(host: Lab) -> None:
    near = shapes.subnet(1)
    client, server = (shapes.interface(n, OPEN, inside=near) for n in (10, 11))
    vpc = watched(shapes.vpc(0, (near,), (client, server)))
    host.apply(shapes.host(vpc))
    for address in (server.private_ip, server.ipv6s[0]):
        with host.guest(server).listen(PORT, socket.SOCK_DGRAM, address) as waiting:
            assert host.guest(client).throws(waiting, address, PORT, lab.ARRIVES_WITHIN_S)
    seen = look(host, vpc)
    rows = seen.of(server, protocol="17", dstport=str(PORT), flow_direction="ingress")
    assert {(row["dstaddr"], row["packets"], row["bytes"]) for row in rows} == {
        (server.private_ip, "1", "36"),
        (server.ipv6s[0], "1", "56"),
    }


def test_a_nat_gateway_tells_of_its_own_part(host: Lab) -> None:
    world = host.add_world()
    world.run("ip", "route", "add", "203.0.113.0/24", "via", "198.51.100.2")
    public, private = "rtb-00000000000000001", "rtb-00000000000000002"
    outer, inner = shapes.subnet(1, table=public), shapes.subnet(2, table=private)
    gateway = shapes.nat_gateway(5, outer, "203.0.113.50")
    client = shapes.interface(10, OUT, inside=inner)
    vpc = shapes.vpc(
        0,
        (outer, inner),
        (client,),
        route_tables=(
            shapes.table(public, ("0.0.0.0/0", Way.INTERNET, "igw-1")),
            shapes.table(private, ("0.0.0.0/0", Way.NAT, gateway.id)),
        ),
        nat_gateways=(gateway,),
    )
    vpc = watched(vpc)
    host.apply(shapes.host(vpc, egress=True))
    with world.listen(PORT):
        assert host.guest(client).reaches(lab.WORLD_ADDRESS, PORT)
    seen = look(host, vpc)
    own = gateway.addresses[0].private_ip
    (sent,) = seen.of(client, flow_direction="egress", log_status="OK")
    assert (sent["srcaddr"], sent["dstaddr"]) == (client.private_ip, lab.WORLD_ADDRESS)
    rows = [row for row in seen.rows if row["interface-id"] == gateway.interface_id]
    ends = {
        (
            row["flow-direction"],
            row["srcaddr"],
            row["dstaddr"],
            row["pkt-srcaddr"],
            row["pkt-dstaddr"],
        )
        for row in rows
    }
    world_ip = lab.WORLD_ADDRESS
    # What a guest sends to the world is for the gateway's own address, as AWS shows it.
    assert ends == {
        ("ingress", client.private_ip, own, client.private_ip, world_ip),
        ("egress", own, world_ip, own, world_ip),
        ("ingress", world_ip, own, world_ip, own),
        ("egress", own, client.private_ip, world_ip, client.private_ip),
    }
    assert {row["action"] for row in rows} == {"ACCEPT"}
    subnets = vpc.subnets
    assert flowlines.path(vpc, subnets[1].id, world_ip) == "1"
    assert flowlines.path(vpc, subnets[0].id, world_ip) == "8"
    assert flowlines.path(vpc, subnets[0].id, client.private_ip) == "1"


def test_what_finds_no_room_is_told_by_its_interface(
    host: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flowcounts, "FLOWS_MAX", 2)
    near = shapes.subnet(1)
    client, server, other = (shapes.interface(n, OPEN, inside=near) for n in (10, 11, 12))
    vpc = watched(shapes.vpc(0, (near,), (client, server, other)))
    host.apply(shapes.host(vpc))
    with host.guest(server).listen(PORT, socket.SOCK_DGRAM) as waiting:
        for _ in range(3):
            address = server.private_ip
            assert host.guest(client).throws(waiting, address, PORT, lab.ARRIVES_WITHIN_S)
    seen = look(host, vpc)
    assert seen.of(client, log_status="SKIPDATA")
    assert [row["log-status"] for row in seen.of(other)] == ["NODATA"]
