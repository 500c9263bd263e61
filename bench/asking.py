"""Requests as a client's library would send them, but cheap to send: one kept connection.

What botocore spends on building and parsing is not the server's time; here a request is signed once
more and sent as bytes, and the answer's body is read and not parsed.
"""

# botocore has no types of its own.
# pyright: reportUnknownMemberType=false

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_VERSION = "2016-11-15"


class Refused(Exception):
    """The server's answer is not 200; the message holds its body."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A request that waits to be sent."""

    body: bytes
    headers: dict[str, str]


@dataclass(slots=True)
class Client:
    """A kept connection to an EC2 endpoint on this host, and the key that signs."""

    port: int
    access_key_id: str
    secret_access_key: str
    region: str = "us-east-1"
    _connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, action: str, parameters: Mapping[str, str] | None = None) -> bytes:
        """Send one EC2 action; return the answer's body; raises `Refused`."""
        return self.send(self.sign(action, parameters or {}))

    def sign(self, action: str, parameters: Mapping[str, str]) -> Signed:
        """Make the request, as of now, for `send` to send when its time counts."""
        form = {"Action": action, "Version": _VERSION, **parameters}
        body = urlencode(form).encode()
        url, headers = f"http://127.0.0.1:{self.port}/", {"Content-Type": _FORM}
        request = AWSRequest(method="POST", url=url, data=body, headers=headers)
        credentials = Credentials(self.access_key_id, self.secret_access_key)
        auth.SigV4Auth(credentials, "ec2", self.region).add_auth(request)
        return Signed(body, dict(request.headers))

    def send(self, request: Signed) -> bytes:
        """Send a signed request; return the answer's body; raises `Refused`."""
        self._connection.request("POST", "/", request.body, request.headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise Refused(content.decode(errors="replace"))
        return content

    def get_root(self) -> int:
        """Ask for `/` without a signature, the emptiest request there is; return the status."""
        self._connection.request("GET", "/")
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
