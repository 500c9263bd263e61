"""Tags of keys. Policies ask for them as `aws:ResourceTag`.

Called through the action table; `checked` by what makes a key.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Pages, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.kms import materials, naming, rows

TAGS_MAX = 50
_RESERVED = "aws:"


def checked(old: Mapping[str, str], given: Iterable[Request]) -> dict[str, str]:
    """Return the tags with others set; raise `TagException`, `LimitExceededException`."""
    new: dict[str, str] = {}
    for tag in given:
        key: str = tag["TagKey"]
        if key.lower().startswith(_RESERVED):
            raise errors.kms.TagException(f"The tag key {key} is reserved.")
        if key in new:
            raise errors.kms.TagException("Duplicate tag keys are not allowed.")
        new[key] = tag["TagValue"]
    tags = {**old, **new}
    if len(tags) > TAGS_MAX:
        raise errors.kms.LimitExceededException(f"A key has {TAGS_MAX} tags at most.")
    return tags


def tag(call: WriteCall, asked: Request) -> Result:
    """Set tags of a key."""
    record = naming.own(call, asked["KeyId"])
    rows.check_own_to_change(call, record)
    materials.check_kept(call, record)
    call.tx.write(record, replace(record.doc, tags=checked(record.doc.tags, asked["Tags"])))
    return {}


def untag(call: WriteCall, asked: Request) -> Result:
    """Take tags off a key; twice is once."""
    record = naming.own(call, asked["KeyId"])
    rows.check_own_to_change(call, record)
    materials.check_kept(call, record)
    gone = set(asked["TagKeys"])
    kept = {key: value for key, value in record.doc.tags.items() if key not in gone}
    call.tx.write(record, replace(record.doc, tags=kept))
    return {}


def _find(call: Call, asked: Request) -> list[tuple[str, str]]:
    return list(naming.own(call, asked["KeyId"]).doc.tags.items())


def _render(_call: Call, tag: tuple[str, str]) -> dict[str, str]:
    return {"TagKey": tag[0], "TagValue": tag[1]}


ACTIONS = (
    rows.of_key("TagResource", Write(handle=tag), "Tags"),
    rows.of_key("UntagResource", Write(handle=untag), "TagKeys"),
    rows.of_key(
        "ListResourceTags",
        Pages(find=_find, render=_render, member="Tags", key=lambda one: one[0], words=rows.WORDS),
    ),
)
