"""Private addresses of a subnet: taken by interfaces, one by one or as prefixes, and counted.

As in AWS the first four addresses of a subnet and its last are nobody's: the network's own, the
gateway, the name server, one kept for the future, broadcast. Nor is any taken unasked from a range
that is reserved. Everything taken is a claim under the id of its interface. Of a range that all
accounts share (the classic network modes) `modes.addresses` knows which are free.
Called by `interfaces`, `natgateways` and the launch, inside a transaction.
"""

import functools
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from mallee.aws import errors
from mallee.cloud.call import WriteCall
from mallee.cloud.modes import addresses
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.network import addressspans
from mallee.model.network.networks import Interface, Subnet

KEPT_AT_START = 4
KEPT_AT_END = 1
TRIES = 16
PREFIX, PREFIX6 = 28, 80
"""Lengths of the prefixes that are led to an interface."""
_PREFIX_SIZE = 1 << (32 - PREFIX)
PREFIXES_TRIED_MAX = 4096
"""A subnet has more of IPv6 than anybody will look at."""

SubnetRecord = Record[Subnet, None]


@dataclass(frozen=True, slots=True)
class Holder:
    """For whom something is taken."""

    id: str
    """The interface."""
    group_id: str
    """The first security group that it wears; empty: it wears none."""

    @classmethod
    def of(cls, id: str, group_ids: tuple[str, ...]) -> "Holder":
        """Return an interface that wears these groups."""
        return cls(id, group_ids[0] if group_ids else "")


def free(view: store.View | store.Tx, subnet: SubnetRecord) -> int:
    """Return how many private addresses of the subnet are free."""
    if subnet.doc.shared is not None:
        return addresses.free(view, subnet)
    return _assignable(subnet.doc.cidr)[1] - view.total(claim_space(subnet.id))


def affordable(
    view: store.View | store.Tx, subnet: SubnetRecord, needs: Mapping[str, int], most: int
) -> int:
    """Return for how many instances its addresses suffice, at most so many.

    `needs` says how many each takes, by the first security group that wears them.
    """
    if subnet.doc.shared is not None:
        return addresses.affordable(view, subnet, needs, most)
    return min(most, free(view, subnet) // sum(needs.values()))


def short(view: store.View | store.Tx, subnet: SubnetRecord) -> errors.AwsError:
    """Return the error that says what a launch is short of that needs more addresses."""
    shared = subnet.doc.shared
    if shared is not None and shared.is_managed:
        return addresses.used_up(view, subnet)
    return errors.InsufficientFreeAddressesInSubnet(subnet.id)


def claim_space(subnet_id: str) -> str:
    """Return the claim space of a subnet's private addresses."""
    return f"private-ip/{subnet_id}"


def claim_space6(subnet_id: str) -> str:
    """Return the claim space of a subnet's IPv6 addresses and prefixes."""
    return f"ipv6/{subnet_id}"


def check_lends_public(subnet: SubnetRecord) -> None:
    """Raise `UnsupportedOperation` where interfaces have no public address besides their own."""
    shared = subnet.doc.shared
    if shared is not None and not shared.is_managed:
        raise errors.UnsupportedOperation(
            f"The network mode of this cloud is {shared.kind}: an instance has one address, of its "
            "LAN, by which everybody reaches it."
        )


# --- one address ---


def take_any(call: WriteCall, subnet: SubnetRecord, holder: Holder) -> str:
    """Claim a free private address; raise `InsufficientFreeAddressesInSubnet`.

    Empty where the LAN's DHCP server will say which it is.
    """
    if subnet.doc.shared is not None:
        return addresses.take_any(call, subnet, holder.id, holder.group_id)
    space, spans = claim_space(subnet.id), _unasked(subnet.doc.cidr, _reserved(subnet))
    count = sum(map(len, spans)) if free(call.tx, subnet) > 0 else 0
    # Random first, so that an address just given back is not at once another guest's.
    tried = (int.from_bytes(call.entropy(4), "big") % count for _ in range(TRIES))
    drawn = (addressspans.nth(spans, index) for index in tried)
    for number in itertools.chain(drawn, *spans) if count else ():
        address = str(IPv4Address(number))
        if call.tx.owner_of(space, address) is None:
            call.tx.claim(space, address, holder.id)
            return address
    raise errors.InsufficientFreeAddressesInSubnet(subnet.id)


def take(call: WriteCall, subnet: SubnetRecord, holder: Holder, text: str) -> str:
    """Claim that private address; raise when it is not the subnet's, kept, or in use."""
    address = check(subnet, text)
    if subnet.doc.shared is not None:
        return addresses.take(call, subnet, holder.id, (address, holder.group_id))
    space = claim_space(subnet.id)
    if call.tx.owner_of(space, address) is not None:
        raise errors.InvalidIPAddressInUse(address)
    call.tx.claim(space, address, holder.id)
    return address


def check(subnet: SubnetRecord, text: str) -> str:
    """Return an address that the subnet has for interfaces; raise `InvalidParameterValue`."""
    try:
        address = IPv4Address(text)
    except ValueError as error:
        raise errors.InvalidParameterValue(
            f"Value ({text}) for parameter address is invalid. The address is not valid."
        ) from error
    if address not in IPv4Network(subnet.doc.cidr):
        raise errors.InvalidParameterValue(
            f"Address {text} does not fall within the subnet's address range"
        )
    first, count = _assignable(subnet.doc.cidr)
    if not first <= int(address) < first + count:
        raise errors.InvalidParameterValue(f"Address {text} is in subnet's reserved address range")
    return str(address)


def group_of(tx: store.Tx, interface: Record[Interface, None]) -> str:
    """Return the security group of whose network its address is; empty: of no group's."""
    subnet = tx.get(records.SUBNET, interface.doc.subnet_id)
    if subnet is None or subnet.doc.shared is None:
        return ""
    return addresses.group_of(tx, subnet, interface.doc.private_ip)


def give_back(tx: store.Tx, subnet_id: str, address: str) -> None:
    """Give back a private address, of IPv4 or IPv6."""
    subnet = tx.get(records.SUBNET, subnet_id)
    if subnet is not None and subnet.doc.shared is not None:
        tx.release(addresses.claim_space(subnet.doc, address), address)
        return
    tx.release(claim_space6(subnet_id) if ":" in address else claim_space(subnet_id), address)


@functools.lru_cache(maxsize=4096)
def _assignable(cidr: str) -> tuple[int, int]:
    """Return a subnet's first assignable address as a number, and how many follow with it."""
    network = IPv4Network(cidr)
    return (
        int(network.network_address) + KEPT_AT_START,
        network.num_addresses - KEPT_AT_START - KEPT_AT_END,
    )


@functools.lru_cache(maxsize=256)
def _unasked(cidr: str, reserved: tuple[str, ...]) -> tuple[range, ...]:
    """Return a subnet's addresses that may be taken unasked, as numbers."""
    first, count = _assignable(cidr)
    return addressspans.without(range(first, first + count), map(addressspans.parse, reserved))


def _reserved(subnet: SubnetRecord, kind: str | None = None) -> tuple[str, ...]:
    """Return the IPv4 ranges that are reserved, for a kind of use or any."""
    found = (it.cidr for it in subnet.doc.reservations if kind in (None, it.kind))
    return tuple(cidr for cidr in found if ":" not in cidr)


# --- one address of IPv6 ---


def take_any6(call: WriteCall, subnet: SubnetRecord, holder: Holder) -> str:
    """Claim a free IPv6 address of the subnet; raise when it has no range."""
    network = range6(subnet)
    while True:
        # 64 random bits: AWS gives no sequence either, and nobody guesses his neighbour's.
        address = network[KEPT_AT_START + int.from_bytes(call.entropy(8), "big") % (1 << 62)]
        if is_free6(call, subnet, address):
            call.tx.claim(claim_space6(subnet.id), str(address), holder.id)
            return str(address)


def take6(call: WriteCall, subnet: SubnetRecord, holder: Holder, text: str) -> str:
    """Claim that IPv6 address; raise when it is not the subnet's, kept, or in use."""
    try:
        # A zone (`fe80::1%…`) is no part of an address, and may be any text.
        address = IPv6Address(text.replace("%", " "))
    except ValueError as error:
        raise errors.InvalidParameterValue(
            f"Value ({text}) for parameter ipv6Address is invalid. The address is not valid."
        ) from error
    network = range6(subnet)
    if address not in network:
        raise errors.InvalidParameterValue(
            f"Address {text} does not fall within the subnet's address range"
        )
    offset = int(address) - int(network.network_address)
    if offset < KEPT_AT_START or address == network[-1]:
        raise errors.InvalidParameterValue(f"Address {text} is in subnet's reserved address range")
    if not is_free6(call, subnet, address):
        raise errors.InvalidIPAddressInUse(address)
    call.tx.claim(claim_space6(subnet.id), str(address), holder.id)
    return str(address)


def range6(subnet: SubnetRecord) -> IPv6Network:
    """Return the subnet's IPv6 range; raise `InvalidParameterValue` when it has none."""
    if not subnet.doc.ipv6_cidrs:
        raise errors.InvalidParameterValue(
            f"The subnet '{subnet.id}' has no IPv6 CIDR block associated with it."
        )
    return IPv6Network(subnet.doc.ipv6_cidrs[0].cidr)


def is_free6(call: WriteCall, subnet: SubnetRecord, address: IPv6Address) -> bool:
    """Tell whether nobody has the address, nor the prefix in which it is."""
    space = claim_space6(subnet.id)
    prefix = str(IPv6Network((address, PREFIX6), strict=False))
    return call.tx.owner_of(space, str(address)) is None and (
        call.tx.owner_of(space, prefix) is None
    )


# --- prefixes ---


def take_any_prefix(call: WriteCall, subnet: SubnetRecord, holder: Holder) -> str:
    """Claim sixteen addresses that stand together; raise `InsufficientCidrBlocks`."""
    _check_prefixes(subnet)
    space = claim_space(subnet.id)
    for first in _prefixes(subnet) if free(call.tx, subnet) >= _PREFIX_SIZE else ():
        # Of most that are taken this one is, and nothing larger needs to be made of them.
        if call.tx.owner_of(space, str(IPv4Address(first))) is None:
            network = IPv4Network((first, PREFIX))
            if _is_wholly_free(call, subnet, network):
                return _claim_prefix(call, subnet, holder, network)
    raise errors.InsufficientCidrBlocks(subnet.id)


def _check_prefixes(subnet: SubnetRecord) -> None:
    if subnet.doc.shared is not None:
        raise errors.UnsupportedOperation(
            f"The network mode of this cloud is {subnet.doc.shared.kind}: interfaces have single "
            "addresses, and no prefixes."
        )


def _prefixes(subnet: SubnetRecord) -> Iterator[int]:
    """Yield the first addresses of the prefixes that may be given unasked: those reserved for it
    first."""
    for span in map(addressspans.parse, _reserved(subnet, "prefix")):
        if len(span) >= _PREFIX_SIZE:
            yield from span[::_PREFIX_SIZE]
    numbers = map(_numbers_of_prefixes, (subnet.doc.cidr, *_reserved(subnet)))
    whole, *reserved = numbers
    for span in addressspans.without(whole, reserved):
        yield from range(span.start * _PREFIX_SIZE, span.stop * _PREFIX_SIZE, _PREFIX_SIZE)


def _numbers_of_prefixes(cidr: str) -> range:
    """Return which prefixes have addresses of a range, counted through all that there are."""
    span = addressspans.parse(cidr)
    return range(span[0] // _PREFIX_SIZE, span[-1] // _PREFIX_SIZE + 1)


def take_prefix(call: WriteCall, subnet: SubnetRecord, holder: Holder, text: str) -> str:
    """Claim that prefix; raise when it is none of the subnet's, or not wholly free."""
    _check_prefixes(subnet)
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise errors.InvalidParameterValue(
            f"Value ({text}) for parameter ipv4Prefix is invalid."
        ) from error
    is_own = network.subnet_of(IPv4Network(subnet.doc.cidr))
    if not is_own or network.prefixlen != PREFIX:
        raise errors.InvalidParameterValue(
            f"The prefix {text} is no /{PREFIX} of the range {subnet.doc.cidr} of {subnet.id}."
        )
    if not _is_wholly_free(call, subnet, network):
        raise errors.InvalidIPAddressInUse(text)
    return _claim_prefix(call, subnet, holder, network)


def _is_wholly_free(call: WriteCall, subnet: SubnetRecord, network: IPv4Network) -> bool:
    first, count = _assignable(subnet.doc.cidr)
    if not first <= int(network[0]) <= int(network[-1]) < first + count:
        return False
    space = claim_space(subnet.id)
    return all(call.tx.owner_of(space, str(address)) is None for address in network)


def _claim_prefix(
    call: WriteCall, subnet: SubnetRecord, holder: Holder, network: IPv4Network
) -> str:
    for address in network:
        call.tx.claim(claim_space(subnet.id), str(address), holder.id)
    return str(network)


def take_any_prefix6(call: WriteCall, subnet: SubnetRecord, holder: Holder) -> str:
    """Claim a /80 of the subnet's IPv6 range."""
    network = range6(subnet)
    space = claim_space6(subnet.id)
    for _ in range(PREFIXES_TRIED_MAX):
        index = 1 + int.from_bytes(call.entropy(2), "big") % ((1 << (PREFIX6 - 64)) - 1)
        prefix = IPv6Network((int(network.network_address) + (index << (128 - PREFIX6)), PREFIX6))
        if call.tx.owner_of(space, str(prefix)) is None and not _is_used6(call, subnet, prefix):
            call.tx.claim(space, str(prefix), holder.id)
            return str(prefix)
    raise errors.InsufficientCidrBlocks(subnet.id)


def take_prefix6(call: WriteCall, subnet: SubnetRecord, holder: Holder, text: str) -> str:
    """Claim that prefix of IPv6; raise when it is none of the subnet's, or in use."""
    try:
        prefix = IPv6Network(text.replace("%", " "))
    except ValueError as error:
        raise errors.InvalidParameterValue(
            f"Value ({text}) for parameter ipv6Prefix is invalid."
        ) from error
    if not prefix.subnet_of(range6(subnet)) or prefix.prefixlen != PREFIX6:
        raise errors.InvalidParameterValue(
            f"The prefix {text} is no /{PREFIX6} of the IPv6 range of {subnet.id}."
        )
    space = claim_space6(subnet.id)
    is_first = prefix.network_address == range6(subnet).network_address
    if is_first or call.tx.owner_of(space, str(prefix)) or _is_used6(call, subnet, prefix):
        raise errors.InvalidIPAddressInUse(text)
    call.tx.claim(space, str(prefix), holder.id)
    return str(prefix)


def _is_used6(call: WriteCall, subnet: SubnetRecord, prefix: IPv6Network) -> bool:
    """Tell whether an interface has an address of the prefix."""
    return any(
        IPv6Address(address) in prefix
        for interface in call.tx.by(records.INTERFACE, "subnet", subnet.id)
        for address in interface.doc.ipv6s
    )


def give_back_prefix(tx: store.Tx, subnet_id: str, prefix: str) -> None:
    """Give back a prefix, of IPv4 or IPv6."""
    if ":" in prefix:
        tx.release(claim_space6(subnet_id), prefix)
        return
    for address in IPv4Network(prefix):
        tx.release(claim_space(subnet_id), str(address))
