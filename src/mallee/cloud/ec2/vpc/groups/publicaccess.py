"""Block public access: an account's mode, and the VPCs and subnets that are freed of it.

Called through the action table, and for hosts, whose kernels stop what is blocked. An exclusion
ends with its VPC or subnet (`forget`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Read, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import accountsettings, resources, tagset
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network import publicaccess
from mallee.model.network.carried import PublicAccess
from mallee.model.network.networks import Subnet
from mallee.model.network.publicaccess import BlockMode, BlockPublicAccess, Exclusion, ExclusionMode

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 50
PREFIX = "vpcbpa-exclude"
Reader = store.View | store.Tx
ExclusionRecord = Record[Exclusion, None]


def of_subnet(view: Reader, account: str, subnet: Subnet) -> PublicAccess:
    """Return how far a subnet of an account's VPC may speak with the world."""
    mode = accountsettings.of(view, account).public_access.mode
    if mode is BlockMode.OFF:
        return PublicAccess.OPEN
    found = view.by(records.PUBLIC_ACCESS_EXCLUSION, "vpc", subnet.vpc_id)
    freed = (one.doc.mode for one in found if one.doc.subnet_id in ("", subnet.id))
    return publicaccess.level(mode, freed)


def forget(tx: store.Tx, *, vpc_id: str = "", subnet_id: str = "") -> None:
    """End the exclusions of a VPC or of a subnet that goes."""
    index, id = ("vpc", vpc_id) if vpc_id else ("subnet", subnet_id)
    for one in tx.by(records.PUBLIC_ACCESS_EXCLUSION, index, id):
        tx.delete(one)


# --- the mode ---


def _shown(call: Call, state: str) -> shapes.VpcBlockPublicAccessOptions:
    kept = accountsettings.of(resources.reader(call), call.account).public_access
    shown: shapes.VpcBlockPublicAccessOptions = {
        "AwsAccountId": call.account,
        "AwsRegion": call.settings.region,
        "State": state,
        "InternetGatewayBlockMode": kept.mode.value,
        "ManagedBy": "account",
        "ExclusionsAllowed": "allowed",
    }
    if kept.changed_at is not None:
        shown["LastUpdateTimestamp"] = kept.changed_at
    return shown


def describe_options(
    call: Call, _: shapes.DescribeVpcBlockPublicAccessOptionsRequest
) -> shapes.DescribeVpcBlockPublicAccessOptionsResult:
    """Show the account's mode."""
    kept = accountsettings.of(call.view, call.account).public_access
    state = "default-state" if kept.changed_at is None else "update-complete"
    return {"VpcBlockPublicAccessOptions": _shown(call, state)}


def modify_options(
    call: WriteCall, request: shapes.ModifyVpcBlockPublicAccessOptionsRequest
) -> shapes.ModifyVpcBlockPublicAccessOptionsResult:
    """Set the account's mode; hosts follow within moments."""
    said = request["InternetGatewayBlockMode"]
    mode = next((one for one in BlockMode if one.value == said), None)
    if mode is None:
        raise errors.InvalidParameterValue(
            f"Value ({said}) for parameter internetGatewayBlockMode is invalid."
        )
    kept = accountsettings.of(call.tx, call.account)
    wanted = BlockPublicAccess(mode=mode, changed_at=call.now)
    accountsettings.write(call.tx, call.account, replace(kept, public_access=wanted))
    return {"VpcBlockPublicAccessOptions": _shown(call, "update-in-progress")}


# --- exclusions ---


def create_exclusion(
    call: WriteCall, request: shapes.CreateVpcBlockPublicAccessExclusionRequest
) -> shapes.CreateVpcBlockPublicAccessExclusionResult:
    """Free a VPC or a subnet of the account's mode, which may be off for now."""
    named = [name for name in ("VpcId", "SubnetId") if name in request]
    if len(named) != 1:
        raise errors.InvalidParameterCombination("Give exactly one of VpcId and SubnetId.")
    if "SubnetId" in request:
        subnet = resources.one(call, records.SUBNET, request["SubnetId"])
        vpc_id, subnet_id = subnet.doc.vpc_id, subnet.id
    else:
        vpc_id, subnet_id = resources.one(call, records.VPC, request.get("VpcId", "")).id, ""
    for one in call.tx.by(records.PUBLIC_ACCESS_EXCLUSION, "vpc", vpc_id):
        if one.doc.subnet_id == subnet_id:
            raise errors.InvalidParameterValue(
                f"{subnet_id or vpc_id} has the exclusion {one.id} already: modify it."
            )
    if len(call.tx.list(records.PUBLIC_ACCESS_EXCLUSION, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.VpcBlockPublicAccessExclusionLimitExceeded(MAX_PER_ACCOUNT)
    made = Exclusion(
        id=ids.make(PREFIX, call.entropy(ids.ID_BYTES)),
        vpc_id=vpc_id,
        subnet_id=subnet_id,
        mode=_mode(request["InternetGatewayExclusionMode"]),
        created_at=call.now,
        changed_at=call.now,
        tags=tagset.of_new(request, records.PUBLIC_ACCESS_EXCLUSION.name),
    )
    record = call.tx.insert(records.PUBLIC_ACCESS_EXCLUSION, call.account, made.id, made)
    return {"VpcBlockPublicAccessExclusion": _render_in(call, record, "create-in-progress")}


def _mode(said: str) -> ExclusionMode:
    for one in ExclusionMode:
        if one.value == said:
            return one
    raise errors.InvalidParameterValue(
        f"Value ({said}) for parameter internetGatewayExclusionMode is invalid."
    )


def modify_exclusion(
    call: WriteCall, request: shapes.ModifyVpcBlockPublicAccessExclusionRequest
) -> shapes.ModifyVpcBlockPublicAccessExclusionResult:
    """Free more or less."""
    record = resources.one(call, records.PUBLIC_ACCESS_EXCLUSION, request["ExclusionId"])
    mode = _mode(request["InternetGatewayExclusionMode"])
    record = call.tx.write(record, replace(record.doc, mode=mode, changed_at=call.now))
    return {"VpcBlockPublicAccessExclusion": _render_in(call, record, "update-in-progress")}


def delete_exclusion(
    call: WriteCall, request: shapes.DeleteVpcBlockPublicAccessExclusionRequest
) -> shapes.DeleteVpcBlockPublicAccessExclusionResult:
    """Let the account's mode be over the VPC or subnet again."""
    record = resources.one(call, records.PUBLIC_ACCESS_EXCLUSION, request["ExclusionId"])
    call.tx.delete(record)
    return {"VpcBlockPublicAccessExclusion": _render_in(call, record, "delete-in-progress")}


def _find(
    call: Call, request: shapes.DescribeVpcBlockPublicAccessExclusionsRequest
) -> Iterable[ExclusionRecord]:
    asked: list[str] = request.get("ExclusionIds") or []
    if asked:
        return resources.several(call, records.PUBLIC_ACCESS_EXCLUSION, asked)
    own = call.view.list(records.PUBLIC_ACCESS_EXCLUSION, call.account)
    return sorted(own, key=lambda it: it.id)


def _state(record: ExclusionRecord) -> str:
    is_new = record.doc.changed_at == record.doc.created_at
    return "create-complete" if is_new else "update-complete"


def _render(call: Call, record: ExclusionRecord) -> shapes.VpcBlockPublicAccessExclusion:
    return _render_in(call, record, _state(record))


def _render_in(
    call: Call, record: ExclusionRecord, state: str
) -> shapes.VpcBlockPublicAccessExclusion:
    doc = record.doc
    return {
        "ExclusionId": record.id,
        "InternetGatewayExclusionMode": doc.mode.value,
        "ResourceArn": _arn(call, record),
        "State": state,
        "CreationTimestamp": doc.created_at,
        "LastUpdateTimestamp": doc.changed_at,
        "Tags": tagset.shown(doc.tags),
    }


def _arn(call: Call, record: ExclusionRecord) -> str:
    doc = record.doc
    path = f"subnet/{doc.subnet_id}" if doc.subnet_id else f"vpc/{doc.vpc_id}"
    return f"arn:aws:ec2:{call.settings.region}:{record.account}:{path}"


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeVpcBlockPublicAccessOptions",
        does=Read(handle=describe_options),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="ModifyVpcBlockPublicAccessOptions",
        does=Write(handle=modify_options),
        honours=frozenset({"InternetGatewayBlockMode"}),
    ),
    Action(
        service="ec2",
        name="CreateVpcBlockPublicAccessExclusion",
        does=Write(handle=create_exclusion),
        honours=frozenset({"VpcId", "SubnetId", "InternetGatewayExclusionMode"}),
        creates=(records.PUBLIC_ACCESS_EXCLUSION.name,),
    ),
    Action(
        service="ec2",
        name="ModifyVpcBlockPublicAccessExclusion",
        does=Write(handle=modify_exclusion),
        honours=frozenset({"ExclusionId", "InternetGatewayExclusionMode"}),
    ),
    Action(
        service="ec2",
        name="DeleteVpcBlockPublicAccessExclusion",
        does=Write(handle=delete_exclusion),
        honours=frozenset({"ExclusionId"}),
    ),
    Action(
        service="ec2",
        name="DescribeVpcBlockPublicAccessExclusions",
        does=Listing(
            find=_find,
            render=_render,
            member="VpcBlockPublicAccessExclusions",
            filters={
                "resource-arn": lambda call, it: (_arn(call, it),),
                "internet-gateway-exclusion-mode": lambda call, it: (it.doc.mode.value,),
                "state": lambda call, it: (_state(it),),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"ExclusionIds"}),
    ),
)
