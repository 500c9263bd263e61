"""The pool of public addresses: every address of the public range is claimed by its one holder.

The holder is an interface (`eni-…`, lent while its instance shall run) or an elastic address
(`eipalloc-…`, until it is released). Called by `interfaces` and `addresses`, inside a transaction.
How packets for an address reach its interface is the hosts' business.
"""

import ipaddress
import itertools

from mallee.aws import errors
from mallee.cloud.call import WriteCall
from mallee.model.configuration.settings import Settings
from mallee.model.network import addressspans

SPACE = "public-ip"
BLOCKS = "public-block"
"""Claim space of the addresses that are set aside for pools, each claimed by its pool."""
_KEPT = (2, 1)
"""The range's own address and the next, which routers like to have, and the broadcast address are
nobody's, unless the settings list which are lent."""
TRIES = 16


def take_any(call: WriteCall, owner: str) -> str:
    """Claim a free address for `owner`; raise `InsufficientAddressCapacity` when none is free."""
    spans, count = lendable(call.settings), size(call.settings)
    for _ in range(TRIES):
        # A random address, so that one just given back is not at once another guest's.
        drawn = int.from_bytes(call.entropy(4), "big") % count
        address = str(ipaddress.IPv4Address(addressspans.nth(spans, drawn)))
        if _is_free(call, address):
            call.tx.claim(SPACE, address, owner)
            return address
    for number in itertools.chain.from_iterable(spans):
        address = str(ipaddress.IPv4Address(number))
        if _is_free(call, address):
            call.tx.claim(SPACE, address, owner)
            return address
    raise used_up(call)


def _is_free(call: WriteCall, address: str) -> bool:
    """Tell whether nobody has the address, nor a pool."""
    return call.tx.owner_of(SPACE, address) is None and call.tx.owner_of(BLOCKS, address) is None


def used_up(call: WriteCall) -> errors.AwsError:
    """Return the error that says what to do when the pool is empty."""
    return errors.InsufficientAddressCapacity(
        f"Too few of the {size(call.settings)} addresses of the public range "
        f"{call.settings.network.public_range} are free. "
        "Release an elastic address, or stop or terminate an instance that has a public address."
    )


def free(call: WriteCall) -> int:
    """Return how many addresses are free."""
    aside = call.tx.held(BLOCKS)
    lent = sum(1 for address in aside if call.tx.owner_of(SPACE, address) is not None)
    return size(call.settings) - call.tx.total(SPACE) - len(aside) + lent


def take(call: WriteCall, owner: str, text: str) -> str:
    """Claim that address for `owner`; raise when it is no address of the pool or not free."""
    address = parse(text)
    if not any(int(address) in span for span in lendable(call.settings)):
        raise errors.InvalidAddressNotFound(text)
    if call.tx.owner_of(BLOCKS, str(address)) is not None:
        raise errors.InvalidIPAddressInUse(address)
    return claim(call, address, owner)


def claim(call: WriteCall, address: ipaddress.IPv4Address, owner: str) -> str:
    """Claim an address, of whatever range, for `owner`; raise when somebody has it."""
    if call.tx.owner_of(SPACE, str(address)) is not None:
        raise errors.InvalidIPAddressInUse(address)
    call.tx.claim(SPACE, str(address), owner)
    return str(address)


def parse(text: str) -> ipaddress.IPv4Address:
    """Return an address as a caller writes it; raise when it is none."""
    try:
        return ipaddress.IPv4Address(text)
    except ValueError as error:
        raise errors.InvalidAddressMalformed(text) from error


def size(settings: Settings) -> int:
    """Return how many addresses the pool has."""
    return sum(map(len, lendable(settings)))


def lendable(settings: Settings) -> tuple[range, ...]:
    """Return the addresses that the pool has, as numbers, in order."""
    network = settings.network
    return addressspans.lendable(network.public_range, network.public_addresses, _KEPT)
