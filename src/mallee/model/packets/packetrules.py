"""Which rule of a group or an ACL decides about a packet, rule by rule and in plain words.

Part of the reference evaluator: `packets` asks here at each border. What is found is the rule
itself, so that who explains can name it. Pure.
"""

from collections.abc import Mapping
from ipaddress import ip_network

from mallee.model.hosts.hosts import GroupWanted, InterfaceWanted, VpcWanted
from mallee.model.network.acls import AclEntry
from mallee.model.network.carried import AclWanted, EndpointWanted
from mallee.model.network.networks import Direction, Rule
from mallee.model.packets.hops import ICMP, ICMP6, TCP, UDP, Address, Packet

_NUMBERS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMP6}


def find_rule(
    interface: InterfaceWanted | EndpointWanted,
    vpc: VpcWanted,
    packet: Packet,
    direction: Direction,
) -> tuple[str, Rule] | None:
    """Return the first rule of the interface's groups that lets a packet pass, with its group."""
    groups = {group.id: group for group in vpc.groups}
    peer = packet.source if direction is Direction.INGRESS else packet.destination
    for id in interface.group_ids:
        for rule in groups[id].rules if id in groups else ():
            if rule.direction is direction and _fits(rule, packet) and _names(rule, peer, groups):
                return id, rule
    return None


def find_entry(acl: AclWanted, packet: Packet, *, is_egress: bool) -> AclEntry | None:
    """Return the entry of an ACL that decides about a packet; None: it is refused by none."""
    peer = packet.destination if is_egress else packet.source
    for entry in sorted(acl.entries, key=lambda one: one.number):
        if entry.is_egress is is_egress and _entry_fits(entry, packet, peer):
            return entry
    return None


def _names(rule: Rule, peer: Address, groups: Mapping[str, GroupWanted]) -> bool:
    if rule.group_id is not None:
        group = groups.get(rule.group_id)
        members = (*group.member_ips, *group.member_ip6s) if group else ()
        return any(peer in ip_network(member, strict=False) for member in members)
    cidr = rule.cidr or rule.cidr6
    return cidr is not None and peer in ip_network(cidr, strict=False)


def _fits(rule: Rule, packet: Packet) -> bool:
    number = _NUMBERS[rule.protocol] if rule.protocol in _NUMBERS else int(rule.protocol)
    if number < 0:
        return True
    if number != packet.protocol:
        return False
    if number in (TCP, UDP):
        is_whole = rule.from_port <= 0 and rule.to_port in (-1, 65535)
        return is_whole or rule.from_port <= packet.destination_port <= rule.to_port
    if number in (ICMP, ICMP6):
        is_kind = rule.from_port in (-1, packet.icmp_type)
        return is_kind and (rule.from_port < 0 or rule.to_port in (-1, packet.icmp_code))
    return True


def _entry_fits(entry: AclEntry, packet: Packet, peer: Address) -> bool:
    cidr = entry.cidr or entry.cidr6 or ""
    if not cidr or peer not in ip_network(cidr, strict=False):
        return False
    number = int(entry.protocol)
    if number not in (-1, packet.protocol):
        return False
    if number in (TCP, UDP):
        return entry.from_port <= packet.destination_port <= entry.to_port
    if number in (ICMP, ICMP6):
        is_kind = entry.icmp_type in (-1, packet.icmp_type)
        return is_kind and (entry.icmp_type < 0 or entry.icmp_code in (-1, packet.icmp_code))
    return True
