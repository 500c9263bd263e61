"""What an instance is called inside its VPC, and which of its addresses that name means."""

import msgspec

IP_NAME, RESOURCE_NAME = "ip-name", "resource-name"


class PrivateNames(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """EC2's `PrivateDnsNameOptions`; by the address (`ip-10-0-0-5`) every instance is found."""

    hostname_type: str = IP_NAME
    """Whether the guest is called by its address, or by its id (`i-…`)."""
    a_record: bool = False
    """Whether the name by its id means its private IPv4 address."""
    aaaa_record: bool = False
    """Whether it means its IPv6 address."""
