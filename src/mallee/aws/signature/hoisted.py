"""Headers of S3 that stand in the query, where presigning clients put them.

A link can carry no headers, so `x-amz-acl` and its like, the type and the MD5 of a body are
parameters of the link and mean the same; only what could stand in a head may. Called by all that
read S3's headers: routing, decoding, and both versions of signatures.
"""

import functools
import re
from collections.abc import Mapping

from mallee.aws import errors
from mallee.aws.signature import canonical, wire

PREFIX = "x-amz-"
OF_BODIES = ("content-md5", "content-type")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
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
    hoisted = _in_query(head.query) if head.query else ()
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


def check(name: str, value: str) -> None:
    """Raise for what no head could say: it would end its line, in an answer or where it is signed.

    Called for what says headers elsewhere: here, and in forms.
    """
    if _NAME.fullmatch(name) is None or _CONTROL.search(value):
        raise errors.s3.InvalidArgument("This cannot stand in a header.", argument=name[:100])


@functools.lru_cache(maxsize=16)
def _in_query(raw: str) -> canonical.Pairs:
    """Return the parameters that are headers; remembered while one request is looked at."""
    if not _MAY_HOLD.search(raw):
        return ()
    found = tuple([pair for pair in canonical.split_query(raw) if _is_header(pair[0].lower())])
    for name, value in found:
        check(name, value)
    return found


def _is_header(name: str) -> bool:
    return name in OF_BODIES or (name.startswith(PREFIX) and name not in _OF_SIGNATURES)
