"""Which process a request is for: that of S3, or the cloud's own, which serves all else.

One address serves both, so each asks here about the first bytes of every request, its whole head or
as much as came. Nothing is believed for it but where the request goes: whoever gets it checks it
anew. Called for each request by `cloud.handover` and by the gateway of guests in the agent, so it
costs a few look-ups in the bytes. Not its business: which of S3's operations, and which of the
other services (`cloud.services`).
"""

import re
from collections.abc import Mapping

_END = b"\r\n\r\n"
_ANY_SCOPE = b"aws4_request"
_SCOPE = re.compile(
    rb"(?:[ \t,]|[?&]X-Amz-)Credential=[^\s,&]*?(?:/|%2[Ff])([a-z0-9-]*)(?:/|%2[Ff])aws4_request"
)
"""The service in the scope of a signature."""
_SCOPES = frozenset({b"s3", b"ebs"})
"""Services that the process of S3 serves: where objects are, the blocks of snapshots are too."""
_CREDENTIAL_BYTES = 512
"""What is looked at before a scope's end: a credential is shorter."""
_HOST = re.compile(rb"\r\nhost:[ \t]*([^\r\n]*)", re.IGNORECASE)
_V2_HEADER = re.compile(rb"\r\nauthorization:[ \t]*AWS [^\r\n]", re.IGNORECASE)
_OF_OBJECTS = re.compile(
    rb"(?:.*\.)?(?:s3|objectstorage|walrus)(?:[.:-].*)?|ebs[.:].*", re.IGNORECASE
)
"""Names of S3's endpoint: `s3.…`, `s3-website.…`, `BUCKET.s3.…`, and Eucalyptus'."""
_FROM_SDK = re.compile(rb"\r\n(?:amz-sdk-|x-amz-)", re.IGNORECASE)
"""A header that only programs send; those of other services POST, or name an action."""
_OLD_PATH = re.compile(rb"/services/([^/?]*)", re.IGNORECASE)
_OLD_NAMES = frozenset({b"objectstorage", b"walrus"})


def is_for_objects(data: bytes) -> bool:
    """Tell whether a request is S3's: by signature, host, or path, the surest first.

    What follows its head, a body or the next request, says nothing of it.
    """
    end = data.find(_END)
    head = data if end < 0 else data[: end + 2]
    place = head.find(_ANY_SCOPE)
    scope = _SCOPE.search(head, max(0, place - _CREDENTIAL_BYTES)) if place > 0 else None
    if scope is not None:
        return scope.group(1) in _SCOPES
    if _V2_HEADER.search(head):
        return True
    line = head[: head.find(b"\r\n")]
    method, _, target = line.partition(b" ")
    path, _, query = target.partition(b" ")[0].partition(b"?")
    old = _OLD_PATH.match(path)
    if old is not None:
        return old.group(1).lower() in _OLD_NAMES
    host = _HOST.search(head)
    if host is not None and _OF_OBJECTS.fullmatch(host.group(1)):
        return True
    # Whatever else is at another path than the root is a bucket's, or nobody's.
    if path not in (b"", b"/") or method == b"OPTIONS" or _is_signed_for_objects(query):
        return True
    # At the root a person reads a greeting, and a program without a key asks for its buckets.
    return method in (b"GET", b"HEAD") and b"Action=" not in query and _is_from_sdk(head, query)


def _is_from_sdk(head: bytes, query: bytes) -> bool:
    return b"x-id=" in query or _FROM_SDK.search(head) is not None


def is_for_blocks(headers: Mapping[str, str], query: str) -> bool:
    """Tell whether a request that is S3's process's is for the blocks of snapshots."""
    said = " " + headers.get("authorization", "")
    scope = _SCOPE.search(said.encode("utf-8", "replace")) or _SCOPE.search(
        b"?" + query.encode("utf-8", "replace")
    )
    if scope is not None:
        return scope.group(1) == b"ebs"
    return headers.get("host", "").lower().startswith(("ebs.", "ebs:"))


def is_for_others(head: bytes) -> bool:
    """Tell whether a request is for the cloud's own process."""
    return not is_for_objects(head)


def _is_signed_for_objects(query: bytes) -> bool:
    """Tell whether a query has the old signature of S3, and no action of another service."""
    return b"AWSAccessKeyId=" in query and b"Expires=" in query and b"Action=" not in query
