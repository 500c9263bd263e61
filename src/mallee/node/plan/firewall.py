"""The nftables text of each namespace: who may speak on a tap, what passes, what is translated.

Every text replaces its tables whole in one transaction, so that no packet ever meets half of it;
connections that stand are not touched. Equal inputs in any order give equal text.

The way of a packet through a VPC's namespace:
`raw` (is the sender who the tap says it is?) -> translation of a public destination -> `input`
(services of ours) or `forward`: established? else the sender's egress rules, which `goto arrive`,
where the receiver's ingress rules accept -> translation of a private source.

Invariants: 1. what no rule accepts is dropped. 2. A private address leaves a VPC only translated to
its own public one. 3. A connection over a public address ends with that address's association.

Called by `do/network`. Not its business: routes (`network`), loading (`do/firewall`). Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network

from mallee.model.hosts import GroupWanted, HostWanted, InterfaceWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.networks import Direction, Rule
from mallee.node.plan import network

TABLE = "mallee"
"""The name of our tables in our own namespaces; on the host it is `mallee-TAG`."""

_NOT_THE_WORLD = (
    "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, "
    "192.168.0.0/16, 224.0.0.0/3"
)
"""Destinations that guests never reach through the host: its own and its neighbours' networks."""

SERVICES_PACKETS_PER_S = 1024
"""How much a guest may ask of DNS, DHCP and metadata together; AWS's bound for them too."""
FLOWS_MAX = 8192
"""How many connections that it began a guest may have at once beyond its VPC: each is also an
entry in the host's table of connections, which all share."""

_PROTOCOL_NAMES = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}


@dataclass(frozen=True, slots=True)
class World:
    """How the host meets the world, as far as the firewalls must know."""

    resolvers: tuple[str, ...]
    """The name servers beyond the host that the VPCs' own DNS asks; sorted."""
    only_we_forward: bool
    """Whether the host was no router before we made it one for our link."""


def vpc_text(layout: Layout, vpc: VpcWanted) -> str:
    """Return the whole firewall of a VPC's namespace."""
    interfaces = sorted(vpc.interfaces, key=lambda interface: interface.id)
    groups = sorted(vpc.groups, key=lambda group: group.id)
    known = frozenset(group.id for group in groups)
    chains = [_arrive_chain(layout, interfaces)]
    for group in groups:
        chains += _group_chains(group, known)
    for interface in interfaces:
        chains += _interface_chains(layout.tap(interface.id), interface, known)
    return _replace(
        "inet",
        TABLE,
        [
            *_address_sets(layout, interfaces),
            *(_set(f"{group.id}-members", "ipv4_addr", group.member_ips) for group in groups),
            _counting_set("asking", "dynamic,timeout; timeout 1m"),
            _counting_set("talking", "dynamic"),
            *chains,
            _raw_chain(layout, interfaces),
            _input_chain(vpc),
            _forward_chain(layout, interfaces),
            _base_chain(
                "inwards",
                "nat hook prerouting priority dstnat",
                "accept",
                [f'iifname "{network.EDGE}" dnat ip to ip daddr map @inward'],
            ),
            _base_chain(
                "outwards",
                "nat hook postrouting priority srcnat",
                "accept",
                [f'oifname "{network.EDGE}" snat ip to ip saddr map @outward'],
            ),
        ],
    ) + _replace("arp", TABLE, [_speakers_set(layout, interfaces), _arp_chain()])


def edge_text(wanted: HostWanted, world: World) -> str:
    """Return the whole firewall of the edge namespace."""
    public = IPv4Network(wanted.public_range)
    links = sorted(network.link_name(vpc) for vpc in wanted.vpcs)
    to_host = f'iifname @links oifname "{network.HOST}"'
    forward = [
        "ct state invalid drop",
        "ct state established,related accept",
        f'iifname "{network.HOST}" oifname @links ip daddr {public} accept',
        f"iifname @links oifname @links ip daddr {public} accept",
    ]
    if wanted.egress:
        forward += [
            f"{to_host} ip saddr @own ip daddr @resolvers meta l4proto {{ tcp, udp }} "
            "th dport 53 accept",
            f"{to_host} ip saddr @own drop",
            f"{to_host} ip daddr {{ {_NOT_THE_WORLD} }} drop",
            f"{to_host} accept",
        ]
    return _replace(
        "inet",
        TABLE,
        [
            _set("links", "ifname", (f'"{link}"' for link in links)),
            _set("own", "ipv4_addr", (str(network.vpc_end(vpc)) for vpc in wanted.vpcs)),
            _set("resolvers", "ipv4_addr", world.resolvers),
            _base_chain(
                "input",
                "filter hook input priority filter",
                "drop",
                ["ct state established,related accept", 'iifname "lo" accept'],
            ),
            _base_chain("forward", "filter hook forward priority filter", "drop", forward),
            _base_chain(
                "outwards",
                "nat hook postrouting priority srcnat",
                "accept",
                [f'oifname "{network.HOST}" masquerade'],
            ),
        ],
    )


def host_text(layout: Layout, wanted: HostWanted, found: network.HostFound, world: World) -> str:
    """Return our one table in the host's own namespace; it judges only packets of our link."""
    link = f'"{layout.host_link}"'
    uplinks = ", ".join(f'"{name}"' for name in found.uplinks)
    forward: list[str] = []
    outward: list[str] = []
    if wanted.egress and uplinks:
        forward += [
            f"iifname {link} ct state established,related accept",
            f"iifname {link} oifname != {{ {uplinks} }} drop",
            f"iifname {link} ip daddr @resolvers meta l4proto {{ tcp, udp }} th dport 53 accept",
            f"iifname {link} ip daddr {{ {_NOT_THE_WORLD} }} drop",
        ]
        if world.only_we_forward:
            # Forwarding was switched on for our sake alone: nothing else may profit from it.
            forward.append(f"iifname {{ {uplinks} }} oifname != {link} drop")
        outward = [f"ip saddr {found.link.edge} oifname {{ {uplinks} }} masquerade"]
    else:
        forward.append(f"iifname {link} ct state new drop")
    return _replace(
        "inet",
        host_table(layout),
        [
            _set("resolvers", "ipv4_addr", world.resolvers),
            # No guest begins a conversation with the host, whatever address of it he knows.
            _base_chain(
                "input",
                "filter hook input priority filter",
                "accept",
                [f"iifname {link} ct state established,related accept", f"iifname {link} drop"],
            ),
            _base_chain("forward", "filter hook forward priority filter", "accept", forward),
            _base_chain("outwards", "nat hook postrouting priority srcnat", "accept", outward),
        ],
    )


def host_table(layout: Layout) -> str:
    """The name of our table in the host's namespace."""
    return f"mallee-{layout.tag}"


def _address_sets(layout: Layout, interfaces: list[InterfaceWanted]) -> list[str]:
    published = [
        (interface.public_ip, interface.private_ip)
        for interface in interfaces
        if interface.public_ip is not None
    ]
    return [
        _speakers_set(layout, interfaces),
        _set("published", "ipv4_addr", (private for _, private in published)),
        _set("pairs", "ipv4_addr . ipv4_addr", (f"{one} . {other}" for one, other in published)),
        _map("inward", "ipv4_addr", (f"{public} : {private}" for public, private in published)),
        _map("outward", "ipv4_addr", (f"{private} : {public}" for public, private in published)),
    ]


def _speakers_set(layout: Layout, interfaces: Iterable[InterfaceWanted]) -> str:
    """Who speaks on which tap: its MAC and its IPv4 address."""
    return _set(
        "speakers",
        "ifname . ether_addr . ipv4_addr",
        (f'"{layout.tap(one.id)}" . {one.mac} . {one.private_ip}' for one in interfaces),
    )


def _group_chains(group: GroupWanted, known: frozenset[str]) -> list[str]:
    """The rules of a group, shared by all interfaces that wear it."""
    arriving: set[str] = set()
    leaving: set[str] = set()
    for rule in group.rules:
        match = _rule_match(rule, known)
        if match is None:
            continue
        if rule.direction is Direction.INGRESS:
            arriving.add(f"{match} accept".strip())
        else:
            leaving.add(f"{match} goto arrive".strip())
    return [
        _chain(f"{group.id}-in", sorted(arriving)),
        _chain(f"{group.id}-out", sorted(leaving)),
    ]


def _rule_match(rule: Rule, known: frozenset[str]) -> str | None:
    """The match of a rule; None when it can match nothing that this network carries."""
    side = "saddr" if rule.direction is Direction.INGRESS else "daddr"
    if rule.cidr is not None:
        peer = IPv4Network(rule.cidr, strict=False)
        who = f"ip {side} {peer} " if peer.prefixlen else ""
    elif rule.group_id is not None and rule.group_id in known:
        who = f"ip {side} @{rule.group_id}-members "
    else:
        return None
    what = _protocol_match(rule)
    return None if what is None else who + what


def _protocol_match(rule: Rule) -> str | None:
    protocol = _PROTOCOL_NAMES.get(rule.protocol, rule.protocol)
    if protocol == "-1":
        return ""
    if protocol == "icmpv6":
        # IPv6 is not carried yet.
        return None
    if protocol == "icmp":
        kind = "meta l4proto icmp" if rule.from_port < 0 else f"icmp type {rule.from_port}"
        code = "" if rule.from_port < 0 or rule.to_port < 0 else f" icmp code {rule.to_port}"
        return kind + code
    if protocol in ("tcp", "udp"):
        if rule.from_port <= 0 and rule.to_port in (-1, 65535):
            return f"meta l4proto {protocol}"
        if rule.from_port == rule.to_port:
            return f"{protocol} dport {rule.from_port}"
        return f"{protocol} dport {rule.from_port}-{rule.to_port}"
    return f"meta l4proto {int(protocol)}"


def _interface_chains(tap: str, interface: InterfaceWanted, known: frozenset[str]) -> list[str]:
    worn = sorted(group for group in interface.group_ids if group in known)
    return [
        _chain(f"{tap}-in", [*(f"jump {group}-in" for group in worn), "drop"]),
        _chain(f"{tap}-out", [*(f"jump {group}-out" for group in worn), "drop"]),
    ]


def _arrive_chain(layout: Layout, interfaces: list[InterfaceWanted]) -> str:
    """Where a packet goes that may leave its sender: a guest's ingress rules, or the edge."""
    return _chain(
        "arrive",
        [
            *_by_tap(layout, interfaces, "oifname", "in"),
            f'oifname "{network.EDGE}" iifname != "{network.EDGE}" ip saddr @published accept',
            "drop",
        ],
    )


def _raw_chain(layout: Layout, interfaces: list[InterfaceWanted]) -> str:
    rules = [
        f'iifname {{ "lo", "{network.EDGE}" }} accept',
        "iifname . ether saddr . ip saddr @speakers accept",
    ]
    if interfaces:
        macs = ", ".join(f'"{layout.tap(one.id)}" . {one.mac}' for one in interfaces)
        rules.append(
            f"iifname . ether saddr {{ {macs} }} ip saddr 0.0.0.0 ip daddr 255.255.255.255 "
            "udp sport 68 udp dport 67 accept"
        )
    return _base_chain("raw", "filter hook prerouting priority raw", "drop", rules)


def _input_chain(vpc: VpcWanted) -> str:
    """What the VPC's namespace itself answers: DHCP, DNS, metadata and the API, nothing else."""
    name_servers = f"{{ {network.name_server(vpc)}, {network.DNS_ADDRESS} }}"
    return _base_chain(
        "input",
        "filter hook input priority filter",
        "drop",
        [
            f'iifname != {{ "lo", "{network.EDGE}" }} update @asking {{ iifname limit rate over '
            f"{SERVICES_PACKETS_PER_S}/second burst {SERVICES_PACKETS_PER_S} packets }} drop",
            "ct state established,related accept",
            'iifname "lo" accept',
            f'iifname "{network.EDGE}" drop',
            "udp sport 68 udp dport 67 accept",
            f"ip daddr {name_servers} meta l4proto {{ tcp, udp }} th dport 53 accept",
            f"ip daddr {network.METADATA_ADDRESS} tcp dport "
            f"{{ {network.METADATA_PORT}, {network.API_PORT} }} accept",
        ],
    )


def _forward_chain(layout: Layout, interfaces: list[InterfaceWanted]) -> str:
    return _base_chain(
        "forward",
        "filter hook forward priority filter",
        "drop",
        [
            "ct state invalid drop",
            "ct status dnat ct original ip daddr . ct reply ip saddr != @pairs drop",
            "ct status snat ct reply ip daddr . ct original ip saddr != @pairs drop",
            "ct state established,related accept",
            f'iifname "{network.EDGE}" goto arrive',
            f'oifname "{network.EDGE}" ct state new add @talking '
            f"{{ iifname ct count over {FLOWS_MAX} }} drop",
            *_by_tap(layout, interfaces, "iifname", "out"),
        ],
    )


def _by_tap(
    layout: Layout, interfaces: list[InterfaceWanted], match: str, side: str
) -> Iterable[str]:
    taps = [layout.tap(interface.id) for interface in interfaces]
    if taps:
        verdicts = ", ".join(f'"{tap}" : goto {tap}-{side}' for tap in taps)
        yield f"{match} vmap {{ {verdicts} }}"


def _arp_chain() -> str:
    """A guest may say of no address but its own that it has it (0.0.0.0: it only asks)."""
    return _base_chain(
        "input",
        "filter hook input priority filter",
        "drop",
        [
            f'iifname "{network.EDGE}" accept',
            "iifname . arp saddr ether . arp saddr ip @speakers accept",
            "arp operation request arp saddr ip 0.0.0.0 accept",
        ],
    )


def _replace(family: str, table: str, blocks: Iterable[str]) -> str:
    """A transaction that replaces the table; named first, so that deleting it cannot fail."""
    head = f"table {family} {table}\ndelete table {family} {table}\n"
    return f"{head}table {family} {table} {{\n" + "\n".join(blocks) + "}\n"


def _set(name: str, of: str, elements: Iterable[str]) -> str:
    return _elements(f"set {name}", of, elements)


def _map(name: str, of: str, elements: Iterable[str]) -> str:
    return _elements(f"map {name}", f"{of} : {of}", elements)


def _counting_set(name: str, flags: str) -> str:
    """A set into which packets themselves put the tap that they came by, with what is counted."""
    return f"    set {name} {{\n        type ifname; size 4096; flags {flags};\n    }}\n"


def _elements(head: str, of: str, elements: Iterable[str]) -> str:
    body = ",\n".join(f"            {element}" for element in sorted(set(elements)))
    held = f"        elements = {{\n{body}\n        }}\n" if body else ""
    return f"    {head} {{\n        type {of}\n{held}    }}\n"


def _base_chain(name: str, hook: str, policy: str, rules: Iterable[str]) -> str:
    return _chain(name, [f"type {hook}; policy {policy};", *rules])


def _chain(name: str, rules: Iterable[str]) -> str:
    body = "".join(f"        {rule}\n" for rule in rules)
    return f"    chain {name} {{\n{body}    }}\n"
