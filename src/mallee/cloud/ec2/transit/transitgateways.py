"""Transit gateways: made with a default route table, changed, deleted, shown.

Called through the action table, and by the other nouns of this folder to find the gateway that a
request is about. What is attached is `attachments`' business, where it leads `transittables`'. A
gateway of another account is shown to who has something attached to it, as one that is shared is on
AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.transit import switches, transittables
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network import transit
from mallee.model.network.transit import TransitGateway, TransitOptions, TransitTable

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 5
LINKS = "transit-link"
"""Claim space of `link_index`."""
PRIVATE_ASNS = ((64512, 65534), (4200000000, 4294967294))

GatewayRecord = Record[TransitGateway, None]

_SWITCHES = {
    "DefaultRouteTableAssociation": "associates",
    "DefaultRouteTablePropagation": "propagates",
    "VpnEcmpSupport": "vpn_ecmp",
    "DnsSupport": "dns",
}
_ALWAYS_OFF = {
    "AutoAcceptSharedAttachments": "nothing is shared here: whoever knows a gateway's id may ask "
    "for an attachment, and each is accepted for itself",
    "SecurityGroupReferencingSupport": "rules of security groups name ranges of addresses, groups "
    "of their own VPC and of its peers",
    "MulticastSupport": "packets go to one receiver each",
}
"""What can only be `disable`, and why."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A gateway as its owner, or who has something attached to it, sees it."""

    record: GatewayRecord
    tags: dict[str, str]

    @property
    def id(self) -> str:
        """The gateway's id."""
        return self.record.id


def one(call: Call, id: str) -> GatewayRecord:
    """Return the caller's gateway, which has not been deleted."""
    found = resources.one(call, records.TRANSIT_GATEWAY, id)
    if found.doc.deleted_at is not None:
        raise errors.InvalidTransitGatewayIDNotFound(id)
    return found


def anybodys(call: Call, id: str) -> GatewayRecord:
    """Return a gateway that somebody asks an attachment of; whose it is does not matter."""
    id = resources.check_form(records.TRANSIT_GATEWAY, id)
    found = resources.reader(call).get(records.TRANSIT_GATEWAY, id)
    if found is None or found.doc.deleted_at is not None:
        raise errors.InvalidTransitGatewayIDNotFound(id)
    return found


def create(
    call: WriteCall, request: shapes.CreateTransitGatewayRequest
) -> shapes.CreateTransitGatewayResult:
    """Make a gateway, and its default table unless nothing shall use it."""
    standing = call.tx.list(records.TRANSIT_GATEWAY, call.account)
    if sum(it.doc.deleted_at is None for it in standing) >= MAX_PER_ACCOUNT:
        raise errors.TransitGatewayLimitExceeded(MAX_PER_ACCOUNT)
    id = ids.make("tgw", call.entropy(ids.ID_BYTES))
    options = _options(TransitOptions(), request.get("Options") or {})
    table_id = ""
    if options.associates or options.propagates:
        table_id = ids.make("tgw-rtb", call.entropy(ids.ID_BYTES))
        table = TransitTable(id=table_id, gateway_id=id, created_at=call.now)
        call.tx.insert(records.TRANSIT_TABLE, call.account, table_id, table)
    gateway = TransitGateway(
        id=id,
        link_index=_take_link(call.tx, id),
        description=request.get("Description", ""),
        options=options,
        association_table_id=table_id if options.associates else "",
        propagation_table_id=table_id if options.propagates else "",
        created_at=call.now,
        tags=tagset.of_new(request, records.TRANSIT_GATEWAY.name),
    )
    made = call.tx.insert(records.TRANSIT_GATEWAY, call.account, id, gateway)
    return {"TransitGateway": _render(call, made)}


def _take_link(tx: store.Tx, id: str) -> int:
    index = 1
    while tx.owner_of(LINKS, str(index)) is not None:
        index += 1
    tx.claim(LINKS, str(index), id)
    return index


def _options(options: TransitOptions, asked: Request) -> TransitOptions:
    """Return the options with what is asked for; raise for what cannot be."""
    for member, why in _ALWAYS_OFF.items():
        if switches.asked(asked, member) is True:
            raise errors.UnsupportedOperation(f"{member}=enable is not supported: {why}.")
    for member, name in _SWITCHES.items():
        is_on = switches.asked(asked, member)
        if is_on is not None:
            options = replace(options, **{name: is_on})
    asn = asked.get("AmazonSideAsn")
    if asn is not None and not any(low <= asn <= high for low, high in PRIVATE_ASNS):
        raise errors.InvalidParameterValue(
            f"Value ({asn}) for parameter AmazonSideAsn is invalid. It is a private ASN: "
            "64512-65534 or 4200000000-4294967294."
        )
    return options if asn is None else replace(options, asn=asn)


def modify(
    call: WriteCall, request: shapes.ModifyTransitGatewayRequest
) -> shapes.ModifyTransitGatewayResult:
    """Change what a gateway does by itself; what is attached already stays as it is."""
    gateway = one(call, request["TransitGatewayId"])
    asked: Request = request.get("Options") or {}
    if not asked and "Description" not in request:
        raise errors.MissingParameter("Options")
    doc = replace(gateway.doc, options=_options(gateway.doc.options, asked), changed_at=call.now)
    doc = replace(
        doc,
        description=request.get("Description", doc.description),
        association_table_id=_default_table(call, doc, asked, "Association"),
        propagation_table_id=_default_table(call, doc, asked, "Propagation"),
    )
    return {"TransitGateway": _render(call, call.tx.write(gateway, doc))}


def _default_table(call: WriteCall, doc: TransitGateway, asked: Request, what: str) -> str:
    """Return the default table of associations or propagations; raise when there is none."""
    is_of_associations = what == "Association"
    is_on = doc.options.associates if is_of_associations else doc.options.propagates
    member = f"{what}DefaultRouteTableId"
    if not is_on:
        if asked.get(member):
            raise errors.InvalidParameterCombination(
                f"{member} is for a gateway with DefaultRouteTable{what}=enable."
            )
        return ""
    current = doc.association_table_id if is_of_associations else doc.propagation_table_id
    id = asked.get(member) or current
    if not id:
        raise errors.MissingParameter(member)
    return transittables.one(call, id, doc.id).id


def delete(
    call: WriteCall, request: shapes.DeleteTransitGatewayRequest
) -> shapes.DeleteTransitGatewayResult:
    """Delete a gateway to which nothing is attached, with its default tables."""
    gateway = one(call, request["TransitGatewayId"])
    attached = [
        it.id
        for it in call.tx.by(records.TRANSIT_ATTACHMENT, "gateway", gateway.id)
        if it.doc.phase not in transit.OVER
    ]
    own = {gateway.doc.association_table_id, gateway.doc.propagation_table_id}
    tables = [
        it
        for it in call.tx.by(records.TRANSIT_TABLE, "gateway", gateway.id)
        if it.doc.deleted_at is None
    ]
    others = [it.id for it in tables if it.id not in own]
    for what, left in (("Attachments", attached), ("Route Tables", others)):
        if left:
            raise errors.IncorrectState(
                f"{gateway.id} has non-deleted Transit Gateway {what}: {', '.join(sorted(left))}."
            )
    for table in tables:
        call.tx.write(table, replace(table.doc, deleted_at=call.now))
    call.tx.release_owner(gateway.id)
    gone = call.tx.write(gateway, replace(gateway.doc, deleted_at=call.now))
    return {"TransitGateway": _render(call, gone)}


def _find(call: Call, request: shapes.DescribeTransitGatewaysRequest) -> Iterable[Sight]:
    asked: list[str] = request.get("TransitGatewayIds") or []
    named = [resources.check_form(records.TRANSIT_GATEWAY, id) for id in dict.fromkeys(asked)]
    own = {it.id: it for it in call.view.list(records.TRANSIT_GATEWAY, call.account)}
    for attachment in call.view.by(records.TRANSIT_ATTACHMENT, "account", call.account):
        gateway = call.view.get(records.TRANSIT_GATEWAY, attachment.doc.gateway_id)
        if gateway is not None and attachment.doc.phase is transit.Phase.OPEN:
            own[gateway.id] = gateway
    shown = {
        id: it for id, it in own.items() if not transit.is_forgotten(it.doc.deleted_at, call.now)
    }
    missing = [id for id in named if id not in shown]
    if missing:
        raise errors.InvalidTransitGatewayIDNotFound(", ".join(missing))
    return [Sight(shown[id], _tags(call, shown[id])) for id in named or sorted(shown)]


def _render(call: Call, gateway: GatewayRecord) -> shapes.TransitGateway:
    doc = gateway.doc
    return {
        "TransitGatewayId": gateway.id,
        "TransitGatewayArn": arns.of_other(
            call, records.TRANSIT_GATEWAY, gateway.account, gateway.id
        ),
        "State": transit.state_of(doc, call.now),
        "OwnerId": gateway.account,
        "Description": doc.description,
        "CreationTime": doc.created_at,
        "Options": {
            "AmazonSideAsn": doc.options.asn,
            "AutoAcceptSharedAttachments": "disable",
            "DefaultRouteTableAssociation": switches.shown(doc.options.associates),
            "AssociationDefaultRouteTableId": doc.association_table_id or None,
            "DefaultRouteTablePropagation": switches.shown(doc.options.propagates),
            "PropagationDefaultRouteTableId": doc.propagation_table_id or None,
            "VpnEcmpSupport": switches.shown(doc.options.vpn_ecmp),
            "DnsSupport": switches.shown(doc.options.dns),
            "SecurityGroupReferencingSupport": "disable",
            "MulticastSupport": "disable",
        },
        "Tags": tagset.shown(_tags(call, gateway)),
    }


def _tags(call: Call, gateway: GatewayRecord) -> dict[str, str]:
    return gateway.doc.tags if gateway.account == call.account else {}


def _of_options(member: str) -> Callable[[Call, Sight], Iterable[str]]:
    """Return a filter by one of the options as it is shown."""

    def values(call: Call, sight: Sight) -> Iterable[str]:
        options: Request = _render(call, sight.record).get("Options")
        return () if options[member] is None else (str(options[member]),)

    return values


_OPTIONS = frozenset(f"Options.{it}" for it in (*_SWITCHES, *_ALWAYS_OFF, "AmazonSideAsn"))
_DEFAULTS = frozenset(f"Options.{it}DefaultRouteTableId" for it in ("Association", "Propagation"))

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateTransitGateway",
        does=Write(handle=create),
        honours=frozenset({"Description", *_OPTIONS}),
        creates=(records.TRANSIT_GATEWAY.name,),
    ),
    Action(
        service="ec2",
        name="ModifyTransitGateway",
        does=Write(handle=modify),
        honours=frozenset({"TransitGatewayId", "Description", *_OPTIONS, *_DEFAULTS})
        - {"Options.MulticastSupport"},
    ),
    Action(
        service="ec2",
        name="DeleteTransitGateway",
        does=Write(handle=delete),
        honours=frozenset({"TransitGatewayId"}),
    ),
    Action(
        service="ec2",
        name="DescribeTransitGateways",
        does=Listing(
            find=_find,
            render=lambda call, it: _render(call, it.record),
            member="TransitGateways",
            filters={
                "options.propagation-default-route-table-id": _of_options(
                    "PropagationDefaultRouteTableId"
                ),
                "options.amazon-side-asn": _of_options("AmazonSideAsn"),
                "options.association-default-route-table-id": _of_options(
                    "AssociationDefaultRouteTableId"
                ),
                "options.auto-accept-shared-attachments": _of_options(
                    "AutoAcceptSharedAttachments"
                ),
                "options.default-route-table-association": _of_options(
                    "DefaultRouteTableAssociation"
                ),
                "options.default-route-table-propagation": _of_options(
                    "DefaultRouteTablePropagation"
                ),
                "options.dns-support": _of_options("DnsSupport"),
                "options.vpn-ecmp-support": _of_options("VpnEcmpSupport"),
                "owner-id": lambda call, it: (it.record.account,),
                "state": lambda call, it: (transit.state_of(it.record.doc, call.now),),
                "transit-gateway-id": lambda call, it: (it.id,),
            },
            tags=lambda it: it.tags,
        ),
        honours=frozenset({"TransitGatewayIds"}),
    ),
)
