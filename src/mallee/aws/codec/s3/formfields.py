"""The fields of a form that uploads a file, as members of PutObject.

Called by S3's pipeline once `form.Form` has all of them. Not its business: the policy, which must
allow each of them (`signature.postpolicy`), and how the form is answered.
"""

from collections.abc import Mapping
from typing import Any

from mallee.aws import errors
from mallee.aws.codec.s3 import requests, routes
from mallee.aws.signature import canonical, hoisted

FILENAME = "${filename}"
"""Stands in the key for the name that the browser gives the file."""

_HEADERS = {"acl": "x-amz-acl"}
"""Fields that are headers under another name."""
_KEPT = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    }
)
"""Fields that come back as headers, beside S3's own."""


def decode(bucket: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the members of PutObject that the fields are; raise `errors.s3.S3Error`.

    `fields`: names in lower case, the key as `with_key` makes it. Fields that are no members (of
    the policy, of the answer) are passed over: the policy has named them.
    """
    values = {"Bucket": bucket, "Key": fields["key"]}
    values |= requests.members_of_headers("PutObject", headers(fields))
    if "tagging" in fields:
        values["Tagging"] = _tags(fields["tagging"])
    return values


def headers(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a put would have in place of the fields."""
    found = {_HEADERS.get(name, name): text for name, text in fields.items() if name != "tagging"}
    for name, text in found.items():
        if name.startswith(hoisted.PREFIX) or name in _KEPT:
            hoisted.check(name, text)
    return found


def with_key(fields: Mapping[str, str], filename: str) -> Mapping[str, str]:
    """Return the fields, the file's name put into the key; raise for a form without a key."""
    key = fields.get("key", "").replace(FILENAME, filename)
    if not key:
        raise errors.s3.InvalidArgument(
            "Bucket POST must contain a field named 'key'. If it is specified, please check the "
            "order of the fields.",
            argument="key",
        )
    routes.check_key(key)
    return {**fields, "key": key}


def _tags(text: str) -> str:
    """Return a form's tags, which are XML, as the header of PutObject has them."""
    body = text.encode("utf-8", "surrogateescape")
    tags = requests.members_of_body("PutObjectTagging", body)["Tagging"]["TagSet"]
    return "&".join(
        f"{canonical.encode(tag['Key'])}={canonical.encode(tag['Value'])}" for tag in tags
    )
