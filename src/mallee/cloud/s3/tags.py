"""Tags, as S3 has them: checked, read from requests and headers, written into answers.

Called by whatever sets tags. Not its business: where they are kept (`tagging`).
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from mallee.aws import errors
from mallee.cloud.s3.rows import Asked

OF_OBJECT_MAX = 10
OF_BUCKET_MAX = 50
KEY_MAX = 128
VALUE_MAX = 256

_ALLOWED = re.compile(r"[\w\s+\-=.:/@]*")


def read(found: Iterable[Asked], most: int = OF_BUCKET_MAX) -> dict[str, str]:
    """Return a list of tags as a mapping; raise `InvalidTag`."""
    tags: dict[str, str] = {}
    for one in found:
        key: str = one.get("Key") or ""
        value: str = one.get("Value") or ""
        _check(key, value)
        if key in tags:
            raise errors.s3.InvalidTag("Cannot provide multiple Tags with the same key")
        tags[key] = value
    if len(tags) > most:
        raise errors.s3.BadRequest(f"Object tags cannot be greater than {most}")
    return tags


def parse_header(text: str) -> dict[str, str]:
    """Return the tags in a header `x-amz-tagging`, which is written as a query."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True) if text else []
    except ValueError as error:
        raise errors.s3.InvalidArgument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
            "parameters without tag name duplicates.",
            argument="x-amz-tagging",
        ) from error
    return read(({"Key": key, "Value": value} for key, value in pairs), OF_OBJECT_MAX)


def shown(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as answers have them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _check(key: str, value: str) -> None:
    if not key or len(key) > KEY_MAX or not _ALLOWED.fullmatch(key):
        raise errors.s3.InvalidTag("The TagKey you have provided is invalid", key=key[:KEY_MAX])
    if len(value) > VALUE_MAX or not _ALLOWED.fullmatch(value):
        raise errors.s3.InvalidTag("The TagValue you have provided is invalid", key=key)
    if key.lower().startswith("aws:"):
        raise errors.s3.InvalidTag("System tags cannot be added/updated by requester", key=key)
