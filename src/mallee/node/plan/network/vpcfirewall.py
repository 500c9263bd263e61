"""The ruleset of a VPC's namespace: who may speak, which borders stop what, what groups let pass.

The way of a packet: `raw` (is the sender who its tap says it is? the packet gets the mark of its
subnet) -> translation of a public destination -> `input` (services of ours), or `forward`: ACLs of
the two subnets, whatever the connection -> `known`: an established connection passes -> the
sender's egress rules, which lead to `arrive` -> the receiver's ingress rules, which lead to `pass`
-> translation of a private source.

A connection that a side does not track (`groups.WORLD_*` in its mark) is judged again, on that
side, with every packet.

Invariants: 1. What no rule accepts is dropped. 2. A private address leaves a VPC only translated to
its own public one. 3. A connection over a public address ends with that address's association.
4. What a guest sends bears its own MAC and one of its addresses, unless its check is off.

Called by `do/network`. Not its business: routes (`routing`), loading (`do/firewall`). Pure.
"""

from collections.abc import Iterable, Iterator, Mapping

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import PublicAccess, Way
from mallee.node.modes import rules as moderules
from mallee.node.modes.legs import Legs
from mallee.node.plan.network import (
    acls,
    afar,
    flowcounts,
    groups,
    midway,
    mirrors,
    network,
    nft,
    publicaccess,
    routing,
    speakers,
)

SERVICES_PACKETS_PER_S = 1024
"""How much a guest may ask of DNS, DHCP and metadata together; AWS's bound for them too."""
FLOWS_MAX = 8192
"""How many connections that it began a guest may have at once beyond its VPC: each is also an
entry in the host's table of connections, which all share."""

_BITS = groups.WORLD_OUT | groups.WORLD_IN


def ruleset(
    layout: Layout, vpc: VpcWanted, made: groups.Made, legs: Legs | None = None
) -> nft.Ruleset:
    """Return the ruleset of a VPC's namespace; `made` spares making the same again."""
    those = speakers.speakers(layout, vpc)
    worn = made.make(vpc.groups)
    unknown = groups.referenced(vpc.groups) - worn.keys()
    blocks: list[nft.Block] = [
        *speakers.sets(those),
        *_translation_sets(vpc, legs),
        *_border_sets(layout, vpc, those),
        *afar.sets(vpc, routing.marks(vpc)),
        *moderules.sets(vpc, legs),
        *_answer_sets(layout, vpc, worn),
        *(block for id in sorted(unknown) for block in groups.members(groups.nobody(id))),
        *(block for one in worn.values() for block in one.blocks),
        *(chain for acl in sorted(vpc.acls, key=lambda one: one.id) for chain in acls.chains(acl)),
        *_tap_chains(layout, vpc, worn),
        *speakers.chains(layout, vpc, those, legs),
        *afar.chains(vpc),
        _input_chain(vpc, legs),
        *_forward_chains(layout, vpc, legs),
        *_translation_chains(legs),
        *mirrors.blocks(layout, vpc),
    ]
    return (
        nft.Table("inet", network.TABLE, tuple(flowcounts.counting(layout, vpc, blocks))),
        nft.Table("arp", network.TABLE, speakers.arp_blocks(layout, vpc, those, legs)),
    )


# What the namespace itself answers


def _input_chain(vpc: VpcWanted, legs: Legs | None) -> nft.Chain:
    """DHCP, DNS, metadata, the API and neighbours' questions, nothing else."""
    # In somebody else's network the third address is somebody else's.
    own = "" if legs is not None else f"{network.name_server(vpc)}, "
    name_servers = f"{{ {own}{network.DNS_ADDRESS} }}"
    dns = "meta l4proto { tcp, udp } th dport 53 accept"
    rules = [
        f'iifname "{network.TAPS}" update @asking {{ iifname limit rate over '
        f"{SERVICES_PACKETS_PER_S}/second burst {SERVICES_PACKETS_PER_S} packets }} drop",
        "ct state established,related accept",
        'iifname "lo" accept',
        f"ip6 saddr {{ ::, fe80::/10 }} icmpv6 type {{ {speakers.NEIGHBOURS} }} accept",
        "ip6 saddr { ::, fe80::/10 } icmpv6 type nd-router-solicit accept",
        f'iifname "{network.TAPS}" icmpv6 type {{ {speakers.NEIGHBOURS} }} accept',
        *(
            [f'iifname "{network.NATS}" icmpv6 type {{ {speakers.NEIGHBOURS} }} accept']
            if any(one.ipv6s for one in vpc.endpoints)
            else []
        ),
        f'iifname "{network.EDGE}" drop',
        f'iifname "{network.PEERS}" drop',
        *([f"iifname {afar.LINK} drop"] if afar.is_far(vpc) else []),
        *moderules.service_rules(legs),
        "udp sport 68 udp dport 67 accept",
        "ip6 saddr fe80::/10 udp sport 546 udp dport 547 accept",
        *([f"ip daddr {name_servers} {dns}"] if vpc.dns_support else []),
        *([f"ip6 daddr {network.DNS_ADDRESS6} {dns}"] if vpc.dns_support else []),
        f"ip6 daddr {network.METADATA_ADDRESS6} tcp dport {network.METADATA_PORT} accept",
        f"ip daddr {network.METADATA_ADDRESS} tcp dport "
        f"{{ {network.METADATA_PORT}, {network.API_PORT} }} accept",
    ]
    return nft.base("input", "filter hook input priority filter", "drop", rules)


# Borders of subnets


def _border_sets(
    layout: Layout, vpc: VpcWanted, those: list[speakers.Speaker]
) -> Iterator[nft.Set]:
    """Which subnet stands behind a device, and which ACL at the border of a subnet."""
    marks = routing.marks(vpc)
    known = {acl.id for acl in vpc.acls}
    guarded = {one.id: one.acl_id for one in vpc.subnets if one.acl_id in known}
    closed = {device for device, _ in _worn_by_endpoints(layout, vpc)}
    # What comes by a transit gateway comes from a subnet; what goes there never stays inside it.
    standing = [(one.device, one.subnet_id) for one in those]
    standing += [(layout.transit_link(one.id), one.subnet_id) for one in vpc.attachments]
    yield nft.map_of(
        "subnets", "ifname : mark", (f'"{device}" : {marks[id]:#x}' for device, id in standing)
    )
    yield nft.set_of(
        "inside",
        "mark . ifname",
        (
            f'{marks[one.subnet_id]:#x} . "{one.device}"'
            for one in those
            if one.subnet_id in guarded
        ),
    )
    yield nft.map_of(
        "leaving-subnet",
        "mark : verdict",
        (
            f"{marks[subnet_id]:#x} : jump {acls.chain_name(acl_id, is_egress=True)}"
            for subnet_id, acl_id in guarded.items()
        ),
    )
    yield nft.map_of(
        "entering-subnet",
        "ifname : verdict",
        (
            f'"{device}" : jump {acls.chain_name(guarded[id], is_egress=False)}'
            for device, id in standing
            if id in guarded
        ),
    )
    yield nft.set_of(
        "open6",
        "ifname",
        (
            f'"{one.device}"'
            for one in those
            # An endpoint is for who is inside.
            if one.subnet_id in _open_subnets(vpc) and one.device not in closed
        ),
    )
    yield from publicaccess.sets(vpc, those)
    yield nft.set_of("only-out", "mark", (f"{marks[id]:#x}" for id in _only_out_subnets(vpc)))
    yield nft.Set("asking", "type ifname; size 4096", flags="dynamic,timeout; timeout 1m")
    yield nft.Set("talking", "type ifname; size 4096", flags="dynamic")
    yield nft.map_of("leaving", "ifname : verdict", _verdicts(layout, vpc, "out"))
    yield nft.map_of("arriving", "ifname : verdict", _verdicts(layout, vpc, "in"))


def _open_subnets(vpc: VpcWanted) -> frozenset[str]:
    """Subnets in which the world may begin conversations over IPv6, as far as groups let it."""
    if not vpc.has_internet_gateway:
        return frozenset()
    leading = {
        table.id
        for table in vpc.route_tables
        if any(one.way is Way.INTERNET and ":" in one.cidr for one in table.routes)
    }
    return frozenset(
        one.id for one in vpc.subnets if not one.route_table_id or one.route_table_id in leading
    )


def _only_out_subnets(vpc: VpcWanted) -> frozenset[str]:
    """Subnets that lead to the world of IPv6 by an egress-only gateway: it tracks what it lets."""
    leading = {
        table.id
        for table in vpc.route_tables
        if any(one.way is Way.EGRESS_ONLY for one in table.routes)
    }
    return frozenset(one.id for one in vpc.subnets if one.route_table_id in leading)


def _verdicts(layout: Layout, vpc: VpcWanted, side: str) -> Iterator[str]:
    for one in vpc.interfaces:
        tap = layout.tap(one.id)
        yield f'"{tap}" : goto {tap}-{side}'
    for one in vpc.nat_gateways:
        # It has no security groups, and what it carries is tracked.
        onwards = "goto arrive" if side == "out" else "accept"
        yield f'"{layout.nat_link(one.interface_id)}" : {onwards}'
    for device, _ in _worn_by_endpoints(layout, vpc):
        yield f'"{device}" : goto {device}-{side}'


# Security groups


def _tap_chains(layout: Layout, vpc: VpcWanted, known: Iterable[str]) -> Iterator[nft.Chain]:
    for device, group_ids in _worn(layout, vpc):
        worn = sorted(frozenset(group_ids) & frozenset(known))
        for way in groups.WAYS:
            jumps = (f"jump {group}-{way.suffix}" for group in worn)
            yield nft.Chain(f"{device}-{way.suffix}", (*jumps, "counter drop"))


def _worn(layout: Layout, vpc: VpcWanted) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each device with security groups behind it, and these."""
    for one in sorted(vpc.interfaces, key=lambda one: one.id):
        yield layout.tap(one.id), one.group_ids
    yield from _worn_by_endpoints(layout, vpc)


def _worn_by_endpoints(layout: Layout, vpc: VpcWanted) -> Iterator[tuple[str, tuple[str, ...]]]:
    for one in sorted(vpc.endpoints, key=lambda one: one.interface_id):
        yield layout.nat_link(one.interface_id), one.group_ids


def _answer_sets(
    layout: Layout, vpc: VpcWanted, worn: Mapping[str, groups.MadeGroup]
) -> Iterator[nft.Set]:
    """Taps whose rules let every answer pass: only there may a connection go untracked."""
    for way in groups.WAYS:
        elements = frozenset(
            f'"{device}" . {family} . {protocol}'
            for device, group_ids in _worn(layout, vpc)
            for id in group_ids
            if id in worn
            for direction, family, protocol in worn[id].open_ways
            if direction is way.direction
        )
        form = "typeof iifname . meta nfproto . meta l4proto"
        yield nft.Set(f"open-{way.suffix}", form, elements)


def _forward_chains(layout: Layout, vpc: VpcWanted, legs: Legs | None) -> Iterator[nft.Chain]:
    out, into = groups.WORLD_OUT, groups.WORLD_IN
    borders = (
        "meta mark . oifname @inside goto known",
        *afar.border_rules(vpc),
        afar.leaving_rule(vpc),
        "oifname vmap @entering-subnet",
    )
    has_borders = any(one.acl_id for one in vpc.subnets)
    is_blocked = any(one.public_access is not PublicAccess.OPEN for one in vpc.subnets)
    yield nft.base(
        "forward",
        "filter hook forward priority filter",
        "drop",
        (
            *(publicaccess.rules(vpc) if is_blocked else ()),
            *(borders if has_borders else ()),
            "goto known",
        ),
    )
    yield nft.Chain("known", tuple(_known_rules(vpc, legs)))
    yield nft.Chain(
        "again",
        (
            f"ct direction original ct mark & {out:#x} == {out:#x} iifname vmap @leaving",
            f"ct direction reply ct mark & {into:#x} == {into:#x} iifname vmap @leaving",
            "goto arrive",
        ),
    )
    yield nft.Chain("arrive", tuple(_arrive_rules(vpc, legs)))
    yield nft.Chain("pass", tuple(_pass_rules(vpc)))


def _known_rules(vpc: VpcWanted, legs: Legs | None) -> Iterator[str]:
    """Behind the borders: whether the connection stands, and who may begin one."""
    opened = _open_subnets(vpc)
    not_far = f"oifname != {afar.LINK} " if afar.is_far(vpc) else ""
    not_far += moderules.counted_beyond(legs)
    yield from afar.crossed_rules(vpc)
    yield "ct state invalid drop"
    yield "ct status dnat ct original ip daddr . ct reply ip saddr != @pairs drop"
    yield "ct status snat ct reply ip daddr . ct original ip saddr != @pairs drop"
    yield from midway.known_rules(vpc, legs)
    yield f"ct state established ct mark & {_BITS:#x} != 0x0 goto again"
    yield "ct state established,related accept"
    yield from midway.rules(vpc, legs)
    open_cidrs = (one.ipv6_cidr for one in vpc.subnets if one.id in opened and one.ipv6_cidr)
    yield from afar.beginning_rules(vpc, FLOWS_MAX, open_cidrs)
    yield from moderules.beginning_rules(legs)
    yield f'iifname "{network.EDGE}" meta nfproto ipv6 oifname != @open6 drop'
    yield f'iifname "{network.EDGE}" goto arrive'
    yield f'iifname "{network.PEERS}" goto arrive'
    yield (
        f'iifname "{network.TAPS}" oifname != "{network.TAPS}" {not_far}ct state new '
        f"add @talking {{ iifname ct count over {FLOWS_MAX} }} drop"
    )
    yield "iifname vmap @leaving"


def _pass_rules(vpc: VpcWanted) -> Iterator[str]:
    """What is accepted: its connection notes which side does not track it."""
    out, into = groups.WORLD_OUT, groups.WORLD_IN
    tracked = (
        f"meta mark & {~_BITS & 0xFFFFFFFF:#x} @only-out "
        f"meta mark set meta mark & {~out & 0xFFFFFFFF:#x}"
    )
    yield "ct state established accept"
    yield (
        f"meta mark & {out:#x} == {out:#x} iifname . meta nfproto . meta l4proto != @open-in "
        f"meta mark set meta mark & {~out & 0xFFFFFFFF:#x}"
    )
    yield (
        f"meta mark & {into:#x} == {into:#x} oifname . meta nfproto . meta l4proto != "
        f"@open-out meta mark set meta mark & {~into & 0xFFFFFFFF:#x}"
    )
    yield f'oifname "{network.EDGE}" meta nfproto ipv6 {tracked}'
    yield from afar.tracked_rules(vpc, tracked)
    yield f"ct mark set meta mark & {_BITS:#x}"
    yield "accept"


def _arrive_rules(vpc: VpcWanted, legs: Legs | None) -> Iterator[str]:
    """Where a packet goes that may leave its sender: its receiver's rules, or out of the VPC."""
    out, into = groups.WORLD_OUT, groups.WORLD_IN
    yield f"ct state established ct direction original ct mark & {into:#x} == 0x0 accept"
    yield f"ct state established ct direction reply ct mark & {out:#x} == 0x0 accept"
    yield "oifname vmap @arriving"
    yield from afar.arrival_rules(vpc)
    # Between two links of a VPC nothing passes: it is nobody's way.
    yield f'iifname "{network.EDGE}" drop'
    yield f'iifname "{network.PEERS}" drop'
    yield f'oifname "{network.PEERS}" goto pass'
    yield f'oifname "{network.EDGE}" meta nfproto ipv6 goto pass'
    yield f'oifname "{network.EDGE}" ip saddr @published goto pass'
    yield from moderules.departure_rules(legs)
    yield from afar.departure_rules(vpc)
    yield "drop"


# Public addresses


def _translation_sets(vpc: VpcWanted, legs: Legs | None) -> Iterator[nft.Set]:
    pairs = network.published(vpc) if legs is None else moderules.published(vpc)
    yield nft.set_of("published", "ipv4_addr", (private for _, private in pairs))
    yield nft.set_of("pairs", "ipv4_addr . ipv4_addr", (f"{one} . {two}" for one, two in pairs))
    addresses = "ipv4_addr : ipv4_addr"
    yield nft.map_of("inward", addresses, (f"{public} : {private}" for public, private in pairs))
    yield nft.map_of("outward", addresses, (f"{private} : {public}" for public, private in pairs))
    # Which ranges are the cloud's own services, by the mark of the subnet that is led there.
    marks, tables = routing.marks(vpc), {table.id: table for table in vpc.route_tables}
    yield nft.Set(
        "endpoints",
        "typeof meta mark . ip daddr",
        frozenset(
            f"{marks[subnet.id]:#x} . {route.cidr}"
            for subnet in vpc.subnets
            if subnet.route_table_id in tables
            for route in tables[subnet.route_table_id].routes
            if route.way is Way.ENDPOINT and ":" not in route.cidr
        ),
        flags="interval",
    )


def _service_ports() -> str:
    return ", ".join(str(port) for port in network.SERVICE_PORTS)


def _translation_chains(legs: Legs | None) -> Iterator[nft.Chain]:
    yield nft.base(
        "inwards",
        "nat hook prerouting priority dstnat",
        "accept",
        (
            f'iifname "{network.EDGE}" dnat ip to ip daddr map @inward',
            *moderules.inward_rules(legs),
            f"meta mark . ip daddr @endpoints tcp dport {{ {_service_ports()} }} "
            f"dnat ip to {network.METADATA_ADDRESS}:{network.API_PORT}",
        ),
    )
    yield nft.base(
        "outwards",
        "nat hook postrouting priority srcnat",
        "accept",
        (
            f'oifname "{network.EDGE}" snat ip to ip saddr map @outward',
            *moderules.outward_rules(legs),
        ),
    )
