"""Attachments of VPCs to transit gateways: asked for, answered, changed, ended, shown.

Called through the action table. In each of its subnets, one for a zone, an interface of the cloud's
own stands for the attachment: what comes by it takes that subnet's route table and meets its ACL.
What all attachments share is `attachments`' business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.transit import attachments, switches, transitgateways
from mallee.cloud.ec2.transit.attachments import AttachmentRecord, Sight
from mallee.cloud.ec2.vpc.interfaces import interfaces
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network import transit
from mallee.model.network.networks import Subnet
from mallee.model.network.transit import Attachment, Phase, VpcEnd

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_VPC = 5
"""To how many gateways a VPC may be attached."""
REQUESTER = "transit_gateway"

_SWITCHES = {
    "DnsSupport": "dns",
    "Ipv6Support": "ipv6",
    "ApplianceModeSupport": "appliance_mode",
}


def create(
    call: WriteCall, request: shapes.CreateTransitGatewayVpcAttachmentRequest
) -> shapes.CreateTransitGatewayVpcAttachmentResult:
    """Attach a VPC of the caller's; to another account's gateway it is only asked for."""
    gateway = transitgateways.anybodys(call, request["TransitGatewayId"])
    vpc = resources.one(call, records.VPC, request["VpcId"])
    subnets = _subnets(call, request["SubnetIds"], vpc.id)
    if not subnets:
        raise errors.MissingParameter("SubnetIds")
    standing = [
        it
        for it in call.tx.by(records.TRANSIT_ATTACHMENT, "vpc", vpc.id)
        if it.doc.phase not in transit.OVER
    ]
    if any(it.doc.gateway_id == gateway.id for it in standing):
        raise errors.DuplicateTransitGatewayAttachment(gateway.id, f"VPC ID {vpc.id}")
    if len(standing) >= MAX_PER_VPC:
        raise errors.TransitGatewayAttachmentLimitExceeded(MAX_PER_VPC)
    id = ids.make(attachments.PREFIX, call.entropy(ids.ID_BYTES))
    end = VpcEnd(vpc_id=vpc.id, subnets=tuple(_stand(call, id, it) for it in subnets))
    doc = Attachment(
        id=id,
        account=call.account,
        gateway_id=gateway.id,
        gateway_account=gateway.account,
        vpc=_with_options(call, end, request.get("Options") or {}),
        phase=Phase.REQUESTED,
        since=call.now,
        created_at=call.now,
        tags=tagset.of_new(request, records.TRANSIT_ATTACHMENT.name),
    )
    if gateway.account == call.account:
        doc = attachments.opened(call.tx, doc, call.now)
    made = call.tx.insert(records.TRANSIT_ATTACHMENT, call.account, id, doc)
    return {"TransitGatewayVpcAttachment": _render(call, made)}


def _subnets(call: WriteCall, asked: Iterable[str], vpc_id: str) -> list[Record[Subnet, None]]:
    """Return the subnets; raise for one of another VPC, and for two of one zone."""
    found = resources.several(call, records.SUBNET, asked)
    for subnet in found:
        if subnet.doc.vpc_id != vpc_id:
            raise errors.InvalidParameterValue(f"Subnet {subnet.id} does not belong to {vpc_id}.")
    _check_zones(subnet.doc.zone for subnet in found)
    return found


def _check_zones(zones: Iterable[str]) -> None:
    seen: set[str] = set()
    for zone in zones:
        if zone in seen:
            raise errors.DuplicateSubnetsInSameZone(zone)
        seen.add(zone)


def _stand(call: WriteCall, id: str, subnet: Record[Subnet, None]) -> tuple[str, str]:
    """Put an interface into the subnet for the attachment."""
    new = interfaces.NewInterface(
        instance_id=None,
        subnet=subnet,
        group_ids=(),
        description=f"Network Interface for Transit Gateway Attachment {id}",
        delete_on_termination=False,
        requester=REQUESTER,
    )
    return subnet.id, interfaces.create(call, new).id


def _with_options(call: WriteCall, end: VpcEnd, asked: Request) -> VpcEnd:
    if switches.asked(asked, "SecurityGroupReferencingSupport") is True:
        raise errors.UnsupportedOperation(
            "SecurityGroupReferencingSupport=enable is not supported: rules of security groups "
            "name ranges of addresses, groups of their own VPC and of its peers."
        )
    for member, name in _SWITCHES.items():
        is_on = switches.asked(asked, member)
        if is_on is not None:
            end = replace(end, **{name: is_on})
    if end.ipv6:
        for subnet_id, _ in end.subnets:
            subnet = call.tx.get(records.SUBNET, subnet_id)
            if subnet is None or not subnet.doc.ipv6_cidrs:
                raise errors.InvalidParameterValue(
                    f"Subnet {subnet_id} has no IPv6 CIDR block: Ipv6Support cannot be enabled."
                )
    return end


def modify(
    call: WriteCall, request: shapes.ModifyTransitGatewayVpcAttachmentRequest
) -> shapes.ModifyTransitGatewayVpcAttachmentResult:
    """Change in which subnets an attachment stands, and its options."""
    record = _own(call, request["TransitGatewayAttachmentId"])
    attachments.check_open(record)
    end = _end(record)
    asked: Request = request.get("Options") or {}
    doomed = set(request.get("RemoveSubnetIds") or ())
    added = _subnets(call, request.get("AddSubnetIds") or (), end.vpc_id)
    if not (asked or doomed or added):
        raise errors.MissingParameter("Options")
    held = dict(end.subnets)
    if doomed - held.keys():
        raise errors.InvalidSubnetIDNotFound(sorted(doomed - held.keys()))
    if any(subnet.id in held for subnet in added):
        raise errors.InvalidParameterValue(f"{record.id} stands in that subnet already.")
    kept = {id: interface for id, interface in held.items() if id not in doomed}
    there = (call.tx.get(records.SUBNET, id) for id in kept)
    _check_zones(it.doc.zone for it in (*there, *added) if it is not None)
    if not kept and not added:
        raise errors.InvalidParameterValue(f"{record.id} must stand in one subnet at least.")
    for id in doomed:
        _withdraw(call, held[id])
    kept |= dict(_stand(call, record.id, subnet) for subnet in added)
    end = _with_options(call, replace(end, subnets=tuple(kept.items())), asked)
    doc = replace(record.doc, vpc=end, changed_at=call.now)
    return {"TransitGatewayVpcAttachment": _render(call, call.tx.write(record, doc))}


def _withdraw(call: WriteCall, interface_id: str) -> None:
    interface = call.tx.get(records.INTERFACE, interface_id)
    if interface is not None:
        interfaces.delete(call.tx, interface)


def _own(call: Call, id: str) -> AttachmentRecord:
    """Return an attachment of a VPC of the caller's."""
    record = _of_vpc(call, id)
    if record.account != call.account:
        raise errors.InvalidTransitGatewayAttachmentIDNotFound(id)
    return record


def _of_vpc(call: Call, id: str) -> AttachmentRecord:
    record = attachments.one(call, id)
    if record.doc.vpc is None:
        raise errors.InvalidTransitGatewayAttachmentIDNotFound(id)
    return record


def _end(record: AttachmentRecord) -> VpcEnd:
    assert record.doc.vpc is not None, "it was looked for among those of VPCs"
    return record.doc.vpc


def delete(
    call: WriteCall, request: shapes.DeleteTransitGatewayVpcAttachmentRequest
) -> shapes.DeleteTransitGatewayVpcAttachmentResult:
    """End an attachment; the routes to it lead nowhere from now on."""
    record = _of_vpc(call, request["TransitGatewayAttachmentId"])
    if record.doc.phase in transit.OVER:
        raise errors.IncorrectState(f"{record.id} is in invalid state")
    return {"TransitGatewayVpcAttachment": _render(call, _finish(call, record, Phase.DELETED))}


def _finish(call: WriteCall, record: AttachmentRecord, phase: Phase) -> AttachmentRecord:
    for _, interface_id in _end(record).subnets:
        _withdraw(call, interface_id)
    return call.tx.write(record, attachments.ended(record.doc, phase, call.now))


def accept(
    call: WriteCall, request: shapes.AcceptTransitGatewayVpcAttachmentRequest
) -> shapes.AcceptTransitGatewayVpcAttachmentResult:
    """Let another account's VPC in."""
    record = _of_vpc(call, request["TransitGatewayAttachmentId"])
    attachments.answered(call, record)
    opened = call.tx.write(record, attachments.opened(call.tx, record.doc, call.now))
    return {"TransitGatewayVpcAttachment": _render(call, opened)}


def reject(
    call: WriteCall, request: shapes.RejectTransitGatewayVpcAttachmentRequest
) -> shapes.RejectTransitGatewayVpcAttachmentResult:
    """Refuse another account's VPC."""
    record = _of_vpc(call, request["TransitGatewayAttachmentId"])
    attachments.answered(call, record)
    return {"TransitGatewayVpcAttachment": _render(call, _finish(call, record, Phase.REJECTED))}


def _find(
    call: Call, request: shapes.DescribeTransitGatewayVpcAttachmentsRequest
) -> Iterable[Sight]:
    asked = request.get("TransitGatewayAttachmentIds") or ()
    found = attachments.listed(call, asked)
    others = [it.id for it in found if it.doc.vpc is None]
    if asked and others:
        raise errors.InvalidTransitGatewayAttachmentIDNotFound(", ".join(others))
    return [attachments.sight(call, it) for it in found if it.doc.vpc is not None]


def _render(call: Call, record: AttachmentRecord) -> shapes.TransitGatewayVpcAttachment:
    doc, end = record.doc, _end(record)
    return {
        "TransitGatewayAttachmentId": record.id,
        "TransitGatewayId": doc.gateway_id,
        "VpcId": end.vpc_id,
        "VpcOwnerId": doc.account,
        "State": doc.state(call.now),
        "SubnetIds": [id for id, _ in end.subnets],
        "CreationTime": doc.created_at,
        "Options": {
            "DnsSupport": switches.shown(end.dns),
            "SecurityGroupReferencingSupport": "disable",
            "Ipv6Support": switches.shown(end.ipv6),
            "ApplianceModeSupport": switches.shown(end.appliance_mode),
        },
        "Tags": tagset.shown(attachments.tags_of(call, doc)),
    }


_OPTIONS = frozenset(
    f"Options.{member}" for member in (*_SWITCHES, "SecurityGroupReferencingSupport")
)
_NAMED = frozenset({"TransitGatewayAttachmentId"})

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateTransitGatewayVpcAttachment",
        does=Write(handle=create),
        honours=frozenset({"TransitGatewayId", "VpcId", "SubnetIds", *_OPTIONS}),
        creates=(records.TRANSIT_ATTACHMENT.name,),
    ),
    Action(
        service="ec2",
        name="ModifyTransitGatewayVpcAttachment",
        does=Write(handle=modify),
        honours=frozenset({*_NAMED, "AddSubnetIds", "RemoveSubnetIds", *_OPTIONS}),
    ),
    Action(
        service="ec2",
        name="DeleteTransitGatewayVpcAttachment",
        does=Write(handle=delete),
        honours=_NAMED,
    ),
    Action(
        service="ec2",
        name="AcceptTransitGatewayVpcAttachment",
        does=Write(handle=accept),
        honours=_NAMED,
    ),
    Action(
        service="ec2",
        name="RejectTransitGatewayVpcAttachment",
        does=Write(handle=reject),
        honours=_NAMED,
    ),
    Action(
        service="ec2",
        name="DescribeTransitGatewayVpcAttachments",
        does=Listing(
            find=_find,
            render=lambda call, it: _render(call, it.record),
            member="TransitGatewayVpcAttachments",
            filters={
                "state": lambda call, it: (it.record.doc.state(call.now),),
                "transit-gateway-attachment-id": lambda call, it: (it.id,),
                "transit-gateway-id": lambda call, it: (it.gateway_id,),
                "vpc-id": lambda call, it: (_end(it.record).vpc_id,),
            },
            tags=lambda it: it.tags,
        ),
        honours=frozenset({"TransitGatewayAttachmentIds"}),
    ),
)
