"""Names inside a VPC: of instances by address or by id, as launches, subnets and owners say.

A launch says it, or takes what its subnet says. Called by `launchrequest`, `subnets` and
`privatenameoptions`, and by whoever shows a name or tells hosts of it. The guest learns its own
name by DHCP and metadata, others ask the VPC's name server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.ec2.vpc import dhcpoptions
from mallee.cloud.state import records, store
from mallee.model.network.networks import Interface
from mallee.model.network.privatenames import IP_NAME, RESOURCE_NAME, PrivateNames

HONOURS = frozenset({"PrivateDnsNameOptions"})
"""What a launch may say."""
MEMBERS = {
    "EnableResourceNameDnsARecord": "a_record",
    "EnableResourceNameDnsAAAARecord": "aaaa_record",
}
"""Members of requests, and what they are in the model."""


def given(said: Mapping[str, Any], before: PrivateNames) -> PrivateNames:
    """Return the options with what is said changed; raise for a type that is none."""
    kind = said.get("HostnameType", said.get("PrivateDnsHostnameType", before.hostname_type))
    if kind not in (IP_NAME, RESOURCE_NAME):
        raise errors.InvalidParameterValue(
            f"Value ({kind}) for parameter HostnameType is invalid. It is {IP_NAME} or "
            f"{RESOURCE_NAME}."
        )
    changed = {name: said[member] for member, name in MEMBERS.items() if member in said}
    return replace(before, hostname_type=kind, **changed)


def of_interface(view: store.View | store.Tx, interface: Interface) -> PrivateNames:
    """Return the options of the instance whose first interface it is; by the address otherwise."""
    if interface.device_index or interface.instance_id is None:
        return PrivateNames()
    instance = view.get(records.INSTANCE, interface.instance_id)
    return instance.doc.private_names if instance else PrivateNames()


def hostname(interface: Interface, names: PrivateNames) -> str:
    """Return what a guest is called, without its domain."""
    if names.hostname_type == RESOURCE_NAME and interface.instance_id:
        return interface.instance_id
    return f"ip-{interface.private_ip.replace('.', '-')}"


def of(view: store.View | store.Tx, region: str, interface: Interface) -> str:
    """Return the whole name of an interface's primary address."""
    host = hostname(interface, of_interface(view, interface))
    return f"{host}.{dhcpoptions.domain(region)}"


def resource_ips(interface: Interface, names: PrivateNames) -> tuple[str, ...]:
    """Return the addresses that the name by the instance's id means."""
    if interface.device_index or interface.instance_id is None:
        return ()
    found = (interface.private_ip,) if names.a_record else ()
    return (*found, *(interface.ipv6s[:1] if names.aaaa_record else ()))
