"""What a VPC's firewall has where the VPC stands on other hosts too: who may come by its device
between hosts (`overlay`), and what may leave by it.

A packet between guests of two hosts is judged on both: what lets it leave its sender (egress rules,
the ACL at the border of its subnet) where that is, what lets it arrive where its receiver is. Both
see all packets of the conversation. On its way it bears the mark of its sender's subnet. Who it is
from is checked by the MAC of the host, which that host's own firewall and the host where it
arrives (`firewall`) hold to where it comes from: a host speaks for the addresses that it carries.

What a peering or a transit gateway leads into the VPC is led into it on the sender's host, and
answers on the receiver's: such a host sees half of a conversation only, and tracks none of it.
Gateways to the world are on one host; the others lead there by their route tables.
Part of `vpcfirewall`. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network

from mallee.model.hosts.hosts import SubnetWanted, VpcWanted
from mallee.model.network.carried import PublicAccess, Way
from mallee.node.plan.network import midway, network, nft, overlay

NEVER_A_SOURCE = "0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3"
NEVER_A_SOURCE6 = "::/127, fe80::/10, ff00::/8"
LINK = f'"{overlay.DEVICE}"'
_CHAIN = "afar"
_FAMILIES = (("", "ip", "ipv4_addr"), ("6", "ip6", "ipv6_addr"))


def is_far(vpc: VpcWanted) -> bool:
    """Whether other hosts carry the VPC too."""
    return bool(vpc.far)


def sets(vpc: VpcWanted, marks: Mapping[str, int]) -> Iterator[nft.Set]:
    """Return the sets that say which host speaks for whom, and which subnets are where."""
    if not is_far(vpc):
        return
    for suffix, _, form in _FAMILIES:
        elements = [
            f"{overlay.mac_of(host_id)} . {ip}"
            for host_id, one in overlay.interfaces(vpc)
            for ip in (one.ip6s if suffix else one.ips)
        ]
        plain = (one for one in elements if "/" not in one)
        yield nft.set_of(f"far{suffix}", f"ether_addr . {form}", plain)
        ranges = [one for one in elements if "/" in one]
        if ranges:
            yield nft.set_of(f"far-led{suffix}", f"ether_addr . {form}", ranges, "interval")
    yield nft.set_of("far-hosts", "ether_addr", (overlay.mac_of(far.host_id) for far in vpc.far))
    unchecked = {id for id, one in overlay.interfaces(vpc) if not one.source_dest_check}
    yield nft.set_of("far-unchecked", "ether_addr", map(overlay.mac_of, unchecked))
    known = {acl.id for acl in vpc.acls}
    guarded = [one for one in vpc.subnets if one.acl_id in known]
    for suffix, family, _ in _FAMILIES:
        yield nft.Set(
            f"inside-far{suffix}",
            f"typeof meta mark . {family} daddr",
            frozenset(
                f"{marks[one.id]:#x} . {ip_network(cidr)}"
                for one in guarded
                for cidr in _cidrs(one, suffix)
            ),
            flags="interval",
        )
    if not vpc.gateway_host_id:
        yield nft.Set("talking-far", "type ipv4_addr; size 65536", flags="dynamic")
        yield nft.Set("talking-far6", "type ipv6_addr; size 65536", flags="dynamic")


def _cidrs(subnet: SubnetWanted, suffix: str) -> Iterator[str]:
    yield from filter(None, (subnet.ipv6_cidr if suffix else subnet.cidr,))


def crossing_rules(vpc: VpcWanted) -> Iterator[str]:
    """What comes from another network for another host is not tracked: its answers go by others.
    By what subnet's table it is led is known before that."""
    if is_far(vpc) and (vpc.peerings or vpc.attachments):
        yield f'iifname "{network.TRANSITS}" meta mark set iifname map @subnets'
        yield f'iifname "{network.PEERS}" fib daddr . mark oifname {LINK} notrack'


def arriving_rules(vpc: VpcWanted) -> Iterator[str]:
    """What comes from another host is asked for its sender."""
    if is_far(vpc):
        yield f"iifname {LINK} goto {_CHAIN}"


def chains(vpc: VpcWanted) -> Iterator[nft.Chain]:
    """Return the chain in which senders on other hosts are looked at, and what goes with it."""
    if is_far(vpc):
        yield nft.Chain(_CHAIN, tuple(_sender_rules(vpc)))
        yield from midway.chains(vpc)
        # Who was not told how long packets may be, or does not listen, is spared finding out.
        yield nft.base(
            "shorter",
            "filter hook forward priority mangle",
            "accept",
            (f"oifname {LINK} tcp flags & (syn|rst) == syn tcp option maxseg size set rt mtu",),
        )


def _sender_rules(vpc: VpcWanted) -> Iterator[str]:
    yield f"meta mark set meta mark & {midway.marks_taken(vpc):#x}"
    ranges = [one for _, held in overlay.interfaces(vpc) for one in (*held.ips, *held.ip6s)]
    for suffix, family, _ in _FAMILIES:
        yield f"ether saddr . {family} saddr @far{suffix} accept"
        if any("/" in one and (":" in one) is bool(suffix) for one in ranges):
            yield f"ether saddr . {family} saddr @far-led{suffix} accept"
    yield f"ip saddr {{ {NEVER_A_SOURCE} }} drop"
    yield f"ip6 saddr {{ {NEVER_A_SOURCE6} }} drop"
    yield "ether saddr @far-unchecked accept"
    # What is nobody's in the VPC comes from the world, or from a network beyond it.
    for _, family, _ in _FAMILIES:
        held = _own(vpc, family)
        if held:
            yield f"{family} saddr {{ {held} }} drop"
    if vpc.gateway_host_id:
        yield f"ether saddr {overlay.mac_of(vpc.gateway_host_id)} accept"
    if vpc.attachments:
        yield "ether saddr @far-hosts accept"
    for peering in sorted(vpc.peerings, key=lambda one: one.id):
        for _, family, _ in _FAMILIES:
            cidrs = [one for one in peering.peer_cidrs if (":" in one) is (family == "ip6")]
            if cidrs:
                theirs = ", ".join(sorted(cidrs))
                yield f"ether saddr @far-hosts {family} saddr {{ {theirs} }} accept"
    yield "drop"


def _own(vpc: VpcWanted, family: str) -> str:
    """The VPC's own ranges of a family."""
    held = vpc.ipv6_cidrs if family == "ip6" else (vpc.cidr, *vpc.more_cidrs)
    return ", ".join(sorted(str(ip_network(cidr)) for cidr in held))


def border_rules(vpc: VpcWanted) -> Iterator[str]:
    """Before ACLs: what stays inside its subnet, and what has left it on another host."""
    if is_far(vpc):
        for suffix, family, _ in _FAMILIES:
            yield f"oifname {LINK} meta mark . {family} daddr @inside-far{suffix} goto known"


def leaving_rule(vpc: VpcWanted) -> str:
    """The rule by which a subnet's ACL judges what leaves it."""
    judged = "meta mark vmap @leaving-subnet"
    return f"iifname != {LINK} {judged}" if is_far(vpc) else judged


def public_access_rules(vpc: VpcWanted) -> Iterator[str]:
    """Blocked public access, where the gateway is, for subnets whose guests are on other hosts."""
    if not is_far(vpc) or vpc.gateway_host_id:
        return
    edge = f'"{network.EDGE}"'
    for suffix, family, _ in _FAMILIES:
        shut, outward = set[str](), set[str]()
        for subnet in vpc.subnets:
            held = shut if _is_shut(vpc, subnet, family) else outward
            if subnet.public_access is not PublicAccess.OPEN:
                held.update(_cidrs(subnet, suffix))
        # Of what another host led before, the direction here need not be the true one.
        answers = ("ct direction reply drop", f"{midway.IS_ANSWER} drop")
        for cidrs, sent, came in (
            (shut, ("drop",), "drop"),
            (outward, answers, "ct direction original drop"),
        ):
            if cidrs:
                whose = f"{{ {', '.join(sorted(cidrs))} }}"
                for one in sent:
                    yield f"iifname {LINK} oifname {edge} {family} saddr {whose} {one}"
                yield f"iifname {edge} oifname {LINK} {family} daddr {whose} {came}"


def _is_shut(vpc: VpcWanted, subnet: SubnetWanted, family: str) -> bool:
    """Whether a subnet's guests speak with the world in no way; gateways are not among them."""
    if subnet.public_access is PublicAccess.GATEWAYS:
        return family == "ip" or not is_only_outward(vpc, subnet)
    return subnet.public_access is PublicAccess.CLOSED


def is_only_outward(vpc: VpcWanted, subnet: SubnetWanted) -> bool:
    """Whether the subnet is led to the world of IPv6 by an egress-only gateway alone."""
    tables = (table for table in vpc.route_tables if table.id == subnet.route_table_id)
    led = {one.way for table in tables for one in table.routes if ":" in one.cidr}
    return Way.EGRESS_ONLY in led and Way.INTERNET not in led


def crossed_rules(vpc: VpcWanted) -> Iterator[str]:
    """What was not tracked as it came has been judged as far as it is here."""
    if is_far(vpc) and (vpc.peerings or vpc.attachments):
        yield f'iifname "{network.PEERS}" oifname {LINK} ct state untracked accept'


def beginning_rules(vpc: VpcWanted, flows_max: int, open_cidrs: Iterable[str]) -> Iterator[str]:
    """What may begin: from the world to others' guests of open subnets, and from other hosts."""
    if not is_far(vpc):
        return
    edge = f'"{network.EDGE}"'
    if not vpc.gateway_host_id:
        open6 = ", ".join(sorted(open_cidrs))
        if open6:
            yield f"iifname {edge} oifname {LINK} ip6 daddr {{ {open6} }} goto pass"
        for suffix, family, _ in _FAMILIES:
            yield (
                f"iifname {LINK} oifname {edge} ct state new add @talking-far{suffix} "
                f"{{ {family} saddr ct count over {flows_max} }} drop"
            )
    yield f"iifname {LINK} goto arrive"


def arrival_rules(vpc: VpcWanted) -> Iterator[str]:
    """Between links: what the world says to a public address goes to the host that has it, and
    what other hosts say to the world goes to the edge; nothing else does."""
    if is_far(vpc):
        yield f'iifname "{network.EDGE}" oifname {LINK} meta nfproto ipv4 ct status dnat goto pass'
        yield f'iifname {LINK} oifname != "{network.EDGE}" drop'


def departure_rules(vpc: VpcWanted) -> Iterator[str]:
    """What left its sender goes to another host; the rest is judged there."""
    if is_far(vpc):
        yield f"oifname {LINK} goto pass"


def tracked_rules(vpc: VpcWanted, out: str) -> Iterator[str]:
    """A conversation with the world by an egress-only gateway elsewhere is tracked here too."""
    if is_far(vpc) and vpc.gateway_host_id and vpc.ipv6_cidrs:
        yield f"oifname {LINK} ip6 daddr != {{ {_own(vpc, 'ip6')} }} {out}"


def marking_rules(vpc: VpcWanted, edge_mark: int) -> Iterator[str]:
    """Give a packet that was counted its mark again: it goes with it to the other host."""
    if is_far(vpc):
        yield f"oifname {LINK} meta mark set 0x0"
        yield f"oifname {LINK} meta mark set iifname map @subnets"
        if vpc.gateway_table_id:
            yield f'iifname "{network.EDGE}" oifname {LINK} meta mark set {edge_mark:#x}'
