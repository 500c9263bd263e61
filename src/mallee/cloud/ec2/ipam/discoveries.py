"""Resource discoveries: by what IPAMs see, made and joined to them.

Called through the action table. A discovery sees its owner's account, one of the cloud's own
account all accounts (`watched`); there are no organizations whose units could be left out. What one
sees is shown by `discovered`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.ipam import ipams, shownfilters
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.ipam import Discovery, DiscoveryAssociation

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 10

DiscoveryRecord = Record[Discovery, None]
AssociationRecord = Record[DiscoveryAssociation, None]


def create_discovery(
    call: WriteCall, request: shapes.CreateIpamResourceDiscoveryRequest
) -> shapes.CreateIpamResourceDiscoveryResult:
    """Make a discovery that no IPAM sees by yet."""
    if len(call.tx.list(records.IPAM_DISCOVERY, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.IpamLimitExceeded("resource discoveries of an account", MAX_PER_ACCOUNT)
    made = Discovery(
        id=ids.make("ipam-res-disco", call.entropy(ids.ID_BYTES)),
        description=request.get("Description", ""),
        regions=ipams.check_regions(call, request.get("OperatingRegions") or ()),
        tags=tagset.of_new(request, records.IPAM_DISCOVERY.name),
    )
    record = call.tx.insert(records.IPAM_DISCOVERY, call.account, made.id, made)
    return {"IpamResourceDiscovery": _render(call, record)}


def modify_discovery(
    call: WriteCall, request: shapes.ModifyIpamResourceDiscoveryRequest
) -> shapes.ModifyIpamResourceDiscoveryResult:
    """Change a discovery's words; its region stays."""
    discovery = resources.one(call, records.IPAM_DISCOVERY, request["IpamResourceDiscoveryId"])
    ipams.check_regions(call, request.get("AddOperatingRegions") or ())
    if request.get("RemoveOperatingRegions"):
        raise errors.InvalidParameterValue(
            f"The region {call.settings.region} of {discovery.id} cannot be removed."
        )
    words = request.get("Description", discovery.doc.description)
    doc = replace(discovery.doc, description=words, is_modified=True)
    return {"IpamResourceDiscovery": _render(call, call.tx.write(discovery, doc))}


def delete_discovery(
    call: WriteCall, request: shapes.DeleteIpamResourceDiscoveryRequest
) -> shapes.DeleteIpamResourceDiscoveryResult:
    """Delete a discovery that no IPAM sees by."""
    discovery = resources.one(call, records.IPAM_DISCOVERY, request["IpamResourceDiscoveryId"])
    if discovery.doc.is_default:
        raise errors.OperationNotPermitted(
            f"The resource discovery '{discovery.id}' is the default one, which goes with its IPAM."
        )
    if call.tx.by(records.IPAM_DISCOVERY_ASSOCIATION, "discovery", discovery.id):
        raise errors.DependencyViolation(
            f"The resource discovery '{discovery.id}' is associated with an IPAM."
        )
    call.tx.delete(discovery)
    return {"IpamResourceDiscovery": {**_render(call, discovery), "State": "delete-complete"}}


def associate(
    call: WriteCall, request: shapes.AssociateIpamResourceDiscoveryRequest
) -> shapes.AssociateIpamResourceDiscoveryResult:
    """Let an IPAM see by a discovery."""
    ipam = resources.one(call, records.IPAM, request["IpamId"])
    discovery = resources.one(call, records.IPAM_DISCOVERY, request["IpamResourceDiscoveryId"])
    for other in call.tx.by(records.IPAM_DISCOVERY_ASSOCIATION, "ipam", ipam.id):
        if other.doc.discovery_id == discovery.id:
            raise errors.InvalidParameterValue(
                f"The IPAM {ipam.id} is associated with {discovery.id} already: {other.id}."
            )
    made = DiscoveryAssociation(
        id=ids.make("ipam-res-disco-assoc", call.entropy(ids.ID_BYTES)),
        ipam_id=ipam.id,
        discovery_id=discovery.id,
        tags=tagset.of_new(request, records.IPAM_DISCOVERY_ASSOCIATION.name),
    )
    kind = records.IPAM_DISCOVERY_ASSOCIATION
    record = call.tx.insert(kind, call.account, made.id, made)
    return {"IpamResourceDiscoveryAssociation": _render_association(call, record)}


def disassociate(
    call: WriteCall, request: shapes.DisassociateIpamResourceDiscoveryRequest
) -> shapes.DisassociateIpamResourceDiscoveryResult:
    """Let an IPAM no longer see by a discovery; by its own it always does."""
    id = request["IpamResourceDiscoveryAssociationId"]
    association = resources.one(call, records.IPAM_DISCOVERY_ASSOCIATION, id)
    if association.doc.is_default:
        raise errors.OperationNotPermitted(f"The association '{id}' is its IPAM's default one.")
    call.tx.delete(association)
    shown = _render_association(call, association)
    return {"IpamResourceDiscoveryAssociation": {**shown, "State": "disassociate-complete"}}


def _find(
    call: Call, request: shapes.DescribeIpamResourceDiscoveriesRequest
) -> Iterable[DiscoveryRecord]:
    asked: list[str] = request.get("IpamResourceDiscoveryIds") or []
    if asked:
        return resources.several(call, records.IPAM_DISCOVERY, asked)
    return sorted(call.view.list(records.IPAM_DISCOVERY, call.account), key=lambda it: it.id)


def _render(call: Call, discovery: DiscoveryRecord) -> shapes.IpamResourceDiscovery:
    doc = discovery.doc
    return {
        "OwnerId": discovery.account,
        "IpamResourceDiscoveryId": discovery.id,
        "IpamResourceDiscoveryArn": arns.of(call, records.IPAM_DISCOVERY, discovery.id),
        "IpamResourceDiscoveryRegion": call.settings.region,
        "Description": doc.description or None,
        "OperatingRegions": [{"RegionName": name} for name in doc.regions],
        "IsDefault": doc.is_default,
        "State": ipams.state(doc.is_modified),
        "Tags": tagset.shown(doc.tags),
    }


def _find_associations(
    call: Call, request: shapes.DescribeIpamResourceDiscoveryAssociationsRequest
) -> Iterable[AssociationRecord]:
    asked: list[str] = request.get("IpamResourceDiscoveryAssociationIds") or []
    kind = records.IPAM_DISCOVERY_ASSOCIATION
    if asked:
        return resources.several(call, kind, asked)
    return sorted(call.view.list(kind, call.account), key=lambda it: it.id)


def _render_association(
    call: Call, association: AssociationRecord
) -> shapes.IpamResourceDiscoveryAssociation:
    doc = association.doc
    return {
        "OwnerId": association.account,
        "IpamResourceDiscoveryAssociationId": association.id,
        "IpamResourceDiscoveryAssociationArn": arns.of(
            call, records.IPAM_DISCOVERY_ASSOCIATION, association.id
        ),
        "IpamResourceDiscoveryId": doc.discovery_id,
        "IpamId": doc.ipam_id,
        "IpamArn": arns.of(call, records.IPAM, doc.ipam_id),
        "IpamRegion": call.settings.region,
        "IsDefault": doc.is_default,
        "ResourceDiscoveryStatus": "active",
        "State": "associate-complete",
        "Tags": tagset.shown(doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateIpamResourceDiscovery",
        does=Write(handle=create_discovery),
        honours=frozenset({"Description", "OperatingRegions"}),
        creates=(records.IPAM_DISCOVERY.name,),
    ),
    Action(
        service="ec2",
        name="ModifyIpamResourceDiscovery",
        does=Write(handle=modify_discovery),
        honours=frozenset(
            {
                "IpamResourceDiscoveryId",
                "Description",
                "AddOperatingRegions",
                "RemoveOperatingRegions",
            }
        ),
    ),
    Action(
        service="ec2",
        name="DeleteIpamResourceDiscovery",
        does=Write(handle=delete_discovery),
        honours=frozenset({"IpamResourceDiscoveryId"}),
    ),
    Action(
        service="ec2",
        name="AssociateIpamResourceDiscovery",
        does=Write(handle=associate),
        honours=frozenset({"IpamId", "IpamResourceDiscoveryId"}),
        creates=(records.IPAM_DISCOVERY_ASSOCIATION.name,),
    ),
    Action(
        service="ec2",
        name="DisassociateIpamResourceDiscovery",
        does=Write(handle=disassociate),
        honours=frozenset({"IpamResourceDiscoveryAssociationId"}),
    ),
    Action(
        service="ec2",
        name="DescribeIpamResourceDiscoveries",
        does=Listing(
            find=_find,
            render=_render,
            member="IpamResourceDiscoveries",
            filters=shownfilters.of(
                _render,
                "Description",
                "IpamResourceDiscoveryArn",
                "IpamResourceDiscoveryId",
                "IsDefault",
                "OwnerId",
                "State",
            ),
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"IpamResourceDiscoveryIds"}),
    ),
    Action(
        service="ec2",
        name="DescribeIpamResourceDiscoveryAssociations",
        does=Listing(
            find=_find_associations,
            render=_render_association,
            member="IpamResourceDiscoveryAssociations",
            filters=shownfilters.of(
                _render_association,
                "IpamArn",
                "IpamId",
                "IpamResourceDiscoveryAssociationId",
                "IpamResourceDiscoveryId",
                "IsDefault",
                "OwnerId",
                "ResourceDiscoveryStatus",
                "State",
            ),
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"IpamResourceDiscoveryAssociationIds"}),
    ),
)
