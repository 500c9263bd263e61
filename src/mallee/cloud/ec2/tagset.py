"""Sets of tags: the labels that users put on their things, at creation and later.

Called by every noun of this room for tags at creation (`of_new`) and for showing them (`shown`).
CreateTags, DeleteTags and DescribeTags are in `tags`.
Filtering by tag is not its business: the pipeline does that for every listing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud.call import Request

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_TAGS = 50
MAX_KEY_LENGTH = 128
MAX_VALUE_LENGTH = 256
RESERVED_PREFIX = "aws:"


def shown(tags: Mapping[str, str]) -> list[shapes.Tag]:
    """Return the tags as the API lists them, by key."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def of_new(request: Request, resource_type: str) -> dict[str, str]:
    """Return the checked tags that `TagSpecifications` gives to new things of that type."""
    return checked(
        tag
        for specification in request.get("TagSpecifications") or ()
        if specification.get("ResourceType") == resource_type
        for tag in specification.get("Tags") or ()
    )


def checked(given: Iterable[shapes.Tag]) -> dict[str, str]:
    """Return the tags by key; raise `InvalidParameterValue` or `TagLimitExceeded`."""
    tags: dict[str, str] = {}
    for tag in given:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if key in tags:
            raise errors.InvalidParameterValue(f"Duplicate tag key '{key}' specified.")
        _check_key(key)
        if len(value) > MAX_VALUE_LENGTH:
            raise errors.InvalidParameterValue(
                f"Tag value exceeds the maximum length of {MAX_VALUE_LENGTH} characters"
            )
        tags[key] = value
    if len(tags) > MAX_TAGS:
        raise errors.TagLimitExceeded
    return tags


def _check_key(key: str) -> None:
    if not key:
        raise errors.InvalidParameterValue("Tag key cannot be null or empty")
    if len(key) > MAX_KEY_LENGTH:
        raise errors.InvalidParameterValue(
            f"Tag key exceeds the maximum length of {MAX_KEY_LENGTH} characters"
        )
    check_own((key,))


def is_own(key: str) -> bool:
    """Tell whether a tag is its user's: the others are services' to give and to take."""
    return not key.startswith(RESERVED_PREFIX)


def check_own(keys: Iterable[str]) -> None:
    """Raise `InvalidParameterValue` unless all tags of these keys are users'."""
    if not all(map(is_own, keys)):
        raise errors.InvalidParameterValue(
            "Tag keys starting with 'aws:' are reserved for internal use"
        )
