"""Whatever a cloud says: it is refused, or the agent can plan by it. Nothing in between.

An agent that was ended by what it was told would find it in its ledger at each start. So one value
after the other of what hosts are told is exchanged for one that no cloud would say.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace as changed
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import HostWanted, SyncAnswer, VpcWanted
from mallee.model.layout import Layout
from mallee.node.gateways import fence
from mallee.node.modes import gateways, legs, ways
from mallee.node.plan.guests import credentials, domain, instances, progress
from mallee.node.plan.guests.instances import Rules
from mallee.node.plan.guests.seen import SeenInstance
from mallee.node.plan.guests.steps import DefineDomain
from mallee.node.plan.network import (
    dhcp,
    endpoints,
    firewall,
    flowcounts,
    flowlines,
    groups,
    links,
    mirrors,
    natgateways,
    network,
    nft,
    overlay,
    routing,
    shaping,
    transit,
    vpcfirewall,
)
from mallee.node.plan.trust import trust
from tests.node import shapes, wants
from tests.node.modes import test_trustedmodes
from tests.node.plan.network import test_overlay
from tests.node.plan.trust import test_trust

LAYOUT = Layout(Path("/of/nobody"))
TABLE = "tgw-rtb-0123456789abcdef0"
FILES = dhcp.Files(
    configuration="/of/nobody/conf",
    leases="/of/nobody/leases",
    pid="/of/nobody/pid",
    log="/of/nobody/log",
    hosts_directory="/of/nobody/hosts",
    names_directory="/of/nobody/names",
)
RULES = Rules(LAYOUT, stop_s=60.0, terminate_s=60.0)
NOW = 1e9
ID = re.compile(r"([a-z-]+)-[0-9a-f]{17}")
TEXTS = ("", "\0", "a\nb", "../../etc", "0.0.0.0/0", "::/0", "10.0.0.0/32", "fd00::/128", "-1")
NUMBERS = (-1, 0, 1 << 16, 1 << 32, 1 << 63, 1 << 64, 10**25)

Where = tuple[str | int, ...]


def of_a_transit_gateway() -> HostWanted:
    net = shapes.subnet(1)
    attachment = shapes.attachment(1, net)
    vpc = shapes.vpc(
        0, (net,), (shapes.interface(10, shapes.OPEN, inside=net),), shapes.RULES,
        attachments=(attachment,), endpoints=(shapes.endpoint(7, net, shapes.OPEN),),
    )  # fmt: skip
    routes = shapes.transit_table(TABLE, ("10.0.0.0/16", attachment.id))
    gateway = shapes.transit_gateway(1, (shapes.port(1, 0, TABLE),), routes)
    return replace(shapes.host(vpc), transit_gateways=(gateway,))


def of_everything_else() -> HostWanted:
    more = (test_trust.VOLUME,)
    return replace(test_trust.full_vpc(), instances=(wants.make_instance(),), volumes=more)


TOLD = {
    "VPC": of_everything_else,
    "transit gateway": of_a_transit_gateway,
    "other hosts": test_overlay.example,
    "mode": test_trustedmodes.host,
}


def leaves(value: Any, path: Where = ()) -> Iterator[tuple[Where, Any]]:
    if isinstance(value, dict):
        for key, one in cast("dict[str, Any]", value).items():
            yield from leaves(one, (*path, key))
        return
    yield path, value
    if isinstance(value, list) and value:
        # What holds for the first of several holds for all.
        yield from leaves(cast("list[Any]", value)[0], (*path, 0))


def evil(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, list):
        many = cast("list[Any]", value)
        return [[], [*many, *many[:1]]]
    if isinstance(value, str) and (found := ID.fullmatch(value)):
        return [*TEXTS, f"{found[1]}-{'9' * 17}"]
    return list(NUMBERS if isinstance(value, int) else TEXTS)


def exchanged(value: Any, path: Where, other: Any) -> Any:
    if not path:
        return other
    first, *rest = path
    made = value.copy()
    made[first] = exchanged(value[first], tuple(rest), other)
    return made


def taken(told: Any) -> HostWanted | None:
    """What of it the agent would plan by."""
    try:
        wanted = msgspec.json.decode(json.dumps(told), type=HostWanted)
        trust.check_answer(SyncAnswer(wanted=wanted))
    except (msgspec.DecodeError, trust.NotTrusted):
        return None
    return wanted


def plan(wanted: HostWanted) -> None:
    assert msgspec.json.decode(msgspec.json.encode(wanted), type=HostWanted) == wanted
    edge = [network.HOST, *map(network.link_name, wanted.vpcs)]
    seen = links.Seen(indices={name: number for number, name in enumerate(edge, 2)})
    found = network.read_host(LAYOUT, wanted, seen)
    world = firewall.World(("192.0.2.53",), True, True, found.near)
    network.host_wiring(LAYOUT, wanted, found)
    network.answered(wanted, found)
    nft.text(firewall.edge_ruleset(wanted, world))
    firewall.host_text(LAYOUT, wanted, found, world)
    overlay.devices(wanted, seen)
    gateways.with_edge(network.edge_wiring(wanted, found, seen), wanted, seen)
    if wanted.mode is not None and gateways.is_gateway(wanted):
        gateways.wiring(LAYOUT, wanted, wanted.mode, seen)
        gateways.ruleset(LAYOUT, wanted.mode)
    fence.text(LAYOUT, wanted, 3.0)
    for vpc in wanted.vpcs:
        plan_vpc(wanted, vpc)
    for gateway in wanted.transit_gateways:
        ports = {LAYOUT.transit_link(port.id): 9 for port in gateway.ports}
        carried = frozenset(vpc.id for vpc in wanted.vpcs)
        transit.wiring(LAYOUT, gateway, changed(seen, indices=ports), carried)
        transit.ruleset(LAYOUT, gateway)
    plan_guests(wanted)


def plan_vpc(wanted: HostWanted, vpc: VpcWanted) -> None:
    its = legs.of_vpc(LAYOUT, vpc.id, wanted.mode) if wanted.mode else None
    taps = {LAYOUT.tap(one.id): number for number, one in enumerate(vpc.interfaces, 3)}
    seen = links.Seen(indices={network.EDGE: 2, **taps})
    nft.text(vpcfirewall.ruleset(LAYOUT, vpc, groups.Made(), its))
    if its is not None:
        ways.wiring(LAYOUT, vpc, its, seen)
    else:
        hosts = overlay.far_hosts(vpc, wanted)
        routing.vpc_wiring(LAYOUT, vpc, seen, routing.Near(frozenset(), hosts, 1400))
    for gateway in vpc.nat_gateways:
        natgateways.ruleset(gateway)
        natgateways.wiring(vpc, gateway, seen)
    for endpoint in vpc.endpoints:
        endpoints.ruleset(endpoint)
        endpoints.wiring(vpc, endpoint, seen)
    served = dhcp.Served(
        region=wanted.region,
        public_range=wanted.public_range,
        user="nobody",
        resolvers=(),
        mtu=1400,
        legs=its,
    )
    text = dhcp.configuration_text(vpc, FILES, served)
    assert "\0" not in text
    for one in vpc.interfaces:
        assert dhcp.host_text(one).count("\n") == len(dhcp.host_text(one).splitlines())
        dhcp.name_text(one, wanted.region)
    for far in vpc.far:
        dhcp.far_text(far, wanted.region)
    mirrors.sessions(LAYOUT, vpc)
    shaping.aside(LAYOUT, vpc)
    flowcounts.cards(LAYOUT, vpc)
    flowlines.watched(vpc)


def plan_guests(wanted: HostWanted) -> None:
    cards = {one.id: one for vpc in wanted.vpcs for one in vpc.interfaces}
    for one in wanted.instances:
        seen = SeenInstance(
            domain=None,
            has_directory=True,
            has_disk=True,
            cached=frozenset(blob.sha256 for blob in instances.blobs_of(one)),
        )
        at = progress.Situation(one, seen, NOW, "a host")
        known = progress.observe(None, at)
        for step in instances.plan(at, known, cards, RULES):
            assert step.words
            if isinstance(step, DefineDomain):
                domain.encode(step.spec, domain.HostTraits(LAYOUT, "tcg"))
        instances.report(one, seen, known)
        instances.wake_at(at, known, RULES)
    credentials.plan(wanted.instances, {}, NOW)


@pytest.mark.parametrize("what", TOLD)
def test_what_is_not_refused_can_be_planned_by(what: str) -> None:
    told = json.loads(msgspec.json.encode(TOLD[what]()))
    whole = taken(told)
    assert whole is not None
    plan(whole)
    for path, value in leaves(told):
        for other in evil(value):
            wanted = taken(exchanged(told, path, other))
            if wanted is None:
                continue
            try:
                plan(wanted)
            except Exception as error:
                error.add_note(f"by {other!r} as {'.'.join(map(str, path))}")
                raise


@pytest.mark.parametrize("what", TOLD)
def test_no_text_ends_a_line_of_those_that_are_run(what: str) -> None:
    """Of rules and batches each line is an order: a text that ends one begins another."""
    told = json.loads(msgspec.json.encode(TOLD[what]()))
    for path, value in leaves(told):
        if not isinstance(value, str) or path[0] == "instances":
            continue
        wanted = taken(exchanged(told, path, f"{value}\nx-y-z"))
        if wanted is None:
            continue
        text = firewall.host_text(
            LAYOUT,
            wanted,
            found := network.read_host(LAYOUT, wanted, links.Seen()),
            world := firewall.World((), True, True, found.near),
        )
        text += nft.text(firewall.edge_ruleset(wanted, world))
        for vpc in wanted.vpcs:
            its = legs.of_vpc(LAYOUT, vpc.id, wanted.mode) if wanted.mode else None
            text += nft.text(vpcfirewall.ruleset(LAYOUT, vpc, groups.Made(), its))
        assert "x-y-z" not in text, path
