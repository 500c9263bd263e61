"""The addresses of an interface besides its primary one: given and taken away, also while it runs.

A *wish* is what somebody wants of addresses: named ones, or so many. Called through the action
table, and by `interfaces` for a new interface. How many an interface may have is its instance's
type's say. Finding free ones is `privateips`' business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Presumes, Write
from mallee.cloud.call import Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.instances import release
from mallee.cloud.ec2.vpc.interfaces import privateips
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.compute import instancetypes
from mallee.model.network.networks import Interface, Subnet

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_UNATTACHED = 50
"""Addresses of an interface that is attached to nothing."""

InterfaceRecord = Record[Interface, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    """So many addresses, or these."""

    count: int = 0
    named: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether any is wanted."""
        return bool(self.count or self.named)

    @property
    def total(self) -> int:
        """How many they are."""
        return self.count or len(self.named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What addresses an interface shall have, or shall have more."""

    primary_ip: str | None = None
    secondary: Some = Some()
    prefixes: Some = Some()
    ipv6s: Some = Some()
    prefixes6: Some = Some()


NOTHING = Wish()
"""One primary address, whichever."""

HONOURS = (
    "PrivateIpAddress",
    "PrivateIpAddresses.Primary",
    "PrivateIpAddresses.PrivateIpAddress",
    "SecondaryPrivateIpAddressCount",
    "Ipv4Prefixes.Ipv4Prefix",
    "Ipv4PrefixCount",
    "Ipv6Addresses.Ipv6Address",
    "Ipv6AddressCount",
    "Ipv6Prefixes.Ipv6Prefix",
    "Ipv6PrefixCount",
)
"""What a request may say of the addresses of a new interface."""


def parse(given: Mapping[str, Any], subnet: Record[Subnet, None]) -> Wish:
    """Return what is said of a new interface's addresses; raise for contradictions."""
    primary: str | None = given.get("PrivateIpAddress")
    secondary: list[str] = []
    for item in given.get("PrivateIpAddresses") or ():
        text = item.get("PrivateIpAddress", "")
        if not item.get("Primary"):
            secondary.append(text)
        elif primary not in (None, text):
            raise errors.InvalidParameterCombination(
                "Only one primary private IP address can be specified."
            )
        else:
            primary = text
    if primary is None and secondary and not given.get("SecondaryPrivateIpAddressCount"):
        # As on AWS: the first of those named is the primary one where nobody says.
        primary = secondary.pop(0)
    wish = Wish(
        primary_ip=primary,
        secondary=_some(given, "SecondaryPrivateIpAddressCount", secondary),
        prefixes=_some(given, "Ipv4PrefixCount", _inner(given, "Ipv4Prefixes", "Ipv4Prefix")),
        ipv6s=_some(given, "Ipv6AddressCount", _inner(given, "Ipv6Addresses", "Ipv6Address")),
        prefixes6=_some(given, "Ipv6PrefixCount", _inner(given, "Ipv6Prefixes", "Ipv6Prefix")),
    )
    says_nothing = "Ipv6AddressCount" not in given and not wish.ipv6s
    if says_nothing and subnet.doc.assign_ipv6_on_creation:
        return Wish(
            primary_ip=wish.primary_ip,
            secondary=wish.secondary,
            prefixes=wish.prefixes,
            ipv6s=Some(count=1),
            prefixes6=wish.prefixes6,
        )
    return wish


def _inner(given: Mapping[str, Any], name: str, member: str) -> list[str]:
    return [item.get(member, "") for item in given.get(name) or ()]


def _some(given: Mapping[str, Any], count_name: str, named: list[str]) -> Some:
    count: int = given.get(count_name) or 0
    if count and named:
        raise errors.InvalidParameterCombination(
            f"{count_name} and addresses by name may not be specified on the same request"
        )
    if count < 0:
        raise errors.InvalidParameterValue(
            f"Value ({count}) for parameter {count_name} is invalid. It is at least 0."
        )
    return Some(count=count, named=tuple(dict.fromkeys(named)))


# --- given ---


def add(call: WriteCall, interface: InterfaceRecord, wish: Wish) -> InterfaceRecord:
    """Give the interface what is wished besides its primary address."""
    if not (wish.secondary or wish.prefixes or wish.ipv6s or wish.prefixes6):
        return interface
    _check_room(call, interface, wish)
    subnet = call.tx.get(records.SUBNET, interface.doc.subnet_id)
    assert subnet is not None, "no subnet goes before its interfaces"
    doc = interface.doc
    taker = _Taker(call, subnet, privateips.Holder.of(interface.id, doc.group_ids))
    changed = replace(
        doc,
        secondary_ips=(
            *doc.secondary_ips,
            *taker.several(wish.secondary, privateips.take_any, privateips.take),
        ),
        prefixes=(
            *doc.prefixes,
            *taker.several(wish.prefixes, privateips.take_any_prefix, privateips.take_prefix),
        ),
        ipv6s=(
            *doc.ipv6s,
            *taker.several(wish.ipv6s, privateips.take_any6, privateips.take6),
        ),
        prefixes6=(
            *doc.prefixes6,
            *taker.several(wish.prefixes6, privateips.take_any_prefix6, privateips.take_prefix6),
        ),
    )
    return call.tx.write(interface, changed)


TakeAny = Callable[[WriteCall, Record[Subnet, None], privateips.Holder], str]
TakeNamed = Callable[[WriteCall, Record[Subnet, None], privateips.Holder, str], str]


@dataclass(frozen=True, slots=True)
class _Taker:
    """Takes addresses of a subnet for one interface."""

    call: WriteCall
    subnet: Record[Subnet, None]
    holder: privateips.Holder

    def several(self, some: Some, any_: TakeAny, named: TakeNamed) -> tuple[str, ...]:
        """Take as many as are wanted, or those that are."""
        if some.named:
            return tuple(named(self.call, self.subnet, self.holder, text) for text in some.named)
        return tuple(any_(self.call, self.subnet, self.holder) for _ in range(some.count))


def _check_room(call: WriteCall, interface: InterfaceRecord, wish: Wish) -> None:
    doc = interface.doc
    instance = call.tx.get(records.INSTANCE, doc.instance_id or "")
    most = (
        instancetypes.addresses_per_interface(instance.doc.type_name)
        if instance is not None
        else MAX_UNATTACHED
    )
    v4 = 1 + len(doc.secondary_ips) + len(doc.prefixes) + wish.secondary.total + wish.prefixes.total
    v6 = len(doc.ipv6s) + len(doc.prefixes6) + wish.ipv6s.total + wish.prefixes6.total
    if max(v4, v6) > most:
        raise errors.PrivateIpAddressLimitExceeded(interface.id)


def assign_private_ip_addresses(
    call: WriteCall, request: shapes.AssignPrivateIpAddressesRequest
) -> shapes.AssignPrivateIpAddressesResult:
    """Give an interface more private addresses or prefixes."""
    interface = _own(call, request["NetworkInterfaceId"])
    named = list(request.get("PrivateIpAddresses") or ())
    wish = Wish(
        secondary=_some(request, "SecondaryPrivateIpAddressCount", named),
        prefixes=_some(request, "Ipv4PrefixCount", list(request.get("Ipv4Prefixes") or ())),
    )
    if not wish.secondary and not wish.prefixes:
        raise errors.MissingParameter("privateIpAddress or secondaryPrivateIpAddressCount")
    if request.get("AllowReassignment"):
        _take_from_others(call, interface, wish.secondary.named)
    changed = add(call, interface, wish)
    before = interface.doc
    new_ips = changed.doc.secondary_ips[len(before.secondary_ips) :]
    new_prefixes = changed.doc.prefixes[len(before.prefixes) :]
    return {
        "NetworkInterfaceId": interface.id,
        "AssignedPrivateIpAddresses": [{"PrivateIpAddress": ip} for ip in new_ips],
        "AssignedIpv4Prefixes": [{"Ipv4Prefix": prefix} for prefix in new_prefixes],
    }


def _take_from_others(call: WriteCall, interface: InterfaceRecord, wanted: tuple[str, ...]) -> None:
    """Free addresses that other interfaces of the caller have as secondary ones."""
    for other in call.tx.by(records.INTERFACE, "subnet", interface.doc.subnet_id):
        moved = tuple(ip for ip in wanted if ip in other.doc.secondary_ips)
        if moved and other.id != interface.id and other.account == call.account:
            take_away(call, other, moved)


def assign_ipv6_addresses(
    call: WriteCall, request: shapes.AssignIpv6AddressesRequest
) -> shapes.AssignIpv6AddressesResult:
    """Give an interface more IPv6 addresses or prefixes."""
    interface = _own(call, request["NetworkInterfaceId"])
    wish = Wish(
        ipv6s=_some(request, "Ipv6AddressCount", list(request.get("Ipv6Addresses") or ())),
        prefixes6=_some(request, "Ipv6PrefixCount", list(request.get("Ipv6Prefixes") or ())),
    )
    if not wish.ipv6s and not wish.prefixes6:
        raise errors.MissingParameter("ipv6Addresses or ipv6AddressCount")
    changed = add(call, interface, wish)
    before = interface.doc
    return {
        "NetworkInterfaceId": interface.id,
        "AssignedIpv6Addresses": list(changed.doc.ipv6s[len(before.ipv6s) :]),
        "AssignedIpv6Prefixes": list(changed.doc.prefixes6[len(before.prefixes6) :]),
    }


# --- taken away ---


def unassign_private_ip_addresses(
    call: WriteCall, request: shapes.UnassignPrivateIpAddressesRequest
) -> Result:
    """Take secondary private addresses or prefixes from an interface."""
    interface = _own(call, request["NetworkInterfaceId"])
    gone = tuple(request.get("PrivateIpAddresses") or ())
    prefixes = tuple(request.get("Ipv4Prefixes") or ())
    if not gone and not prefixes:
        raise errors.MissingParameter("privateIpAddress or ipv4Prefix")
    if interface.doc.private_ip in gone:
        raise errors.InvalidParameterValue(
            f"The primary private IP address {interface.doc.private_ip} cannot be unassigned."
        )
    _check_has(interface, gone, interface.doc.secondary_ips)
    _check_has(interface, prefixes, interface.doc.prefixes)
    take_away(call, interface, (*gone, *prefixes))
    return {}


def unassign_ipv6_addresses(
    call: WriteCall, request: shapes.UnassignIpv6AddressesRequest
) -> shapes.UnassignIpv6AddressesResult:
    """Take IPv6 addresses or prefixes from an interface."""
    interface = _own(call, request["NetworkInterfaceId"])
    gone = tuple(request.get("Ipv6Addresses") or ())
    prefixes = tuple(request.get("Ipv6Prefixes") or ())
    if not gone and not prefixes:
        raise errors.MissingParameter("ipv6Addresses or ipv6Prefix")
    _check_has(interface, gone, interface.doc.ipv6s)
    _check_has(interface, prefixes, interface.doc.prefixes6)
    take_away(call, interface, (*gone, *prefixes))
    return {
        "NetworkInterfaceId": interface.id,
        "UnassignedIpv6Addresses": list(gone),
        "UnassignedIpv6Prefixes": list(prefixes),
    }


def _check_has(interface: InterfaceRecord, gone: tuple[str, ...], held: tuple[str, ...]) -> None:
    strangers = [text for text in gone if text not in held]
    if strangers:
        raise errors.InvalidParameterValue(
            f"Some of {', '.join(strangers)} are not assigned to interface {interface.id}"
        )


def take_away(call: WriteCall, interface: InterfaceRecord, gone: tuple[str, ...]) -> None:
    """Take these addresses and prefixes, which it has, from an interface."""
    for address in call.tx.by(records.ADDRESS, "interface", interface.id):
        if address.doc.private_ip in gone:
            release.dissociate(call.tx, address)
    for text in gone:
        if "/" in text:
            privateips.give_back_prefix(call.tx, interface.doc.subnet_id, text)
        else:
            privateips.give_back(call.tx, interface.doc.subnet_id, text)
    doc = interface.doc
    left = {
        name: tuple(text for text in getattr(doc, name) if text not in gone)
        for name in ("secondary_ips", "prefixes", "ipv6s", "prefixes6")
    }
    call.tx.write(interface, replace(doc, **left))


def _own(call: WriteCall, id: str) -> InterfaceRecord:
    interface = resources.one(call, records.INTERFACE, id)
    if interface.doc.requester:
        raise errors.OperationNotPermitted(
            f"The network interface {interface.id} is requester-managed."
        )
    return interface


_ROWS: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "AssignPrivateIpAddresses": (
        assign_private_ip_addresses,
        (
            "PrivateIpAddresses",
            "SecondaryPrivateIpAddressCount",
            "Ipv4Prefixes",
            "Ipv4PrefixCount",
            "AllowReassignment",
        ),
    ),
    "UnassignPrivateIpAddresses": (
        unassign_private_ip_addresses,
        ("PrivateIpAddresses", "Ipv4Prefixes"),
    ),
    "AssignIpv6Addresses": (
        assign_ipv6_addresses,
        ("Ipv6Addresses", "Ipv6AddressCount", "Ipv6Prefixes", "Ipv6PrefixCount"),
    ),
    "UnassignIpv6Addresses": (unassign_ipv6_addresses, ("Ipv6Addresses", "Ipv6Prefixes")),
}

ACTIONS: tuple[Action, ...] = tuple(
    Action(
        service="ec2",
        name=name,
        does=Write(handle=handle),
        honours=frozenset({"NetworkInterfaceId", *members}),
        presumes=Presumes.GIVEN_ADDRESSES,
    )
    for name, (handle, members) in _ROWS.items()
)
