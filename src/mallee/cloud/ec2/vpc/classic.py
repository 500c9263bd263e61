"""What is left of EC2-Classic: questions that old clients still ask, and that have one answer.

Called through the action table. There is no network but VPCs: nothing is linked, and no address is
on its way. What would change that is no row and refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.network.networks import Vpc

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

VpcRecord = Record[Vpc, None]


def _find(call: Call, request: shapes.DescribeVpcClassicLinkRequest) -> Iterable[VpcRecord]:
    asked: list[str] = request.get("VpcIds") or []
    if asked:
        return resources.several(call, records.VPC, asked)
    return sorted(call.view.list(records.VPC, call.account), key=lambda vpc: vpc.id)


def _render_link(call: Call, vpc: VpcRecord) -> shapes.VpcClassicLink:
    return {
        "VpcId": vpc.id,
        "ClassicLinkEnabled": False,
        "Tags": tagset.shown(vpc.doc.tags),
    }


def _render_names(call: Call, vpc: VpcRecord) -> shapes.ClassicLinkDnsSupport:
    return {"VpcId": vpc.id, "ClassicLinkDnsSupported": False}


def _none(call: Call, request: Any) -> Iterable[VpcRecord]:
    return ()


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeVpcClassicLink",
        does=Listing(
            find=_find,
            render=_render_link,
            member="Vpcs",
            filters={"is-classic-link-enabled": lambda call, vpc: ("false",)},
            tags=lambda vpc: vpc.doc.tags,
        ),
        honours=frozenset({"VpcIds"}),
    ),
    Action(
        service="ec2",
        name="DescribeVpcClassicLinkDnsSupport",
        does=Listing(
            find=_find,
            render=_render_names,
            member="Vpcs",
            filters={},
            max_results=(5, 255),
        ),
        honours=frozenset({"VpcIds"}),
    ),
    Action(
        service="ec2",
        name="DescribeMovingAddresses",
        does=Listing(
            find=_none,
            render=_render_link,
            member="MovingAddressStatuses",
            filters={"moving-status": lambda call, it: ()},
        ),
        honours=frozenset(),
    ),
)
