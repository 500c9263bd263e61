"""DHCP option sets: what guests of a VPC are told besides their address."""

import msgspec

OWN_DNS = "AmazonProvidedDNS"
"""As a name server: the VPC's own."""


class DhcpOptions(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A DHCP option set of an account; it is never changed, only exchanged for another."""

    id: str
    options: dict[str, tuple[str, ...]]
    """By AWS's names: `domain-name`, `domain-name-servers`, `ntp-servers`…"""
    is_default: bool = False
    """Whether new VPCs get it."""
    tags: dict[str, str] = {}
