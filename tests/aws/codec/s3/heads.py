"""Heads of requests for the tests of S3's codec, and what botocore would send."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import botocore.serialize

from tests.aws.codec import oracle


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: {"host": "127.0.0.1:8773"})


def head(method: str, target: str, **headers: str) -> Head:
    """Return the head of a request; underscores in names of headers stand for hyphens."""
    path, _, query = target.partition("?")
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Head(method, path, query, {"host": "127.0.0.1:8773", **given})


def sent_by_botocore(operation: str, request: Mapping[str, Any]) -> tuple[Head, bytes]:
    """Return the head and body that botocore's serializer makes, addressed by path."""
    described = oracle.botocore_model("s3")
    sent = _serializer().serialize_to_request(request, described.operation_model(operation))
    path, _, own = sent["url_path"].partition("?")
    parts = [own] if own else []
    for name, value in sent["query_string"].items():
        for one in value if isinstance(value, list) else [value]:
            parts.append(f"{quote(name, safe='-_.~')}={quote(str(one), safe='-_.~')}")
    headers = {name.lower(): value for name, value in sent["headers"].items()}
    body = sent["body"]
    made = Head(sent["method"], path, "&".join(parts), {"host": "127.0.0.1", **headers})
    return made, body.encode() if isinstance(body, str) else bytes(body)


@functools.cache
def _serializer() -> Any:
    return botocore.serialize.create_serializer("rest-xml")
