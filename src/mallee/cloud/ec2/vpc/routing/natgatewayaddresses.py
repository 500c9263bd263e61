"""The addresses of a NAT gateway: more of them, public or private, and fewer again.

Called through the action table. The primary one stays as long as the gateway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2.instances import release
from mallee.cloud.ec2.vpc.interfaces import interfaceaddresses, privateips
from mallee.cloud.ec2.vpc.routing import natgateways
from mallee.cloud.ec2.vpc.routing.natgateways import GatewayRecord
from mallee.cloud.state import records
from mallee.model.network.routing import NatAddress

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def associate_address(
    call: WriteCall, request: shapes.AssociateNatGatewayAddressRequest
) -> shapes.AssociateNatGatewayAddressResult:
    """Give a public gateway more elastic addresses, each with a private one of its own."""
    gateway = natgateways.own(call, request["NatGatewayId"])
    if not gateway.doc.is_public:
        raise errors.InvalidParameterValue(f"{gateway.id} is a private NAT gateway.")
    elastic = [natgateways.check_free(call, id) for id in request["AllocationIds"]]
    if len(gateway.doc.addresses) + len(elastic) > natgateways.MAX_PUBLIC:
        raise errors.AddressLimitExceeded(
            f"The NAT gateway {gateway.id} has at most {natgateways.MAX_PUBLIC} elastic addresses."
        )
    named = tuple(request.get("PrivateIpAddresses") or ())
    if named and len(named) != len(elastic):
        raise errors.InvalidParameterCombination(
            "There must be as many PrivateIpAddresses as AllocationIds."
        )
    count = 0 if named else len(elastic)
    gateway = _add(call, gateway, interfaceaddresses.Some(count=count, named=named))
    for it, address in zip(gateway.doc.addresses[-len(elastic) :], elastic, strict=True):
        gateway = natgateways.associate(call, gateway, it.private_ip, address)
    return _result(gateway, gateway.doc.addresses[-len(elastic) :])


def disassociate_address(
    call: WriteCall, request: shapes.DisassociateNatGatewayAddressRequest
) -> shapes.DisassociateNatGatewayAddressResult:
    """Take elastic addresses, with the private ones behind which they stood, from a gateway."""
    gateway = natgateways.own(call, request["NatGatewayId"])
    gone = list[NatAddress]()
    for id in request["AssociationIds"]:
        found = [it for it in gateway.doc.addresses if it.association_id == id]
        if not found:
            raise errors.InvalidAssociationIDNotFound(id)
        gone += found
    return _remove(call, gateway, gone)


def assign_private(
    call: WriteCall, request: shapes.AssignPrivateNatGatewayAddressRequest
) -> shapes.AssignPrivateNatGatewayAddressResult:
    """Give a private gateway more private addresses."""
    gateway = natgateways.own(call, request["NatGatewayId"])
    _check_private(gateway)
    named = tuple(request.get("PrivateIpAddresses") or ())
    count = request.get("PrivateIpAddressCount", 0)
    if bool(named) == bool(count):
        raise errors.InvalidParameterCombination(
            "Exactly one of PrivateIpAddresses and PrivateIpAddressCount must be given."
        )
    some = interfaceaddresses.Some(count=count, named=named)
    if len(gateway.doc.addresses) + some.total > natgateways.MAX_PRIVATE:
        raise errors.PrivateIpAddressLimitExceeded(gateway.doc.addresses[0].interface_id)
    gateway = _add(call, gateway, some)
    return _result(gateway, gateway.doc.addresses[-some.total :])


def unassign_private(
    call: WriteCall, request: shapes.UnassignPrivateNatGatewayAddressRequest
) -> shapes.UnassignPrivateNatGatewayAddressResult:
    """Take private addresses from a private gateway."""
    gateway = natgateways.own(call, request["NatGatewayId"])
    _check_private(gateway)
    wanted = list(request["PrivateIpAddresses"])
    gone = [it for it in gateway.doc.addresses if it.private_ip in wanted]
    if len(gone) != len(set(wanted)):
        raise errors.InvalidParameterValue(
            f"Some of {', '.join(wanted)} are not assigned to {gateway.id}."
        )
    return _remove(call, gateway, gone)


def _check_private(gateway: GatewayRecord) -> None:
    if gateway.doc.is_public:
        raise errors.InvalidParameterValue(f"{gateway.id} is a public NAT gateway.")


def _add(call: WriteCall, gateway: GatewayRecord, some: interfaceaddresses.Some) -> GatewayRecord:
    interface = call.tx.get(records.INTERFACE, gateway.doc.addresses[0].interface_id)
    assert interface is not None, "a gateway that is there has its interface"
    before = len(interface.doc.secondary_ips)
    wish = interfaceaddresses.Wish(secondary=some)
    interface = interfaceaddresses.add(call, interface, wish)
    new = tuple(
        NatAddress(private_ip=ip, interface_id=interface.id)
        for ip in interface.doc.secondary_ips[before:]
    )
    addresses = (*gateway.doc.addresses, *new)
    return call.tx.write(gateway, replace(gateway.doc, addresses=addresses))


def _remove(
    call: WriteCall, gateway: GatewayRecord, gone: list[NatAddress]
) -> shapes.DisassociateNatGatewayAddressResult:
    if any(it.is_primary for it in gone):
        raise errors.InvalidParameterValue(
            f"The primary address of the NAT gateway {gateway.id} cannot be taken from it."
        )
    ips = {it.private_ip for it in gone}
    for it in gone:
        elastic = call.tx.get(records.ADDRESS, it.allocation_id or "")
        if elastic is not None:
            release.dissociate(call.tx, elastic)
    interface = call.tx.get(records.INTERFACE, gateway.doc.addresses[0].interface_id)
    if interface is not None:
        for ip in ips:
            privateips.give_back(call.tx, gateway.doc.subnet_id, ip)
        left = tuple(ip for ip in interface.doc.secondary_ips if ip not in ips)
        call.tx.write(interface, replace(interface.doc, secondary_ips=left))
    addresses = tuple(it for it in gateway.doc.addresses if it.private_ip not in ips)
    gateway = call.tx.write(gateway, replace(gateway.doc, addresses=addresses))
    return _result(gateway, gone)


def _result(
    gateway: GatewayRecord, addresses: tuple[NatAddress, ...] | list[NatAddress]
) -> shapes.AssociateNatGatewayAddressResult:
    return {
        "NatGatewayId": gateway.id,
        "NatGatewayAddresses": [natgateways.shown(it) for it in addresses],
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AssociateNatGatewayAddress",
        does=Write(handle=associate_address),
        honours=frozenset({"NatGatewayId", "AllocationIds", "PrivateIpAddresses"}),
    ),
    Action(
        service="ec2",
        name="DisassociateNatGatewayAddress",
        does=Write(handle=disassociate_address),
        honours=frozenset({"NatGatewayId", "AssociationIds"}),
    ),
    Action(
        service="ec2",
        name="AssignPrivateNatGatewayAddress",
        does=Write(handle=assign_private),
        honours=frozenset({"NatGatewayId", "PrivateIpAddresses", "PrivateIpAddressCount"}),
    ),
    Action(
        service="ec2",
        name="UnassignPrivateNatGatewayAddress",
        does=Write(handle=unassign_private),
        honours=frozenset({"NatGatewayId", "PrivateIpAddresses"}),
    ),
)
