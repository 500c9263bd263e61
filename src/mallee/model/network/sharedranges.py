"""A range that all accounts share: how its addresses are lent in the classic network modes.

Every account's default VPC then shows the same range, and no address of it is given twice in the
cloud. In the managed modes it is cut into *blocks*, one or more for each security group in use; of
a block the network's own address, the gateway, two in reserve and the broadcast address are kept,
so 27 of 32 are lent. Pure; a subnet carries it (`networks.Subnet.shared`), `cloud.modes` claims.
"""

import functools
from ipaddress import IPv4Address, IPv4Network, summarize_address_range

import msgspec

from mallee.model.configuration.settings import Network
from mallee.model.network import addressspans, classic
from mallee.model.network.modes import Kind

KEPT_AT_START, KEPT_AT_END = 4, 1
"""Of a block: its own address, its gateway's and two in reserve; broadcast."""
_LAN_KEPT = 1
"""Of a LAN at either end: its own address, broadcast."""


class SharedRange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How the addresses of a range are lent."""

    kind: Kind
    block_size: int = 0
    """0: there are no blocks."""
    blocks: int = 0
    """How many of them may be in use at once: each has a VLAN where there are VLANs."""
    spans: tuple[str, ...] = ()
    """`static`: which addresses are lent, as `addressspans` has them."""

    @property
    def is_managed(self) -> bool:
        """Whether it is cut into blocks of security groups."""
        return bool(self.block_size)

    @property
    def per_block(self) -> int:
        """How many addresses of a block are lent."""
        return self.block_size - KEPT_AT_START - KEPT_AT_END


def of(network: Network) -> SharedRange | None:
    """Return how addresses are lent with these settings; None: each VPC has ranges of its own."""
    told = network.classic
    if network.mode == "vpc":
        return None
    if network.mode in ("static", "system"):
        lent = classic.lendable(told) if network.mode == "static" else ()
        spans = tuple(f"{IPv4Address(one[0])}-{IPv4Address(one[-1])}" for one in lent)
        return SharedRange(kind=network.mode, spans=spans)
    size = told.addresses_per_network
    blocks = IPv4Network(told.subnet).num_addresses // size
    if network.mode == "managed":
        blocks = min(blocks, len(classic.vlans(told) or ()))
    return SharedRange(kind=network.mode, block_size=size, blocks=blocks)


@functools.lru_cache(maxsize=1 << 13)
def block(cidr: str, size: int, index: int) -> IPv4Network:
    """Return a block of a range."""
    first = IPv4Network(cidr).network_address + index * size
    return next(iter(summarize_address_range(first, first + size - 1)))


def index_of(cidr: str, size: int, address: str) -> int:
    """Return which block of a range an address is of."""
    return (int(IPv4Address(address)) - int(IPv4Network(cidr).network_address)) // size


def gateway(of_block: IPv4Network) -> str:
    """Return the address of a block's gateway."""
    return str(of_block.network_address + 1)


def lent_of_block(of_block: IPv4Network) -> range:
    """Return the addresses of a block that interfaces get, as numbers."""
    return range(int(of_block[KEPT_AT_START]), int(of_block[-1]) + 1 - KEPT_AT_END)


def vlan(network: Network, index: int) -> int:
    """Return the VLAN that goes with a block; 0: none does."""
    vlans = classic.vlans(network.classic) if network.mode == "managed" else None
    return vlans[index] if vlans else 0


def lent_of_lan(cidr: str, shared: SharedRange) -> tuple[range, ...]:
    """Return the addresses of a LAN that interfaces may have, as numbers."""
    if shared.kind == "static":
        return tuple(addressspans.parse(text) for text in shared.spans)
    whole = IPv4Network(cidr)
    first, last = int(whole.network_address), int(whole.broadcast_address)
    return (range(first + _LAN_KEPT, last + 1 - _LAN_KEPT),)
