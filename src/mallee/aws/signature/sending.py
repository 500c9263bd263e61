"""Requests to S3 that we make ourselves, signed (SigV4) with credentials for a while.

Called by hosts, and by the cloud where it reads what is a user's by that user's rights. Not its
business: connections, and what an answer means. Pure.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from mallee.aws.signature import check


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and where."""

    host: str
    port: int
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. The path is as it is sent, and has no letters that would be quoted anew."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """In small letters."""


def signed(caller: Caller, request: Request, now: float) -> dict[str, str]:
    """Return the headers of a request, signed (SigV4)."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    digest = hashlib.sha256(request.body).hexdigest()
    said = {
        **request.headers,
        "host": f"{caller.host}:{caller.port}",
        "x-amz-content-sha256": digest,
        "x-amz-date": moment,
        "x-amz-security-token": caller.token,
    }
    headers = dict(sorted(said.items()))
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    path, _, query = request.path.partition("?")
    canonical = f"{request.method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"
    scope = f"{moment[:8]}/{caller.region}/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}"
    key = check.signing_key(caller.secret_access_key, moment[:8], caller.region, "s3")
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={caller.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return headers
