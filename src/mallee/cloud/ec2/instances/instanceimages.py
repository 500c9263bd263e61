"""DescribeInstanceImageMetadata: of what image each instance was made, as far as that is told.

Called through the action table. An image that is gone, or is another account's own by now, is
known by its id alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, tagset, zones
from mallee.cloud.ec2.images import allowed, sharing, standing
from mallee.cloud.ec2.instances import instancefilters, instances, power
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.state import records

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def _find(
    call: Call, request: shapes.DescribeInstanceImageMetadataRequest
) -> Iterable[InstanceRecord]:
    asked: list[str] = request.get("InstanceIds") or []
    if asked:
        return resources.several(call, records.INSTANCE, asked)
    return call.view.list(records.INSTANCE, call.account)


def _render(call: Call, record: InstanceRecord) -> shapes.InstanceImageMetadata:
    doc = record.doc
    return {
        "InstanceId": record.id,
        "InstanceType": doc.type_name,
        "LaunchTime": doc.launched_at,
        "AvailabilityZone": doc.zone,
        "ZoneId": zones.id_of(doc.zone, call.settings.region),
        "State": power.shown(power.state_of(record)),
        "OwnerId": record.account,
        "Tags": tagset.shown(doc.tags),
        "ImageMetadata": _image(call, doc.image_id),
    }


def _image(call: Call, image_id: str) -> shapes.ImageMetadata:
    image = call.view.get(records.IMAGE, image_id)
    if image is None or not sharing.may_use(image, call.account):
        return {"ImageId": image_id}
    return {
        "ImageId": image_id,
        "Name": image.doc.name,
        "OwnerId": image.account,
        "State": image.doc.state,
        "CreationDate": resources.moment(image.doc.created_at),
        "DeprecationTime": standing.deprecation_time(image),
        "ImageAllowed": allowed.said(call.view, image, call.account, call.now),
        "IsPublic": image.doc.is_public,
    }


def _is_allowed(call: Call, record: InstanceRecord) -> Iterable[str]:
    said = _image(call, record.doc.image_id).get("ImageAllowed")
    return () if said is None else (resources.boolean(said),)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeInstanceImageMetadata",
        does=Listing(
            find=_find,
            render=_render,
            member="InstanceImageMetadata",
            filters={
                **instancefilters.STATE,
                "availability-zone": instancefilters.FILTERS["availability-zone"],
                "image-allowed": _is_allowed,
                "instance-id": lambda call, record: (record.id,),
                "instance-type": lambda call, record: (record.doc.type_name,),
                "launch-time": instancefilters.FILTERS["launch-time"],
                "owner-alias": lambda call, record: (),
                "owner-id": lambda call, record: (record.account,),
                "zone-id": instancefilters.FILTERS["availability-zone-id"],
            },
            tags=lambda record: record.doc.tags,
            key=instances.page_key,
            max_results=(1, 1000),
        ),
        honours=frozenset({"InstanceIds"}),
    ),
)
