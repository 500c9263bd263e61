"""The network interfaces that a launch asks for: checked whole, counted, and made.

Called by `launchrequest` and `launch`. An interface is made for each instance, or one that is there
is attached to the only one. Contradictory parameters are refused as AWS refuses them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, zones
from mallee.cloud.ec2.vpc import subnets
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.ec2.vpc.interfaces import (
    interfaceaddresses,
    interfaceattachments,
    interfaces,
    privateips,
)
from mallee.cloud.ec2.vpc.interfaces.interfaceaddresses import Wish
from mallee.cloud.ec2.vpc.interfaces.interfaces import InterfaceRecord
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.compute import instancetypes
from mallee.model.compute.instancetypes import InstanceType
from mallee.model.network.networks import Subnet

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

HONOURS = frozenset(
    {
        "Ipv6AddressCount",
        "Ipv6Addresses.Ipv6Address",
        "NetworkInterfaces.AssociatePublicIpAddress",
        "NetworkInterfaces.DeleteOnTermination",
        "NetworkInterfaces.Description",
        "NetworkInterfaces.DeviceIndex",
        "NetworkInterfaces.Groups",
        "NetworkInterfaces.NetworkInterfaceId",
        "NetworkInterfaces.SubnetId",
        "PrivateIpAddress",
        "SecurityGroupIds",
        "SecurityGroups",
        "SubnetId",
        *(f"NetworkInterfaces.{name}" for name in interfaceaddresses.HONOURS),
    }
)
"""What a launch may say of its network."""

_NOT_OF_ONE_THAT_IS_THERE = frozenset(
    {
        "SubnetId",
        "Groups",
        "Description",
        "AssociatePublicIpAddress",
        *(name.partition(".")[0] for name in interfaceaddresses.HONOURS),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """One network interface of each instance."""

    device_index: int = 0
    there: InterfaceRecord | None = None
    """The interface that is to be attached; None: one is made."""
    subnet: Record[Subnet, None]
    group_ids: tuple[str, ...]
    wish: Wish = interfaceaddresses.NOTHING
    wants_public_ip: bool = False
    description: str = ""
    delete_on_termination: bool = True


def parse(call: Call, request: shapes.RunInstancesRequest, kind: InstanceType) -> tuple[Nic, ...]:
    """Return the interfaces of a launch, the first one first; raise AWS's error."""
    given = _given(request)
    zone = _parse_zone(call, request)
    _check_indexes(given, kind)
    nics = [_parse_one(call, request, (item, zone, kind)) for item in given]
    first = min(nics, key=lambda nic: nic.device_index)
    for nic in nics:
        if nic.subnet.doc.zone != first.subnet.doc.zone:
            raise errors.InvalidParameterCombination(
                "The network interfaces of an instance must be in one availability zone."
            )
        if nic.subnet.doc.vpc_id != first.subnet.doc.vpc_id:
            raise errors.InvalidParameterCombination(
                "The network interfaces of an instance must be in one VPC here."
            )
    return tuple(sorted(nics, key=lambda nic: nic.device_index))


def _given(request: shapes.RunInstancesRequest) -> Sequence[Mapping[str, Any]]:
    """Return what is said of the interfaces, in the words of `NetworkInterfaces`."""
    nics = request.get("NetworkInterfaces") or []
    if not nics:
        said = {
            "DeviceIndex": 0,
            "SubnetId": request.get("SubnetId"),
            "Groups": request.get("SecurityGroupIds"),
            "PrivateIpAddress": request.get("PrivateIpAddress"),
            "Ipv6AddressCount": request.get("Ipv6AddressCount"),
            "Ipv6Addresses": request.get("Ipv6Addresses"),
        }
        return [{name: value for name, value in said.items() if value is not None}]
    for name, words in (
        ("SubnetId", "an instance-level subnet ID"),
        ("SecurityGroupIds", "an instance-level security groups"),
        ("SecurityGroups", "an instance-level security groups"),
        ("PrivateIpAddress", "an instance-level private IP address"),
        ("Ipv6Addresses", "instance-level IPv6 addresses"),
        ("Ipv6AddressCount", "an instance-level IPv6 address count"),
    ):
        if request.get(name):
            raise errors.InvalidParameterCombination(
                f"Network interfaces and {words} may not be specified on the same request"
            )
    return nics


def _check_indexes(given: Sequence[Mapping[str, Any]], kind: InstanceType) -> None:
    indexes = [item.get("DeviceIndex") for item in given]
    if 0 not in indexes or None in indexes:
        raise errors.InvalidParameterValue(
            "Each network interface of an instance has a DeviceIndex, the first one 0."
        )
    if len(set(indexes)) < len(indexes):
        raise errors.InvalidParameterValue("Each network interface requires a unique device index.")
    if any(not 0 <= index <= interfaceattachments.DEVICES_MAX for index in indexes if index):
        raise errors.InvalidParameterValue(
            f"A device index ranges from 0 to {interfaceattachments.DEVICES_MAX}."
        )
    most = instancetypes.interfaces_of(kind.name)
    if len(given) > most:
        raise errors.AttachmentLimitExceeded(kind.name, most)
    if len(given) > 1 and any(item.get("AssociatePublicIpAddress") for item in given):
        raise errors.InvalidParameterCombination(
            "The associatePublicIPAddress parameter cannot be specified when launching with "
            "multiple network interfaces."
        )


def _parse_one(
    call: Call,
    request: shapes.RunInstancesRequest,
    asked: tuple[Mapping[str, Any], str | None, InstanceType],
) -> Nic:
    given, zone, kind = asked
    if given.get("NetworkInterfaceId"):
        return _parse_there(call, request, given, zone)
    subnet = (
        _parse_subnet(call, given["SubnetId"], zone)
        if "SubnetId" in given
        else subnets.default_for(call, zone, kind)
    )
    wish = interfaceaddresses.parse(given, subnet)
    named = (wish.primary_ip, wish.secondary.named, wish.ipv6s.named, wish.prefixes.named)
    if any(named) and request["MaxCount"] > 1:
        raise errors.InvalidParameterCombination(
            "A private IP address can only be specified for a launch of one instance."
        )
    _check_room(wish, kind)
    is_only_one = len(request.get("NetworkInterfaces") or ()) <= 1
    lends = subnet.doc.map_public_ip_on_launch and is_only_one
    return Nic(
        device_index=given["DeviceIndex"],
        subnet=subnet,
        group_ids=securitygroups.to_wear(
            call, subnet.doc.vpc_id, given.get("Groups") or (), request.get("SecurityGroups") or ()
        ),
        wish=wish,
        wants_public_ip=given.get("AssociatePublicIpAddress", lends),
        description=given.get("Description", ""),
        delete_on_termination=given.get("DeleteOnTermination", True),
    )


def _check_room(wish: Wish, kind: InstanceType) -> None:
    most = instancetypes.addresses_per_interface(kind.name)
    v4 = 1 + wish.secondary.total + wish.prefixes.total
    if max(v4, wish.ipv6s.total + wish.prefixes6.total) > most:
        raise errors.PrivateIpAddressLimitExceeded(f"of an instance of {kind.name}")


def _parse_there(
    call: Call, request: shapes.RunInstancesRequest, given: Mapping[str, Any], zone: str | None
) -> Nic:
    """Return an interface that is there: it keeps what it has."""
    interface = resources.one(call, records.INTERFACE, given["NetworkInterfaceId"])
    for name in sorted(_NOT_OF_ONE_THAT_IS_THERE & given.keys()):
        raise errors.InvalidParameterCombination(
            f"{name} may not be specified with a network interface ID."
        )
    if request["MaxCount"] > 1:
        raise errors.InvalidParameterCombination(
            "A network interface ID can only be specified for a launch of one instance."
        )
    interfaceattachments.check_free(interface)
    if given.get("DeleteOnTermination"):
        raise errors.InvalidParameterCombination(
            "A network interface may not specify both a network interface ID and delete on "
            "termination"
        )
    return Nic(
        device_index=given["DeviceIndex"],
        there=interface,
        subnet=_parse_subnet(call, interface.doc.subnet_id, zone),
        group_ids=interface.doc.group_ids,
        delete_on_termination=False,
    )


def _parse_zone(call: Call, request: shapes.RunInstancesRequest) -> str | None:
    zone = request.get("Placement", {}).get("AvailabilityZone") or None
    known = zones.names(resources.reader(call), call.settings)
    if zone is not None and zone not in known:
        raise errors.InvalidParameterValue(
            f"Invalid availability zone: [{zone}]. The zones are {', '.join(known)}."
        )
    return zone


def _parse_subnet(call: Call, id: str, zone: str | None) -> Record[Subnet, None]:
    subnet = resources.one(call, records.SUBNET, id)
    if zone not in (None, subnet.doc.zone):
        raise errors.InvalidParameterValue(
            f"Value ({zone}) for parameter availabilityZone is invalid. Subnet '{subnet.id}' is "
            f"in the availability zone {subnet.doc.zone}"
        )
    return subnet


# --- counted and made ---


def affordable(call: WriteCall, nics: Sequence[Nic], counts: tuple[int, int]) -> int:
    """Return for how many instances the addresses of the subnets suffice; raise below the least."""
    least, most = counts
    needs: dict[str, dict[str, int]] = {}
    by_id = {nic.subnet.id: nic.subnet for nic in nics}
    for nic in nics:
        if nic.there is None:
            each = 1 + nic.wish.secondary.total + 16 * nic.wish.prefixes.total
            of_subnet = needs.setdefault(nic.subnet.id, {})
            of_subnet[nic.group_ids[0]] = of_subnet.get(nic.group_ids[0], 0) + each
    for id, by_group in needs.items():
        count = privateips.affordable(call.tx, by_id[id], by_group, most)
        if count < least:
            raise privateips.short(call.tx, by_id[id])
        most = min(most, count)
    return most


def make(
    call: WriteCall, nics: Sequence[Nic], instance_id: str, tags: dict[str, str]
) -> tuple[str, ...]:
    """Make or attach the interfaces of one instance; return their ids, the first one first."""
    return tuple(_make_one(call, nic, instance_id, tags).id for nic in nics)


def _make_one(call: WriteCall, nic: Nic, instance_id: str, tags: dict[str, str]) -> InterfaceRecord:
    if nic.there is not None:
        return interfaceattachments.to_instance(call, nic.there, instance_id, nic.device_index)
    new = interfaces.NewInterface(
        instance_id=instance_id,
        subnet=nic.subnet,
        group_ids=nic.group_ids,
        wish=nic.wish,
        wants_public_ip=nic.wants_public_ip,
        device_index=nic.device_index,
        description=nic.description,
        delete_on_termination=nic.delete_on_termination,
        tags=tags,
    )
    return interfaces.create(call, new)
