"""NAT gateways: made in a subnet, with elastic addresses or without, shown and deleted.

Called through the action table. A gateway has an interface of its own in its subnet, which the
cloud manages. Its addresses are changed in `natgatewayaddresses`. Translating is the hosts'
business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.instances import release
from mallee.cloud.ec2.vpc.interfaces import interfaceaddresses, interfaces, privateips
from mallee.cloud.ec2.vpc.routing import internetgateways
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.networks import Address
from mallee.model.network.routing import NatAddress, NatGateway

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ZONE = 5
MAX_PUBLIC, MAX_PRIVATE = 2, 8
"""Elastic and private addresses of one gateway."""
SHOWN_S = 3600.0
"""How long one that was deleted, or has failed, is still shown."""
SETTLES_S = 0.5
"""How long it is shown as `pending` and as `deleting`: hosts are told within moments."""
REQUESTER = "nat_gateway"

GatewayRecord = Record[NatGateway, None]
SubnetRecord = privateips.SubnetRecord


def is_there(gateway: GatewayRecord) -> bool:
    """Tell whether it has neither failed nor been deleted."""
    return gateway.doc.is_there


def own(call: WriteCall, id: str) -> GatewayRecord:
    """Return the caller's gateway, which is there."""
    gateway = resources.one(call, records.NAT_GATEWAY, id)
    if not is_there(gateway):
        raise errors.NatGatewayNotFound(id)
    return gateway


def create_nat_gateway(
    call: WriteCall, request: shapes.CreateNatGatewayRequest
) -> shapes.CreateNatGatewayResult:
    """Make a gateway with its interface; a public one needs an elastic address that is free."""
    if request.get("AvailabilityMode", "zonal") != "zonal":
        raise errors.UnsupportedOperation("AvailabilityMode=regional is not supported.")
    if "SubnetId" not in request:
        raise errors.MissingParameter("SubnetId")
    subnet = resources.one(call, records.SUBNET, request["SubnetId"])
    is_public = request.get("ConnectivityType", "public") == "public"
    allocations = [*([request["AllocationId"]] if "AllocationId" in request else [])]
    allocations += request.get("SecondaryAllocationIds") or []
    elastic = _check_public(call, allocations, is_public=is_public)
    _check_count(call, subnet.doc.zone)
    id = ids.make("nat", call.entropy(ids.ID_BYTES))
    wish = _wish(request, len(elastic))
    failure = _failure(call, subnet, elastic, wish)
    if failure is not None:
        return _fail(call, request, subnet, failure)
    interface = interfaces.create(
        call,
        interfaces.NewInterface(
            instance_id=None,
            subnet=subnet,
            group_ids=(),
            wish=wish,
            description=f"Interface for NAT Gateway {id}",
            delete_on_termination=False,
            requester=REQUESTER,
        ),
    )
    ips = (interface.doc.private_ip, *interface.doc.secondary_ips)
    gateway = NatGateway(
        id=id,
        vpc_id=subnet.doc.vpc_id,
        subnet_id=subnet.id,
        is_public=is_public,
        addresses=tuple(
            NatAddress(private_ip=ip, interface_id=interface.id, is_primary=index == 0)
            for index, ip in enumerate(ips)
        ),
        created_at=call.now,
        client_token=request.get("ClientToken"),
        tags=tagset.of_new(request, records.NAT_GATEWAY.name),
    )
    record = call.tx.insert(records.NAT_GATEWAY, call.account, id, gateway)
    for ip, address in zip(ips, elastic, strict=False):
        record = associate(call, record, ip, address)
    return {"NatGateway": _render(call, record), "ClientToken": request.get("ClientToken")}


def _failure(
    call: WriteCall,
    subnet: SubnetRecord,
    elastic: Sequence[Record[Address, None]],
    wish: interfaceaddresses.Wish,
) -> tuple[str, str] | None:
    """Return why AWS would find out only later that there can be no such gateway; None: nothing."""
    vpc_id = subnet.doc.vpc_id
    if elastic and internetgateways.attached_to(call.tx, vpc_id) is None:
        return "Gateway.NotAttached", f"Network {vpc_id} has no Internet gateway attached"
    for address in elastic:
        if address.doc.association_id is not None:
            words = f"Elastic IP address [{address.id}] is already associated"
            return "Resource.AlreadyAssociated", words
    wanted = 1 + wish.secondary.count + len(wish.secondary.named)
    if privateips.free(call.tx, subnet) < wanted:
        return (
            "InsufficientFreeAddressesInSubnet",
            f"Subnet {subnet.id} has insufficient free addresses to create this NAT gateway",
        )
    return None


def _fail(
    call: WriteCall,
    request: shapes.CreateNatGatewayRequest,
    subnet: SubnetRecord,
    failure: tuple[str, str],
) -> shapes.CreateNatGatewayResult:
    """Make a gateway that says why it cannot be, and holds nothing."""
    id = ids.make("nat", call.entropy(ids.ID_BYTES))
    made = NatGateway(
        id=id,
        vpc_id=subnet.doc.vpc_id,
        subnet_id=subnet.id,
        is_public=request.get("ConnectivityType", "public") == "public",
        addresses=(),
        created_at=call.now,
        failure=failure,
        client_token=request.get("ClientToken"),
        tags=tagset.of_new(request, records.NAT_GATEWAY.name),
    )
    record = call.tx.insert(records.NAT_GATEWAY, call.account, id, made)
    return {"NatGateway": _render(call, record), "ClientToken": request.get("ClientToken")}


def _wish(request: shapes.CreateNatGatewayRequest, elastic: int) -> interfaceaddresses.Wish:
    named = tuple(request.get("SecondaryPrivateIpAddresses") or ())
    count = request.get("SecondaryPrivateIpAddressCount", 0)
    if named and count:
        raise errors.InvalidParameterCombination(
            "Give SecondaryPrivateIpAddresses or SecondaryPrivateIpAddressCount, not both."
        )
    if elastic > 1 and named and len(named) != elastic - 1:
        raise errors.InvalidParameterCombination(
            "There must be as many SecondaryPrivateIpAddresses as SecondaryAllocationIds."
        )
    count = 0 if named else max(count, elastic - 1)
    if 1 + count + len(named) > MAX_PRIVATE:
        raise errors.PrivateIpAddressLimitExceeded("of a NAT gateway")
    return interfaceaddresses.Wish(
        primary_ip=request.get("PrivateIpAddress"),
        secondary=interfaceaddresses.Some(count=count, named=named),
    )


def _check_public(
    call: WriteCall, allocations: Sequence[str], *, is_public: bool
) -> list[Record[Address, None]]:
    """Return the elastic addresses that a new gateway shall have."""
    if not is_public:
        if allocations:
            raise errors.InvalidParameterCombination(
                "A private NAT gateway has no elastic address: AllocationId must not be given."
            )
        return []
    if not allocations:
        raise errors.MissingParameter("AllocationId")
    found = [resources.one(call, records.ADDRESS, id) for id in allocations]
    if len({address.id for address in found}) < len(found):
        raise errors.InvalidParameterValue("An AllocationId is given twice.")
    if len(found) > MAX_PUBLIC:
        raise errors.AddressLimitExceeded(
            f"A NAT gateway has at most {MAX_PUBLIC} elastic addresses."
        )
    return found


def check_free(call: WriteCall, allocation_id: str) -> Record[Address, None]:
    """Return an elastic address of the caller's that nothing has."""
    address = resources.one(call, records.ADDRESS, allocation_id)
    if address.doc.association_id is not None:
        raise errors.ResourceAlreadyAssociated(
            f"Elastic IP address [{address.id}]", address.doc.association_id
        )
    return address


def _check_count(call: WriteCall, zone: str) -> None:
    in_zone = 0
    for gateway in call.tx.list(records.NAT_GATEWAY, call.account):
        subnet = call.tx.get(records.SUBNET, gateway.doc.subnet_id)
        in_zone += is_there(gateway) and subnet is not None and subnet.doc.zone == zone
    if in_zone >= MAX_PER_ZONE:
        raise errors.NatGatewayLimitExceeded(MAX_PER_ZONE)


def associate(
    call: WriteCall, gateway: GatewayRecord, private_ip: str, address: Record[Address, None]
) -> GatewayRecord:
    """Let one of the gateway's private addresses hide guests behind an elastic one."""
    association_id = ids.make("eipassoc", call.entropy(ids.ID_BYTES))
    interface_id = gateway.doc.addresses[0].interface_id
    doc = replace(
        address.doc,
        interface_id=interface_id,
        private_ip=private_ip,
        association_id=association_id,
    )
    call.tx.write(address, doc)
    changed = tuple(
        replace(
            it,
            allocation_id=address.id,
            association_id=association_id,
            public_ip=address.doc.public_ip,
        )
        if it.private_ip == private_ip
        else it
        for it in gateway.doc.addresses
    )
    return call.tx.write(gateway, replace(gateway.doc, addresses=changed))


def delete_nat_gateway(
    call: WriteCall, request: shapes.DeleteNatGatewayRequest
) -> shapes.DeleteNatGatewayResult:
    """Delete a gateway; its elastic addresses stay their account's, its routes lead nowhere."""
    gateway = resources.one(call, records.NAT_GATEWAY, request["NatGatewayId"])
    if gateway.doc.deleted_at is not None:
        raise errors.NatGatewayNotFound(gateway.id)
    for address in gateway.doc.addresses:
        elastic = call.tx.get(records.ADDRESS, address.allocation_id or "")
        if elastic is not None:
            release.dissociate(call.tx, elastic)
    for interface_id in {address.interface_id for address in gateway.doc.addresses}:
        interface = call.tx.get(records.INTERFACE, interface_id)
        if interface is not None:
            interfaces.delete(call.tx, interface)
    call.tx.write(gateway, replace(gateway.doc, deleted_at=call.now))
    return {"NatGatewayId": gateway.id}


def _find(call: Call, request: shapes.DescribeNatGatewaysRequest) -> Iterable[GatewayRecord]:
    asked: list[str] = request.get("NatGatewayIds") or []
    if not asked:
        own = call.view.list(records.NAT_GATEWAY, call.account)
        return sorted((it for it in own if is_shown(it, call.now)), key=lambda it: it.id)
    found = resources.several(call, records.NAT_GATEWAY, asked)
    for gateway in found:
        if not is_shown(gateway, call.now):
            raise errors.NatGatewayNotFound(gateway.id)
    return found


def is_shown(gateway: GatewayRecord, now: float) -> bool:
    """Tell whether it is there, or was deleted or has failed only lately."""
    doc = gateway.doc
    over_at = doc.created_at if doc.failure is not None else doc.deleted_at
    return over_at is None or over_at + SHOWN_S > now


def state(gateway: GatewayRecord, now: float) -> str:
    """Return its state; hosts need not be waited for."""
    doc = gateway.doc
    if doc.deleted_at is not None:
        return "deleting" if now < doc.deleted_at + SETTLES_S else "deleted"
    if now < doc.created_at + SETTLES_S:
        return "pending"
    return "available" if doc.failure is None else "failed"


def _render(call: Call, gateway: GatewayRecord) -> shapes.NatGateway:
    doc, now = gateway.doc, state(gateway, call.now)
    failure = doc.failure if now != "pending" else None
    return {
        "NatGatewayId": gateway.id,
        "VpcId": doc.vpc_id,
        "SubnetId": doc.subnet_id,
        "State": now,
        "FailureCode": failure[0] if failure else None,
        "FailureMessage": failure[1] if failure else None,
        "ConnectivityType": "public" if doc.is_public else "private",
        "AvailabilityMode": "zonal",
        "CreateTime": doc.created_at,
        "DeleteTime": doc.deleted_at,
        "NatGatewayAddresses": [shown(it) for it in doc.addresses],
        "Tags": tagset.shown(doc.tags),
    }


def shown(address: NatAddress) -> shapes.NatGatewayAddress:
    """Return an address of a gateway as the API lists it."""
    return {
        "AllocationId": address.allocation_id,
        "AssociationId": address.association_id,
        "NetworkInterfaceId": address.interface_id,
        "PrivateIp": address.private_ip,
        "PublicIp": address.public_ip,
        "IsPrimary": address.is_primary,
        "Status": "succeeded",
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateNatGateway",
        does=Write(handle=create_nat_gateway),
        honours=frozenset(
            {
                "SubnetId",
                "AllocationId",
                "ConnectivityType",
                "AvailabilityMode",
                "PrivateIpAddress",
                "SecondaryAllocationIds",
                "SecondaryPrivateIpAddresses",
                "SecondaryPrivateIpAddressCount",
            }
        ),
        creates=(records.NAT_GATEWAY.name,),
    ),
    Action(
        service="ec2",
        name="DeleteNatGateway",
        does=Write(handle=delete_nat_gateway),
        honours=frozenset({"NatGatewayId"}),
    ),
    Action(
        service="ec2",
        name="DescribeNatGateways",
        does=Listing(
            find=_find,
            render=_render,
            member="NatGateways",
            filters={
                "nat-gateway-id": lambda call, it: (it.id,),
                "state": lambda call, it: (state(it, call.now),),
                "subnet-id": lambda call, it: (it.doc.subnet_id,),
                "vpc-id": lambda call, it: (it.doc.vpc_id,),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"NatGatewayIds"}),
    ),
)
