"""Ranges of addresses as callers write them: parsed, and judged by AWS's rules for VPCs.

Called by the nouns of this folder that take a range. Pure. Who has which range is their business.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from mallee.aws import errors

LARGEST, SMALLEST = 16, 28
"""Prefix lengths that VPCs and subnets may have."""

Network = IPv4Network | IPv6Network

_NOBODYS = tuple(
    IPv4Network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")
)
"""What no VPC can be: this network, loopback, link-local, multicast and beyond."""

_PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def parse4(text: str, parameter: str) -> IPv4Network:
    """Return the IPv4 range in canonical form; raise `InvalidParameterValue`."""
    network = any_family(text, parameter)
    if not isinstance(network, IPv4Network):
        raise _no_cidr(text, parameter)
    return network


def parse6(text: str, parameter: str) -> IPv6Network:
    """Return the IPv6 range in canonical form; raise `InvalidParameterValue`."""
    network = any_family(text, parameter)
    if not isinstance(network, IPv6Network):
        raise _no_cidr(text, parameter)
    return network


def any_family(text: str, parameter: str) -> Network:
    """Return the range, of IPv4 or IPv6, in canonical form; raise `InvalidParameterValue`."""
    try:
        # A zone (`fe80::%…/64`) is no part of a range, and may be any text.
        if "/" in text and "%" not in text:
            return ip_network(text, strict=False)
    except ValueError:
        pass
    raise _no_cidr(text, parameter)


def _no_cidr(text: str, parameter: str) -> errors.AwsError:
    return errors.InvalidParameterValue(
        f"Value ({text}) for parameter {parameter} is invalid. This is not a valid CIDR block."
    )


def of_vpc(text: str, public_range: str) -> IPv4Network:
    """Return a range that a VPC may have; raise `InvalidVpc.Range` for one that it may not."""
    network = parse4(text, "cidrBlock")
    if not LARGEST <= network.prefixlen <= SMALLEST:
        raise errors.InvalidVpcRange(text)
    if any(network.overlaps(other) for other in (*_NOBODYS, IPv4Network(public_range))):
        raise errors.InvalidVpcRange(text)
    return network


def goes_with(network: IPv4Network, primary: IPv4Network) -> bool:
    """Tell whether AWS lets a VPC of that first range have this one too."""
    if any(network.overlaps(part) for part in _PRIVATE):
        shared = [part for part in _PRIVATE if primary.subnet_of(part)]
        return not any(primary.subnet_of(part) for part in _PRIVATE) or all(
            network.subnet_of(part) for part in shared
        )
    return True


def overlapping(network: Network, others: Iterable[str]) -> str | None:
    """Return the first of the others that has an address in common with it."""
    for text in others:
        other = ip_network(text)
        if isinstance(network, IPv4Network) and isinstance(other, IPv4Network):
            if network.overlaps(other):
                return text
        elif (
            isinstance(network, IPv6Network)
            and isinstance(other, IPv6Network)
            and network.overlaps(other)
        ):
            return text
    return None


def is_within(network: Network, others: Iterable[str]) -> bool:
    """Tell whether the range is a part of one of the others."""
    for text in others:
        other = ip_network(text)
        if isinstance(network, IPv4Network) and isinstance(other, IPv4Network):
            if network.subnet_of(other):
                return True
        elif (
            isinstance(network, IPv6Network)
            and isinstance(other, IPv6Network)
            and network.subnet_of(other)
        ):
            return True
    return False


def parsed(text: str) -> Network:
    """Return a range that we wrote ourselves."""
    return ip_network(text)
