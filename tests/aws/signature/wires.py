"""Requests as they arrive, signed by botocore: the oracle that our verification is held to."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock
from urllib.parse import quote, urlsplit

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY_ID, SECRET = "AKIAEXAMPLE", "sEcReT/with+signs="
NOW = datetime.datetime(2026, 11, 21, 8, 0, 0, tzinfo=datetime.UTC).timestamp()


@dataclass(frozen=True)
class Wire:
    """A request as it arrives."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@contextmanager
def clock_at(seconds: float) -> Iterator[None]:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    with (
        mock.patch("botocore.auth.get_current_datetime", return_value=moment.replace(tzinfo=None)),
        mock.patch("time.gmtime", return_value=moment.timetuple()),
    ):
        yield


def sign(
    signer: type, request: Wire, *, service: str = "sts", at: float = NOW, token: str | None = None
) -> Wire:
    """Let botocore sign, and return what it would put on the wire."""
    url = f"http://cloud.example:8773{request.path}" + (f"?{request.query}" * bool(request.query))
    aws = AWSRequest(request.method, url, dict(request.headers), request.body)
    who = Credentials(KEY_ID, SECRET, token)
    with clock_at(at):
        if signer is botocore.auth.SigV2Auth:
            signer(who).add_auth(aws)
        else:
            signer(who, service, "us-east-1").add_auth(aws)
    if signer is botocore.auth.SigV2Auth:
        pairs = "&".join(f"{quote(k, '')}={quote(v, safe='-_~')}" for k, v in aws.params.items())
        return Wire("GET", request.path, pairs, {"host": "cloud.example:8773"})
    parts = urlsplit(aws.url)
    headers = {name.lower(): value for name, value in aws.headers.items()}
    headers.setdefault("host", "cloud.example:8773")
    return Wire(request.method, parts.path, parts.query, headers, request.body)


V4, V4_QUERY, V2 = botocore.auth.SigV4Auth, botocore.auth.SigV4QueryAuth, botocore.auth.SigV2Auth
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
POST = Wire("POST", "/", headers=FORM, body=b"Action=GetCallerIdentity&Version=2011-06-15")
GET = Wire("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15")
