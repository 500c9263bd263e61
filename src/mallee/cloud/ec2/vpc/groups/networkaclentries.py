"""Entries of network ACLs: added, exchanged and removed by their numbers.

Called through the action table. An ACL knows no connections: an answer passes by an entry of its
own. How entries are obeyed is the hosts' business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Request, Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.ec2.vpc.groups import networkacls
from mallee.cloud.state import records
from mallee.model.network.acls import LAST_NUMBER, AclEntry

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_EACH_WAY = 20
"""Entries of one ACL in one direction, without the last one."""

_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58", "all": "-1"}
WITH_PORTS = ("6", "17")
WITH_TYPES = ("1", "58")


def create_entry(call: WriteCall, request: shapes.CreateNetworkAclEntryRequest) -> Result:
    """Add an entry under a number that is free in its direction."""
    acl = resources.one(call, records.NETWORK_ACL, request["NetworkAclId"])
    entry = _parse(request)
    alike = [it for it in acl.doc.entries if it.is_egress is entry.is_egress]
    if any(it.number == entry.number for it in alike):
        raise errors.NetworkAclEntryAlreadyExists(entry.number)
    if len(alike) >= MAX_EACH_WAY:
        raise errors.NetworkAclEntryLimitExceeded(MAX_EACH_WAY)
    entries = networkacls.in_order((*acl.doc.entries, entry))
    call.tx.write(acl, replace(acl.doc, entries=entries))
    return {}


def replace_entry(call: WriteCall, request: shapes.ReplaceNetworkAclEntryRequest) -> Result:
    """Exchange an entry that is there."""
    acl = resources.one(call, records.NETWORK_ACL, request["NetworkAclId"])
    entry = _parse(request)
    rest = _without(acl.doc.entries, entry.number, is_egress=entry.is_egress)
    entries = networkacls.in_order((*rest, entry))
    call.tx.write(acl, replace(acl.doc, entries=entries))
    return {}


def delete_entry(call: WriteCall, request: shapes.DeleteNetworkAclEntryRequest) -> Result:
    """Remove an entry."""
    acl = resources.one(call, records.NETWORK_ACL, request["NetworkAclId"])
    number = _parse_number(request)
    rest = _without(acl.doc.entries, number, is_egress=request["Egress"])
    call.tx.write(acl, replace(acl.doc, entries=rest))
    return {}


def _without(
    entries: tuple[AclEntry, ...], number: int, *, is_egress: bool
) -> tuple[AclEntry, ...]:
    rest = tuple(it for it in entries if (it.number, it.is_egress) != (number, is_egress))
    if len(rest) == len(entries):
        raise errors.InvalidNetworkAclEntryNotFound(number)
    return rest


def _parse_number(request: Request) -> int:
    number: int = request["RuleNumber"]
    if not 1 <= number <= LAST_NUMBER:
        raise errors.InvalidParameterValue(
            f"Value ({number}) for parameter ruleNumber is invalid. It ranges from 1 to "
            f"{LAST_NUMBER}."
        )
    return number


def _parse(request: Request) -> AclEntry:
    protocol = _parse_protocol(request["Protocol"])
    cidr, cidr6 = request.get("CidrBlock"), request.get("Ipv6CidrBlock")
    if (cidr is None) == (cidr6 is None):
        raise errors.InvalidParameterCombination(
            "Exactly one of cidrBlock and ipv6CidrBlock must be given."
        )
    if protocol == "58" and cidr6 is None:
        raise errors.InvalidParameterCombination("ICMPv6 needs an ipv6CidrBlock.")
    entry = AclEntry(
        number=_parse_number(request),
        is_egress=request["Egress"],
        is_allowed=request["RuleAction"] == "allow",
        protocol=protocol,
        cidr=str(ranges.parse4(cidr, "cidrBlock")) if cidr is not None else None,
        cidr6=str(ranges.parse6(cidr6, "ipv6CidrBlock")) if cidr6 is not None else None,
    )
    return _with_types(_with_ports(entry, request), request)


def _parse_protocol(text: str) -> str:
    number = _NUMBERS.get(text.lower(), text)
    if number == "-1" or (number.isascii() and number.isdecimal() and int(number) <= 255):
        return str(int(number))
    raise errors.InvalidParameterValue(
        f"Value ({text}) for parameter protocol is invalid. Unknown protocol."
    )


def _with_ports(entry: AclEntry, request: Request) -> AclEntry:
    ports: Request = request.get("PortRange") or {}
    if entry.protocol not in WITH_PORTS:
        return entry
    first, last = ports.get("From"), ports.get("To")
    if first is None or last is None:
        raise errors.MissingParameter("portRange")
    if not 0 <= first <= last <= 65535:
        raise errors.InvalidParameterValue(
            f"Value ({first}-{last}) for parameter portRange is invalid. Ports range from 0 to "
            "65535, the first one first."
        )
    return replace(entry, from_port=first, to_port=last)


def _with_types(entry: AclEntry, request: Request) -> AclEntry:
    given = request.get("IcmpTypeCode")
    if entry.protocol not in WITH_TYPES:
        return entry
    if given is None:
        raise errors.MissingParameter("icmpTypeCode")
    kind, code = given.get("Type", -1), given.get("Code", -1)
    if not (-1 <= kind <= 255 and -1 <= code <= 255) or (kind == -1 and code != -1):
        raise errors.InvalidParameterValue(
            f"Value ({kind}, {code}) for parameter icmpTypeCode is invalid. Both range from 0 to "
            "255; -1 means any, and any type has any code."
        )
    return replace(entry, icmp_type=kind, icmp_code=code)


_WHICH = frozenset({"NetworkAclId", "RuleNumber", "Egress"})
_ENTRY = _WHICH | {
    "Protocol",
    "RuleAction",
    "CidrBlock",
    "Ipv6CidrBlock",
    "IcmpTypeCode",
    "PortRange",
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateNetworkAclEntry",
        does=Write(handle=create_entry),
        honours=_ENTRY,
    ),
    Action(
        service="ec2",
        name="ReplaceNetworkAclEntry",
        does=Write(handle=replace_entry),
        honours=_ENTRY,
    ),
    Action(
        service="ec2",
        name="DeleteNetworkAclEntry",
        does=Write(handle=delete_entry),
        honours=_WHICH,
    ),
)
