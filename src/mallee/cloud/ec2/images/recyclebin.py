"""The recycle bin of images: listed, and taken out again.

Called through the action table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import binned
from mallee.cloud.ec2.images.images import ImageRecord
from mallee.cloud.state import records

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def _find(call: Call, request: shapes.ListImagesInRecycleBinRequest) -> list[ImageRecord]:
    return binned.several(call, records.IMAGE, request.get("ImageIds") or ())


def _render(call: Call, image: ImageRecord) -> shapes.ImageRecycleBinInfo:
    doc = image.doc
    assert doc.binned is not None
    return {
        "ImageId": image.id,
        "Name": doc.name,
        "Description": doc.description,
        "RecycleBinEnterTime": doc.binned.since,
        "RecycleBinExitTime": doc.binned.until,
    }


def restore(
    call: WriteCall, request: shapes.RestoreImageFromRecycleBinRequest
) -> shapes.RestoreImageFromRecycleBinResult:
    """Have a deregistered image back."""
    binned.take_out(call, binned.one(call, records.IMAGE, request["ImageId"]))
    return {"Return": True}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ListImagesInRecycleBin",
        does=Listing(
            find=_find, render=_render, member="Images", filters={}, max_results=(1, 1000)
        ),
        honours=frozenset({"ImageIds"}),
    ),
    Action(
        service="ec2",
        name="RestoreImageFromRecycleBin",
        does=Write(handle=restore),
        honours=frozenset({"ImageId"}),
    ),
)
