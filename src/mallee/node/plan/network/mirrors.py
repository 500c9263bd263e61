"""Traffic mirroring as nftables blocks and VXLAN devices of a VPC's namespace.

Each session has a device that wraps what is given to it for its target. Chains at the source's tap
give it copies: of what the guest sends before anything judges it, of what it receives after
everything has, as on AWS. The wrapped packet leaves by the namespace's own output, where it gets
its source's address and passes the target's security groups. All sessions may bear one network
identifier, which the kernel knows once per port: so each device sends to a port of its own, and the
output puts VXLAN's there.

What a guest of limited speed sends is turned aside here, once copied: were it done before, as
`shaping` does it elsewhere, no chain would see it. A changed session is another device, for its
name follows from what it is. Called by `do/vpcs` and `vpcfirewall`. Pure.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.watching import MirrorRuleWanted, MirrorWanted
from mallee.node.plan.network import network, nft, shaping, speakers
from mallee.node.plan.network.links import Seen

DEVICES = "mx"
"""How the devices' names begin."""
VXLAN_PORT = 4789
_COPIED = 0x6D697272
"""The mark of a wrapped copy: it is not copied again."""
_FIRST_PORT, _PORTS = 20_000, 20_000
_MTU = 65_485
"""More than any packet: what is too long for the target is cut into fragments."""
_LINK_LOCAL = "169.254.0.0/16"
_ASIDE = "fwd to "
"""How a rule begins that gives a packet to a device with a bucket (`shaping`)."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session with everything that its device and rules follow from."""

    wanted: MirrorWanted
    device: str
    source_tap: str
    target_tap: str
    source_ip: str
    target_ip: str
    router: str
    """The address that the device sends from, before it gets the source's."""
    port: int


def sessions(layout: Layout, vpc: VpcWanted) -> list[Session]:
    """Return the sessions of a VPC, those of a source in their order."""
    interfaces = {one.id: one for one in vpc.interfaces}
    routers = {subnet.id: str(network.gateway(subnet)) for subnet in vpc.subnets}
    found: list[Session] = []
    ports: set[int] = set()
    for one in sorted(vpc.mirrors, key=lambda one: (one.interface_id, one.number, one.id)):
        source = interfaces.get(one.interface_id)
        target = interfaces.get(one.target_interface_id)
        if source is None or target is None:
            continue
        port = _FIRST_PORT + zlib.crc32(one.id.encode()) % _PORTS
        while port in ports:
            port += 1
        ports.add(port)
        is_made_of = (one.id, one.vni, source.private_ip, target.private_ip, port)
        digest = hashlib.sha256(repr(is_made_of).encode()).hexdigest()
        found.append(
            Session(
                wanted=one,
                device=f"{DEVICES}{digest[:13]}",
                source_tap=layout.tap(source.id),
                target_tap=layout.tap(target.id),
                source_ip=source.private_ip,
                target_ip=target.private_ip,
                router=routers[target.subnet_id],
                port=port,
            )
        )
    return found


# Devices


def is_device(name: str) -> bool:
    """Tell whether a device is one of a session's."""
    return name.startswith(DEVICES)


def plan_devices(those: Iterable[Session], seen: Seen) -> tuple[str, ...]:
    """Return the lines of `ip -batch` by which just the sessions' devices are there, down."""
    held = {one.device: one for one in those}
    present = set(filter(is_device, seen.indices))
    lines = [f"link delete {name}" for name in sorted(present - held.keys())]
    for name in sorted(held.keys() - present):
        one = held[name]
        lines += [
            f"link add {name} type vxlan id {one.wanted.vni} local {one.router} "
            f"remote {one.target_ip} dstport {one.port} nolearning noudpcsum",
            f"link set {name} mtu {_MTU}",
        ]
    return tuple(lines)


def switches(those: Iterable[Session], seen: Seen) -> dict[str, str]:
    """Return the switches by which a new device says nothing of its own."""
    new = (one.device for one in those if one.device not in seen.indices)
    return {f"net/ipv6/conf/{device}/disable_ipv6": "1" for device in new}


def plan_raising(those: Iterable[Session], seen: Seen) -> tuple[str, ...]:
    """Return the lines of `ip -batch` after which the devices take packets."""
    return tuple(f"link set {one.device} up" for one in those if one.device not in seen.up)


# What gives copies


def table(layout: Layout, vpc: VpcWanted, seen: Seen) -> nft.Table:
    """Return the table at the taps; of sources that are not there yet it says nothing."""
    by_tap: dict[str, list[Session]] = {}
    for one in sessions(layout, vpc):
        if one.source_tap in seen.indices and one.device in seen.indices:
            by_tap.setdefault(one.source_tap, []).append(one)
    asides = shaping.aside(layout, vpc)
    blocks: list[nft.Block] = []
    for tap, held in sorted(by_tap.items()):
        limiter = asides.get(tap)
        onward = f'{_ASIDE}"{limiter}"' if limiter in seen.indices else "accept"
        blocks += _chains(vpc, held, _Side("sends", "ingress", onward))
        blocks += _chains(vpc, held, _Side("receives", "egress", "accept"))
    return nft.Table("netdev", network.TABLE, tuple(blocks))


def turned_aside(rules: nft.Ruleset) -> frozenset[str]:
    """The taps from which a ruleset turns everything aside, so that nothing else has to."""
    return frozenset(
        block.name.removesuffix("-sends")
        for one in rules
        if one.family == "netdev"
        for block in one.blocks
        if isinstance(block, nft.Chain) and block.hook and block.rules[-1].startswith(_ASIDE)
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """A direction of a tap."""

    name: str
    hook: str
    onward: str
    """What becomes of a packet once it has been copied, or was not to be."""


def _chains(vpc: VpcWanted, held: Iterable[Session], side: _Side) -> Iterator[nft.Chain]:
    """The chains of a tap's sessions for one direction, and that which asks them."""
    tap, jumps = "", [f"meta mark {_COPIED:#x} accept"]
    for one in held:
        tap = one.source_tap
        jumps.append(f"jump {one.device}-{side.name}")
        yield nft.Chain(f"{one.device}-{side.name}", tuple(_copying(vpc, one, side)))
    hook = f'filter hook {side.hook} device "{tap}" priority 0'
    yield nft.base(f"{tap}-{side.name}", hook, "accept", (*jumps, side.onward))


def _copying(vpc: VpcWanted, one: Session, side: _Side) -> Iterator[str]:
    """The rules of one session for one direction."""
    copy = f'dup to "{one.device}" {side.onward}'
    is_sent = side.name == "sends"
    near = f"{{ {network.name_server(vpc)}, {network.DNS_ADDRESS} }}"
    peer, port = ("daddr", "dport") if is_sent else ("saddr", "sport")
    # What the cloud itself is asked for is beyond the rules, as on AWS.
    for protocol in ("tcp", "udp"):
        for servers in (f"ip {peer} {near}", f"ip6 {peer} {network.DNS_ADDRESS6}"):
            asked = f"{servers} {protocol} {port} 53"
            yield f"{asked} {copy if one.wanted.copies_dns else 'return'}"
    yield f"ip {peer} {_LINK_LOCAL} return"
    yield f"ip6 {peer} {{ {network.METADATA_ADDRESS6}, {network.DNS_ADDRESS6} }} return"
    yield "udp dport { 67, 68, 546, 547 } return"
    # How neighbours find each other, as ARP does for IPv4.
    yield "ip6 saddr { ::, fe80::/10 } return"
    yield "ip6 daddr { fe80::/10, ff02::/16 } return"
    yield f"icmpv6 type {{ {speakers.NEIGHBOURS} }} return"
    rules = one.wanted.egress if is_sent else one.wanted.ingress
    for rule in rules:
        yield f"{_match(rule)} {copy if rule.is_accepted else 'return'}"


def _match(rule: MirrorRuleWanted) -> str:
    family = "ip6" if ":" in rule.source else "ip"
    words = [f"{family} saddr {rule.source}", f"{family} daddr {rule.destination}"]
    if rule.protocol:
        words.append(f"meta l4proto {rule.protocol}")
    for name, ports in (("sport", rule.source_ports), ("dport", rule.destination_ports)):
        if ports is not None:
            words.append(f"th {name} {ports[0]}-{ports[1]}")
    return " ".join(words)


# What becomes of wrapped copies


def blocks(layout: Layout, vpc: VpcWanted) -> Iterator[nft.Chain]:
    """Return what a VPC's ruleset has for its sessions."""
    those = sessions(layout, vpc)
    if not those:
        return
    yield nft.base(
        "wrapped",
        "filter hook output priority raw",
        "accept",
        [
            f"ip saddr {one.router} ip daddr {one.target_ip} udp dport {one.port} "
            f"udp dport set {VXLAN_PORT} ip saddr set {one.source_ip} udp checksum set 0x0 "
            f"meta mark set {_COPIED:#x} notrack"
            for one in those
        ],
    )
    yield nft.base(
        "copied",
        "filter hook output priority filter",
        "accept",
        (f"meta mark {_COPIED:#x} goto copied-arrive",),
    )
    yield nft.Chain("copied-arrive", ("oifname vmap @arriving", "drop"))
