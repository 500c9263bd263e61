"""Tags of lifecycle policies. Policies of IAM ask for them as `aws:ResourceTag`.

Called through the action table; `checked` by what makes a policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.dlm import naming

if TYPE_CHECKING:
    from mallee.aws.types import dlm as shapes

TAGS_MAX = 50


def checked(old: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the tags with others set; raise `InvalidRequestException` when they are too many."""
    tags = {**old, **given}
    if len(tags) > TAGS_MAX:
        raise errors.dlm.InvalidRequestException(f"A policy has {TAGS_MAX} tags at most.")
    return tags


def tag(call: WriteCall, asked: shapes.TagResourceRequest) -> Result:
    """Set tags of a policy."""
    record = naming.by_arn(call, asked["ResourceArn"])
    call.tx.write(record, replace(record.doc, tags=checked(record.doc.tags, asked["Tags"])))
    return {}


def untag(call: WriteCall, asked: shapes.UntagResourceRequest) -> Result:
    """Take tags off a policy; twice is once."""
    record = naming.by_arn(call, asked["ResourceArn"])
    gone = set(asked["TagKeys"])
    kept = {key: value for key, value in record.doc.tags.items() if key not in gone}
    call.tx.write(record, replace(record.doc, tags=kept))
    return {}


def list_tags(call: Call, asked: shapes.ListTagsForResourceRequest) -> Result:
    """Show the tags of a policy."""
    return {"Tags": naming.by_arn(call, asked["ResourceArn"]).doc.tags}


ACTIONS = (
    naming.of_policy("TagResource", Write(handle=tag), "ResourceArn", "Tags"),
    naming.of_policy("UntagResource", Write(handle=untag), "ResourceArn", "TagKeys"),
    naming.of_policy("ListTagsForResource", Read(handle=list_tags), "ResourceArn"),
)
