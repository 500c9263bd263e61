"""Headers of S3 that stand in the query, where presigning clients put them.

A link can carry no headers, so `x-amz-acl` and its like, the type and the MD5 of a body are
parameters of the link and mean the same. Called by all that read S3's headers: routing, decoding,
and both versions of signatures.
"""

import functools
import re
from collections.abc import Mapping

from mallee.aws import errors
from mallee.aws.signature import canonical, wire

PREFIX = "x-amz-"
OF_BODIES = ("content-md5", "content-type")
_MAY_HOLD = re.compile("x-amz-|content-", re.IGNORECASE)
_OF_SIGNATURES = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-region-set",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)


def headers_of(head: wire.Head) -> Mapping[str, str]:
    """Return the headers with those of the query; refuse one that is there in two ways."""
    if not _MAY_HOLD.search(head.query):
        return head.headers
    hoisted = _in_query(head.query)
    if not hoisted:
        return head.headers
    found = dict(head.headers)
    for name, value in hoisted:
        lowered = name.lower()
        if found.setdefault(lowered, value) != value:
            raise errors.s3.InvalidArgument(
                "A header stands in the query and in the head, or twice, with different values.",
                argument=name[:100],
            )
    return found


@functools.lru_cache(maxsize=16)
def _in_query(raw: str) -> canonical.Pairs:
    """Return the parameters that are headers; remembered while one request is looked at."""
    return tuple(pair for pair in canonical.split_query(raw) if _is_header(pair[0].lower()))


def _is_header(name: str) -> bool:
    return name in OF_BODIES or (name.startswith(PREFIX) and name not in _OF_SIGNATURES)
