"""Requests made by hand: signed by botocore's signers, then sent, or spoilt and sent."""

import datetime
import http.client
import re
from collections.abc import Mapping
from dataclasses import dataclass
from unittest import mock
from urllib.parse import urlencode

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FORM = "application/x-www-form-urlencoded; charset=utf-8"
VERSIONS = {"ec2": "2016-11-15", "sts": "2011-06-15", "iam": "2010-05-08", "mallee": "2026-11-21"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def code(self) -> str:
        """The error's code."""
        found = re.search(r"<Code>(.*?)</Code>", self.text)
        return found.group(1) if found else ""

    @property
    def message(self) -> str:
        """The error's message."""
        found = re.search(r"<Message>(.*?)</Message>", self.text)
        return found.group(1) if found else ""

    def element(self, name: str) -> str:
        """The text of the first element of that name."""
        return self.text.partition(f"<{name}>")[2].partition(f"</{name}>")[0]


class Sender:
    """Sends hand-made requests to a port of this host."""

    def __init__(self, port: int, key: Mapping[str, str]) -> None:
        self.port = port
        self.key = key

    def ask(self, service: str, action: str, **parameters: str) -> Answer:
        """Send a correctly signed POST."""
        return self.send(self.signed(service, {"Action": action, **parameters}))

    def signed(
        self,
        service: str,
        parameters: Mapping[str, str],
        *,
        path: str = "/",
        at: datetime.datetime | None = None,
        secret: str | None = None,
    ) -> AWSRequest:
        """A POST with a SigV4 header, as of now or another time."""
        body = urlencode({"Version": VERSIONS.get(service, "2016-11-15"), **parameters})
        request = AWSRequest("POST", self.url(path), {"Content-Type": FORM}, body)
        credentials = Credentials(
            self.key["access_key_id"],
            secret or self.key["secret_access_key"],
            self.key.get("session_token"),
        )
        with _clock(at):
            auth.SigV4Auth(credentials, service, "us-east-1").add_auth(request)
        return request

    def presigned(self, service: str, parameters: Mapping[str, str], life_s: int) -> AWSRequest:
        """A GET with a SigV4 signature in its query."""
        query = urlencode({"Version": VERSIONS[service], **parameters})
        request = AWSRequest("GET", f"{self.url('/')}?{query}", {})
        credentials = Credentials(self.key["access_key_id"], self.key["secret_access_key"])
        signer = auth.SigV4QueryAuth(credentials, service, "us-east-1", expires=life_s)
        signer.add_auth(request)
        return request

    def signed_v2(self, parameters: Mapping[str, str], path: str = "/") -> AWSRequest:
        """A POST with a SigV2 signature among its parameters, as euca2ools sends it."""
        request = AWSRequest("POST", self.url(path), {"Content-Type": FORM})
        request.data = dict(parameters)
        credentials = Credentials(self.key["access_key_id"], self.key["secret_access_key"])
        auth.SigV2Auth(credentials).add_auth(request)
        return request

    def send(self, request: AWSRequest) -> Answer:
        prepared = request.prepare()
        target = prepared.url.partition(f":{self.port}")[2]
        return self.send_raw(prepared.method, target, dict(prepared.headers), prepared.body)

    def send_raw(
        self, method: str, target: str, headers: Mapping[str, str], body: object = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            headers = {k: v.decode() if isinstance(v, bytes) else v for k, v in headers.items()}
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
            lowered = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, lowered, text)
        finally:
            connection.close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def _clock(at: datetime.datetime | None) -> "mock._patch[object]":
    now = at or datetime.datetime.now(datetime.UTC)
    return mock.patch("botocore.auth.get_current_datetime", return_value=now.replace(tzinfo=None))
