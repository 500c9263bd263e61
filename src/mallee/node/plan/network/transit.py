"""A transit gateway as a namespace: a link for each attachment, a kernel table for each table.

What comes by a link bears the mark of the table that the attachment is associated with; a policy
rule leads from the mark to the table. It knows no connections and no groups: who may speak is
looked at where a packet leaves its VPC and where it enters another one. Its route tables end in
`blackhole`, and what comes by an attachment without a table has no route at all.

Both ends of a link are called alike; the gateway has the first address, a VPC the second. No next
hop may be an address that the namespace itself has on any link, so that on links between gateways
each has an address of its own; over IPv6 the lower id has the first.
Called by `do/transitgateways` and, for the VPCs' ends, by `routing`. Pure.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from mallee.model.layout import Layout
from mallee.model.network.carried import TransitGatewayWanted, TransitPortWanted
from mallee.node.plan.network import network, nft
from mallee.node.plan.network.links import Address, PolicyRule, Route, Seen, Veth, Wiring

ENDS = ("169.254.208.0", "169.254.208.1")
"""On every link to a VPC: such links are no network, so all may have the same."""
ENDS6 = ("fe80::1", "fe80::2")
VPC_SIDE = 1
_EVERYTHING = ("0.0.0.0/0", "::/0")
_PRIORITY = 1000
_FIRST_NUMBER = 1000
_NUMBERS = 1 << 29

SWITCHES = {
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
}
"""Beside those of every router: the way back is another table's business."""


def numbers(gateway: TransitGatewayWanted) -> dict[str, int]:
    """The number of each route table by id: mark and kernel table in one."""
    found: dict[str, int] = {}
    for id in sorted(table.id for table in gateway.tables):
        number = int(id.rpartition("-")[2][-8:], 16) % _NUMBERS
        while number in found.values():
            number = (number + 1) % _NUMBERS
        found[id] = number
    return {id: _FIRST_NUMBER + number for id, number in found.items()}


def wiring(
    layout: Layout, gateway: TransitGatewayWanted, seen: Seen, carried: frozenset[str]
) -> Wiring:
    """The gateway's namespace; links to VPCs are made from their side, those to gateways here too.

    `carried` are the ids of the VPCs and gateways that this host carries.
    """
    ports = [one for one in gateway.ports if (one.peer_id or one.vpc_id) in carried]
    made = {layout.transit_link(one.id): one for one in ports if one.peer_id}
    present = [
        one
        for one in ports
        if layout.transit_link(one.id) in seen.indices or layout.transit_link(one.id) in made
    ]
    return Wiring(
        veths=tuple(
            Veth(link, link, layout.transit_namespace(one.peer_id)) for link, one in made.items()
        ),
        devices=("lo", *(layout.transit_link(one.id) for one in present)),
        addresses=tuple(_addresses(layout, gateway, present)),
        routes=tuple(_routes(layout, gateway, present)),
        rules=tuple(
            PolicyRule(_PRIORITY, number, is_ipv6, mark=number)
            for number in sorted(numbers(gateway).values())
            for is_ipv6 in (False, True)
        ),
        is_whole=True,
        kinds=(network.TRANSITS.rstrip("*"),),
    )


def _addresses(
    layout: Layout, gateway: TransitGatewayWanted, ports: Iterable[TransitPortWanted]
) -> Iterator[Address]:
    yield Address("lo", "127.0.0.1/8")
    yield Address("lo", "::1/128")
    for one in ports:
        link = layout.transit_link(one.id)
        own = str(network.transit_end(gateway.link_index)) if one.peer_id else ENDS[0]
        yield Address(link, f"{own}/32")
        yield Address(link, f"{ENDS6[_side(gateway, one)]}/64")


def _next_hop(gateway: TransitGatewayWanted, port: TransitPortWanted, *, is_ipv6: bool) -> str:
    if is_ipv6:
        return ENDS6[1 - _side(gateway, port)]
    return str(network.transit_end(port.peer_link_index)) if port.peer_id else ENDS[VPC_SIDE]


def _side(gateway: TransitGatewayWanted, port: TransitPortWanted) -> int:
    return int(bool(port.peer_id) and gateway.id > port.peer_id)


def _routes(
    layout: Layout, gateway: TransitGatewayWanted, ports: Iterable[TransitPortWanted]
) -> Iterator[Route]:
    hops = {one.id: one for one in ports}
    known = numbers(gateway)
    for table in gateway.tables:
        number = known[table.id]
        told = {str(ip_network(route.cidr)): route.attachment_id for route in table.routes}
        for everything in _EVERYTHING:
            told.setdefault(everything, "")
        for cidr, attachment_id in told.items():
            hop = hops.get(attachment_id)
            if hop is None:
                yield Route(cidr, "blackhole", table=number)
            else:
                via = _next_hop(gateway, hop, is_ipv6=":" in cidr)
                yield Route(cidr, device=layout.transit_link(hop.id), via=via, table=number)


def ruleset(layout: Layout, gateway: TransitGatewayWanted) -> nft.Ruleset:
    """Marks for what comes by each link; the namespace itself answers nothing but neighbours."""
    known = numbers(gateway)
    marked = (
        f'"{layout.transit_link(one.id)}" : {known[one.table_id]:#x}'
        for one in gateway.ports
        if one.table_id in known
    )
    neighbours = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
    blocks: tuple[nft.Block, ...] = (
        nft.map_of("tables", "ifname : mark", marked),
        nft.base(
            "raw",
            "filter hook prerouting priority raw",
            "accept",
            ("meta mark set iifname map @tables",),
        ),
        nft.base(
            "input",
            "filter hook input priority filter",
            "drop",
            ('iifname "lo" accept', f"ip6 saddr fe80::/10 {neighbours}"),
        ),
    )
    return (nft.Table("inet", network.TABLE, blocks),)
