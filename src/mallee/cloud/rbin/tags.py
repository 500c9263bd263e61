"""Tags of rules. Policies ask for them as `aws:ResourceTag`.

Called through the action table; `checked` and `shown` by what makes and shows a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.rbin import naming

if TYPE_CHECKING:
    from mallee.aws.types import rbin as shapes

TAGS_MAX = 50
_RESERVED = "aws:"


def checked(old: Mapping[str, str], given: Iterable[shapes.Tag]) -> dict[str, str]:
    """Return the tags with others set; raise `ValidationException`, or that they are too many."""
    new: dict[str, str] = {}
    for tag in given:
        key = tag["Key"]
        if key.lower().startswith(_RESERVED):
            raise errors.rbin.ValidationException(f"The tag key {key} is reserved.")
        if key in new:
            raise errors.rbin.ValidationException(f"The tag key {key} is given twice.")
        new[key] = tag["Value"]
    tags = {**old, **new}
    if len(tags) > TAGS_MAX:
        raise errors.rbin.ServiceQuotaExceededException(f"A rule has {TAGS_MAX} tags at most.")
    return tags


def shown(tags: Mapping[str, str]) -> list[shapes.Tag]:
    """Return tags as the service shows them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag(call: WriteCall, asked: shapes.TagResourceRequest) -> Result:
    """Set tags of a rule, locked or not."""
    record = naming.by_arn(call, asked["ResourceArn"])
    call.tx.write(record, replace(record.doc, tags=checked(record.doc.tags, asked["Tags"])))
    return {}


def untag(call: WriteCall, asked: shapes.UntagResourceRequest) -> Result:
    """Take tags off a rule; twice is once."""
    record = naming.by_arn(call, asked["ResourceArn"])
    gone = set(asked["TagKeys"])
    kept = {key: value for key, value in record.doc.tags.items() if key not in gone}
    call.tx.write(record, replace(record.doc, tags=kept))
    return {}


def list_tags(
    call: Call, asked: shapes.ListTagsForResourceRequest
) -> shapes.ListTagsForResourceResponse:
    """Show the tags of a rule."""
    return {"Tags": shown(naming.by_arn(call, asked["ResourceArn"]).doc.tags)}


ACTIONS = (
    naming.of_rule("TagResource", Write(handle=tag), "ResourceArn", "Tags"),
    naming.of_rule("UntagResource", Write(handle=untag), "ResourceArn", "TagKeys"),
    naming.of_rule("ListTagsForResource", Read(handle=list_tags), "ResourceArn"),
)
