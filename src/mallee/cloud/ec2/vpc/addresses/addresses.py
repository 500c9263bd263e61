"""Elastic addresses: an account's own public addresses, moved freely between its interfaces.

Called through the action table. The pool is `publicpool`'s. An interface with an elastic address
needs no lent one: it gives that back, and is lent another when the elastic one goes away while its
instance shall run. Carrying packets is the hosts' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Presumes, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.instances import release
from mallee.cloud.ec2.ipam import given
from mallee.cloud.ec2.vpc.addresses import addresspools, publicpool
from mallee.cloud.ec2.vpc.interfaces import interfacelisting, interfacepermissions, interfaces
from mallee.cloud.ec2.vpc.interfaces.interfaces import InterfaceRecord
from mallee.cloud.ec2.vpc.routing import internetgateways
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.compute.instances import Power
from mallee.model.network.networks import Address

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

DOMAIN = "vpc"

AddressRecord = Record[Address, None]


def allocate_address(
    call: WriteCall, request: shapes.AllocateAddressRequest
) -> shapes.AllocateAddressResult:
    """Give the account an address of a pool: any, or the one asked for."""
    if request.get("Domain", DOMAIN) != DOMAIN:
        raise errors.InvalidParameterValue("The only domain of addresses is 'vpc'.")
    id = ids.make("eipalloc", call.entropy(ids.ID_BYTES))
    public_ip, pool_id = addresspools.take(call, request, id)
    address = Address(
        id=id,
        public_ip=public_ip,
        pool_id=pool_id,
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, records.ADDRESS.name),
    )
    call.tx.insert(records.ADDRESS, call.account, id, address)
    return {
        "PublicIp": public_ip,
        "AllocationId": id,
        "Domain": DOMAIN,
        "PublicIpv4Pool": pool_id or addresspools.AMAZON,
        "NetworkBorderGroup": call.settings.region,
    }


def associate_address(
    call: WriteCall, request: shapes.AssociateAddressRequest
) -> shapes.AssociateAddressResult:
    """Let the world reach an interface under the address, wherever the address was before."""
    address = _named(call, request)
    interface = _target(call, request)
    private_ip = _private_ip(request, interface)
    internetgateways.check_attached(call, interface.doc.vpc_id)
    is_there = address.doc.interface_id == interface.id
    if is_there and (address.doc.private_ip or interface.doc.private_ip) == private_ip:
        return {"AssociationId": address.doc.association_id}
    # As in AWS an address moves without being asked, unless that is forbidden.
    may_move: bool = request.get("AllowReassociation", True)
    if address.doc.association_id is not None and not may_move:
        raise errors.ResourceAlreadyAssociated(address.id, address.doc.association_id)
    _check_movable(call, address)
    if address.doc.interface_id is not None:
        _take_away(call, address)
        address = resources.one(call, records.ADDRESS, address.id)
    other = interfacelisting.elastics(call.tx, interface).get(private_ip)
    if other is not None:
        if not may_move or other.account != call.account:
            raise errors.ResourceAlreadyAssociated(interface.id, other.doc.association_id)
        release.dissociate(call.tx, other)
    # Taking the address away may have changed the interface, if it was its own.
    interface = _lendable(call, interface.id)
    if private_ip == interface.doc.private_ip:
        interface = release.give_back_lent(call.tx, interface)
    association_id = ids.make("eipassoc", call.entropy(ids.ID_BYTES))
    changed = msgspec.structs.replace(
        address.doc,
        interface_id=interface.id,
        instance_id=interface.doc.instance_id,
        private_ip=private_ip,
        association_id=association_id,
        transfer=None,
    )
    call.tx.write(address, changed)
    return {"AssociationId": association_id}


def _check_movable(call: WriteCall, address: AddressRecord) -> None:
    """Raise when a NAT gateway has the address: it is taken from it there."""
    interface = call.tx.get(records.INTERFACE, address.doc.interface_id or "")
    if interface is not None and interface.doc.requester:
        raise errors.AuthFailure("You do not have permission to access the specified resource.")


def disassociate_address(call: WriteCall, request: shapes.DisassociateAddressRequest) -> Result:
    """Take the address from its interface; it stays the account's."""
    if "AssociationId" in request:
        id: str = request["AssociationId"]
        found = [
            address
            for address in call.tx.by(records.ADDRESS, "association", id)
            if address.account == call.account
        ]
        if not found:
            raise errors.InvalidAssociationIDNotFound(id)
        address = found[0]
    elif "PublicIp" in request:
        address = _by_public_ip(call, request["PublicIp"])
    else:
        raise errors.MissingParameter("AssociationId")
    _check_movable(call, address)
    if address.doc.interface_id is not None:
        _take_away(call, address)
    return {}


def _take_away(call: WriteCall, address: AddressRecord) -> None:
    """Dissociate, and lend the interface another address if its instance shall run."""
    interface = call.tx.get(records.INTERFACE, address.doc.interface_id or "")
    release.dissociate(call.tx, address)
    if interface is None:
        return
    instance = call.tx.get(records.INSTANCE, interface.doc.instance_id or "")
    if instance is not None and instance.doc.power is Power.RUNNING:
        interfaces.lend_public_ip(call, interface)


def release_address(call: WriteCall, request: shapes.ReleaseAddressRequest) -> Result:
    """Give the address back to the pool; one that an interface has must be taken from it first."""
    if "AllocationId" in request:
        address = resources.one(call, records.ADDRESS, request["AllocationId"])
    elif "PublicIp" in request:
        address = _by_public_ip(call, request["PublicIp"])
    else:
        raise errors.MissingParameter("AllocationId")
    if request.get("NetworkBorderGroup", call.settings.region) != call.settings.region:
        raise errors.InvalidAddressNotFound(address.doc.public_ip)
    if address.doc.association_id is not None:
        raise errors.InvalidIPAddressInUse(address.doc.public_ip)
    call.tx.release(publicpool.SPACE, address.doc.public_ip)
    given.give_back(call.tx, address.id)
    call.tx.delete(address)
    return {}


def _named(call: Call, request: shapes.AssociateAddressRequest) -> AddressRecord:
    id, public_ip = request.get("AllocationId"), request.get("PublicIp")
    if id is not None and public_ip is not None:
        raise errors.InvalidParameterCombination(
            "You may specify public IP or allocation id, but not both in the same call"
        )
    if id is not None:
        return resources.one(call, records.ADDRESS, id)
    if public_ip is not None:
        return _by_public_ip(call, public_ip)
    raise errors.MissingParameter("AllocationId")


def _by_public_ip(call: Call, public_ip: str) -> AddressRecord:
    for address in resources.reader(call).by(records.ADDRESS, "public-ip", public_ip):
        if address.account == call.account:
            return address
    raise errors.InvalidAddressNotFound(public_ip)


def _target(call: WriteCall, request: shapes.AssociateAddressRequest) -> InterfaceRecord:
    instance_id, interface_id = request.get("InstanceId"), request.get("NetworkInterfaceId")
    if (instance_id is None) == (interface_id is None):
        raise errors.InvalidParameterCombination(
            "Exactly one of InstanceId and NetworkInterfaceId must be given."
        )
    if interface_id is not None:
        return _lendable(call, interface_id)
    instance = resources.one(call, records.INSTANCE, instance_id or "")
    found = call.tx.by(records.INTERFACE, "instance", instance.id)
    if len(found) > 1:
        raise errors.InvalidInstanceID(
            f"There are multiple interfaces attached to instance '{instance.id}'. Please specify "
            "an interface ID for the operation instead."
        )
    for interface in found:
        if instance.doc.power is not Power.TERMINATED:
            return interface
    raise errors.InvalidInstanceID(
        f"The instance '{instance.id}' is terminated or being terminated."
    )


def _lendable(call: WriteCall, text: str) -> InterfaceRecord:
    """Return an interface that the caller may give his addresses; others' are not there."""
    id = resources.check_form(records.INTERFACE, text)
    found = call.tx.get(records.INTERFACE, id)
    if found is None or not interfacepermissions.may_associate(found, call.account):
        raise resources.not_found(records.INTERFACE, (id,))
    return found


def _private_ip(request: shapes.AssociateAddressRequest, interface: InterfaceRecord) -> str:
    """Return the private address that is meant: the primary one where none is named."""
    if interface.doc.requester:
        raise errors.AuthFailure("You do not have permission to access the specified resource.")
    private_ip = request.get("PrivateIpAddress", interface.doc.private_ip)
    own = (interface.doc.private_ip, *interface.doc.secondary_ips)
    if private_ip not in own:
        raise errors.InvalidParameterValue(
            f"Invalid value '{private_ip}' for PrivateIpAddress. {interface.id} has "
            f"{', '.join(own)}."
        )
    return private_ip


def _find(call: Call, request: shapes.DescribeAddressesRequest) -> Iterable[AddressRecord]:
    ids_asked: list[str] = request.get("AllocationIds") or []
    ips_asked: list[str] = request.get("PublicIps") or []
    if not ids_asked and not ips_asked:
        return call.view.ordered(records.ADDRESS, call.account)
    found = resources.several(call, records.ADDRESS, ids_asked)
    found += [_by_public_ip(call, public_ip) for public_ip in ips_asked]
    return list({address.id: address for address in found}.values())


def _interface_of(call: Call, address: AddressRecord) -> InterfaceRecord | None:
    return call.view.get(records.INTERFACE, address.doc.interface_id or "")


def _render(call: Call, address: AddressRecord) -> shapes.Address:
    row: shapes.Address = {
        "AllocationId": address.id,
        "PublicIp": address.doc.public_ip,
        "Domain": DOMAIN,
        "PublicIpv4Pool": address.doc.pool_id or addresspools.AMAZON,
        "NetworkBorderGroup": call.settings.region,
        "Tags": tagset.shown(address.doc.tags),
    }
    interface = _interface_of(call, address)
    if interface is None:
        return row
    return {
        **row,
        "AssociationId": address.doc.association_id,
        "InstanceId": address.doc.instance_id,
        "NetworkInterfaceId": interface.id,
        "NetworkInterfaceOwnerId": interface.account,
        "PrivateIpAddress": address.doc.private_ip or interface.doc.private_ip,
    }


def _of_row(member: str) -> Callable[[Call, AddressRecord], Iterable[str]]:
    """Return a filter by what is shown."""

    def values(call: Call, address: AddressRecord) -> Iterable[str]:
        value = _render(call, address).get(member)
        return () if value is None else (str(value),)

    return values


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AllocateAddress",
        presumes=Presumes.PUBLIC_ADDRESSES,
        does=Write(handle=allocate_address),
        honours=frozenset(
            {"Domain", "Address", "PublicIpv4Pool", "IpamPoolId", "NetworkBorderGroup"}
        ),
        creates=(records.ADDRESS.name,),
    ),
    Action(
        service="ec2",
        name="AssociateAddress",
        presumes=Presumes.PUBLIC_ADDRESSES,
        does=Write(handle=associate_address),
        honours=frozenset(
            {
                "AllocationId",
                "PublicIp",
                "InstanceId",
                "NetworkInterfaceId",
                "PrivateIpAddress",
                "AllowReassociation",
            }
        ),
    ),
    Action(
        service="ec2",
        name="DisassociateAddress",
        does=Write(handle=disassociate_address),
        honours=frozenset({"AssociationId", "PublicIp"}),
    ),
    Action(
        service="ec2",
        name="ReleaseAddress",
        does=Write(handle=release_address),
        honours=frozenset({"AllocationId", "PublicIp", "NetworkBorderGroup"}),
    ),
    Action(
        service="ec2",
        name="DescribeAddresses",
        does=Listing(
            find=_find,
            render=_render,
            member="Addresses",
            filters={
                "allocation-id": _of_row("AllocationId"),
                "association-id": _of_row("AssociationId"),
                "domain": _of_row("Domain"),
                "instance-id": _of_row("InstanceId"),
                "network-border-group": _of_row("NetworkBorderGroup"),
                "network-interface-id": _of_row("NetworkInterfaceId"),
                "network-interface-owner-id": _of_row("NetworkInterfaceOwnerId"),
                "private-ip-address": _of_row("PrivateIpAddress"),
                "public-ip": _of_row("PublicIp"),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"AllocationIds", "PublicIps"}),
    ),
)
