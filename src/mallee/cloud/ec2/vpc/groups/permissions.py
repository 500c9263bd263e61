"""Permissions: what a caller writes as IpPermissions is kept as rules, one peer each.

`parse` and `shown` are the two directions between EC2's nested structures and `networks.Rule`;
they are pure but for the way in which a named source group is found, which comes in. Called by
`securitygroups` and `securitygrouprules`. Enforcing rules is the hosts' business.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec

from mallee.aws import errors
from mallee.model.network.networks import Direction, Rule

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

ALL = "-1"
WITH_PORTS = ("tcp", "udp")
WITH_TYPES = ("icmp", "icmpv6")
_NAMES = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": ALL}
_WORDS = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*")
MAX_WORDS_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Peers:
    """How what a permission names is found; each raises when it is not there."""

    group: Callable[[Mapping[str, str], Rule], Rule]
    """Gives the rule with the group of a UserIdGroupPair as its peer."""
    prefix_list: Callable[[str], str]
    """Gives the id of a prefix list."""


Identity = tuple[Direction, str, int, int, str | None, str | None, str | None, str | None]


def identity(rule: Rule) -> Identity:
    """What makes two rules the same rule, whatever their ids and descriptions."""
    return (
        rule.direction,
        rule.protocol,
        rule.from_port,
        rule.to_port,
        rule.cidr,
        rule.cidr6,
        rule.group_id,
        rule.prefix_list_id,
    )


def parse(
    permissions: Iterable[Mapping[str, Any]], direction: Direction, peers: Peers
) -> list[Rule]:
    """Return the rules that the permissions mean, without ids; raise for what makes no sense."""
    rules = [rule for permission in permissions for rule in _rules_of(permission, direction, peers)]
    if len({identity(rule) for rule in rules}) < len(rules):
        raise errors.InvalidParameterValue("The same permission must not appear multiple times")
    return rules


def of_flat(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the permission that the old flat parameters mean, as a list of one or none."""
    permission: dict[str, Any] = {
        name: request[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in request
    }
    if "CidrIp" in request:
        permission["IpRanges"] = [{"CidrIp": request["CidrIp"]}]
    if "SourceSecurityGroupName" in request:
        pair = {"GroupName": request["SourceSecurityGroupName"]}
        if "SourceSecurityGroupOwnerId" in request:
            pair["UserId"] = request["SourceSecurityGroupOwnerId"]
        permission["UserIdGroupPairs"] = [pair]
        permission.setdefault("IpProtocol", ALL)
    return [permission] if permission else []


def _rules_of(permission: Mapping[str, Any], direction: Direction, peers: Peers) -> Iterable[Rule]:
    traffic = parse_traffic(permission, direction)
    found = False
    for item in permission.get("IpRanges") or ():
        found = True
        yield _described(
            msgspec.structs.replace(traffic, cidr=parse_cidr(item.get("CidrIp", ""))), item
        )
    for item in permission.get("Ipv6Ranges") or ():
        found = True
        cidr6 = parse_cidr6(item.get("CidrIpv6", ""))
        yield _described(msgspec.structs.replace(traffic, cidr6=cidr6), item)
    for item in permission.get("UserIdGroupPairs") or ():
        found = True
        yield _described(peers.group(item, traffic), item)
    for item in permission.get("PrefixListIds") or ():
        found = True
        id = peers.prefix_list(item.get("PrefixListId", ""))
        yield _described(msgspec.structs.replace(traffic, prefix_list_id=id), item)
    if not found:
        raise errors.MissingParameter("IpRanges, Ipv6Ranges, PrefixListIds or UserIdGroupPairs")


def parse_traffic(given: Mapping[str, Any], direction: Direction) -> Rule:
    """Return a rule with protocol and ports as given, still without a peer and an id."""
    protocol = _parse_protocol(given.get("IpProtocol"))
    from_port, to_port = given.get("FromPort"), given.get("ToPort")
    if protocol in WITH_PORTS:
        ports = _parse_ports(from_port, to_port)
    elif protocol in WITH_TYPES:
        ports = _parse_types(-1 if from_port is None else from_port, to_port)
    else:
        ports = (-1, -1)
    return Rule(id="", direction=direction, protocol=protocol, from_port=ports[0], to_port=ports[1])


def _parse_protocol(text: str | None) -> str:
    if text is None:
        raise errors.MissingParameter("ipProtocol")
    name = _NAMES.get(text.lower(), text.lower())
    if name in (*WITH_PORTS, *WITH_TYPES, ALL):
        return name
    if name.isascii() and name.isdecimal() and int(name) <= 255:
        return str(int(name))
    raise errors.InvalidParameterValue(f"Invalid value '{text}' for IP protocol. Unknown protocol.")


def _parse_ports(from_port: int | None, to_port: int | None) -> tuple[int, int]:
    if from_port is None or to_port is None:
        raise errors.InvalidParameterValue(
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange."
        )
    if (from_port, to_port) == (-1, -1):
        return 0, 65535
    if not (0 <= from_port <= 65535 and 0 <= to_port <= 65535):
        raise errors.InvalidParameterValue(
            f"Invalid value '{from_port}-{to_port}' for portRange. Ports range from 0 to 65535."
        )
    if from_port > to_port:
        raise errors.InvalidParameterValue(f"Invalid TCP/UDP port range ({from_port}:{to_port})")
    return from_port, to_port


def _parse_types(kind: int, code: int | None) -> tuple[int, int]:
    code = -1 if code is None else code
    if not (-1 <= kind <= 255 and -1 <= code <= 255) or (kind == -1 and code != -1):
        raise errors.InvalidParameterValue(
            f"Invalid value '{kind}:{code}' for ICMP type and code. Both range from 0 to 255; "
            "-1 means any, and any type has any code."
        )
    return kind, code


def parse_cidr(text: str) -> str:
    """Return an IPv4 range in canonical form; raise `InvalidParameterValue`."""
    return str(_parse_range(ipaddress.IPv4Network, text))


def parse_cidr6(text: str) -> str:
    """Return an IPv6 range in canonical form; raise `InvalidParameterValue`."""
    return str(_parse_range(ipaddress.IPv6Network, text))


def _parse_range(
    form: type[ipaddress.IPv4Network] | type[ipaddress.IPv6Network], text: str
) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        # A zone (`fe80::%…/64`) is no part of a range, and may be any text.
        if "/" in text and "%" not in text:
            return form(text, strict=False)
    except ValueError:
        pass
    raise errors.InvalidParameterValue(f"CIDR block {text} is malformed")


def _described(rule: Rule, item: Mapping[str, Any]) -> Rule:
    description = check_words(item.get("Description") or "", "rule description")
    return msgspec.structs.replace(rule, description=description)


def check_words(text: str, what: str) -> str:
    """Return a name or description that has only AWS's characters; raise otherwise."""
    if len(text) > MAX_WORDS_LENGTH or not _WORDS.fullmatch(text):
        raise errors.InvalidParameterValue(
            f"Invalid {what}. Valid {what}s are strings less than 256 characters from the "
            "following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
        )
    return text


def in_words(rule: Rule) -> str:
    """Return the rule as AWS names it in errors."""
    peer = rule.cidr or rule.cidr6 or rule.prefix_list_id or rule.group_id
    protocol = "ALL" if rule.protocol == ALL else rule.protocol.upper()
    ports = ""
    if rule.protocol in WITH_PORTS:
        ports = f" from port: {rule.from_port}, to port: {rule.to_port},"
    elif rule.protocol in WITH_TYPES:
        ports = f" type: {rule.from_port}, code: {rule.to_port},"
    return f"peer: {peer}, {protocol},{ports} ALLOW"


def shown(rules: Iterable[Rule], direction: Direction) -> list[shapes.IpPermission]:
    """Return the rules of one direction as IpPermissions: peers of one traffic together."""
    permissions: dict[tuple[str, int, int], list[Rule]] = {}
    for rule in rules:
        if rule.direction is direction:
            traffic = (rule.protocol, rule.from_port, rule.to_port)
            permissions.setdefault(traffic, []).append(rule)
    return [_shown_together(alike) for alike in permissions.values()]


def _shown_together(rules: list[Rule]) -> shapes.IpPermission:
    """Return the rules of one traffic as one permission."""
    first = rules[0]
    has_ports = first.protocol in (*WITH_PORTS, *WITH_TYPES)
    permission: dict[str, Any] = {
        "IpProtocol": first.protocol,
        "FromPort": first.from_port if has_ports else None,
        "ToPort": first.to_port if has_ports else None,
        "IpRanges": [{"CidrIp": it.cidr, **_words(it)} for it in rules if it.cidr],
        "Ipv6Ranges": [{"CidrIpv6": it.cidr6, **_words(it)} for it in rules if it.cidr6],
        "PrefixListIds": [
            {"PrefixListId": it.prefix_list_id, **_words(it)} for it in rules if it.prefix_list_id
        ],
        "UserIdGroupPairs": [_pair(it) for it in rules if it.group_id],
    }
    return cast("shapes.IpPermission", permission)


def _pair(rule: Rule) -> dict[str, str | None]:
    pair = {"GroupId": rule.group_id, "UserId": rule.group_owner, **_words(rule)}
    if rule.peering_id is not None:
        pair |= {"VpcId": rule.group_vpc_id, "VpcPeeringConnectionId": rule.peering_id}
    return pair


def _words(rule: Rule) -> dict[str, str]:
    return {"Description": rule.description} if rule.description else {}
