"""The cloud's IPv6 range, of which each VPC that asks gets a part that nobody else has.

Called by `vpccidrs`, and by address management, which sets parts aside (`ipam.publicblocks`).
"""

from ipaddress import IPv6Network

from mallee.aws import errors
from mallee.cloud.call import WriteCall
from mallee.model.configuration.settings import IPV6_OF_A_VPC, Settings

RANGES = "vpc-ipv6"
"""Claim space of the parts that VPCs and pools have."""


def whole(settings: Settings) -> IPv6Network:
    """Return the cloud's range; raise `UnsupportedOperation` when it has none."""
    text = settings.network.ipv6_range
    if not text:
        raise errors.UnsupportedOperation(
            "This cloud has no IPv6 range to give: network.ipv6_range is empty."
        )
    return IPv6Network(text)


def take_any(call: WriteCall, owner: str) -> str:
    """Claim the first free part for `owner`."""
    given = whole(call.settings)
    count = 1 << (IPV6_OF_A_VPC - given.prefixlen)
    for index in range(min(count, call.tx.total(RANGES) + 1)):
        first = int(given.network_address) + (index << (128 - IPV6_OF_A_VPC))
        cidr = str(IPv6Network((first, IPV6_OF_A_VPC)))
        if call.tx.owner_of(RANGES, cidr) is None:
            call.tx.claim(RANGES, cidr, owner)
            return cidr
    raise errors.InsufficientAddressCapacity(f"The cloud's IPv6 range {given} is used up.")
