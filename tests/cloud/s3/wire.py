"""S3 over a bare socket: requests that no well-behaved client would send, or not like that."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import botocore.auth
import botocore.awsrequest
import botocore.credentials

TIMEOUT_S = 120


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The error's code."""
        return self.body.decode().partition("<Code>")[2].partition("</Code>")[0]


class Wire:
    """One connection to a cloud's address."""

    def __init__(self, port: int, key: dict[str, str], receive_buffer: int = 0) -> None:
        self.host = f"127.0.0.1:{port}"
        self._who = botocore.credentials.Credentials(key["access_key_id"], key["secret_access_key"])
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect(("127.0.0.1", port))
        self._rest = b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def head(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        payload: str = "UNSIGNED-PAYLOAD",
    ) -> bytes:
        """Return a signed head."""

        class Auth(botocore.auth.S3SigV4Auth):
            def payload(self, request: Any) -> str:
                return payload

        request = botocore.awsrequest.AWSRequest(
            method=method, url=f"http://{self.host}{quote(path, safe='/?=&')}"
        )
        for name, value in (headers or {}).items():
            request.headers[name] = value
        Auth(self._who, "s3", "us-east-1").add_auth(request)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        return "\r\n".join((*lines, "", "")).encode()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def line(self) -> bytes:
        """Return the next head, as it came."""
        while b"\r\n\r\n" not in self._rest:
            got = self.socket.recv(65536)
            if not got:
                raise ConnectionResetError("closed before a head")
            self._rest += got
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        return head

    def reply(self, *, has_body: bool = True) -> Reply:
        """Return the next answer whole."""
        status, *lines = self.line().decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers.get("content-length", 0)) if has_body else 0
        while len(self._rest) < length:
            got = self.socket.recv(1 << 20)
            if not got:
                raise ConnectionResetError("closed within a body")
            self._rest += got
        body, self._rest = self._rest[:length], self._rest[length:]
        return Reply(int(status.split()[1]), headers, body)

    def pass_over(self, length: int) -> None:
        """Throw away so many bytes, which follow a head."""
        left = length - len(self._rest)
        self._rest = b""
        buffer = bytearray(1 << 20)
        while left:
            got = self.socket.recv_into(buffer, min(left, len(buffer)))
            if not got:
                raise ConnectionResetError("closed within a body")
            left -= got

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Send a request whole and return its answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Content-Length"] = str(len(body))
        self.send(self.head(method, path, named) + body)
        return self.reply(has_body=method != "HEAD")

    def is_closed(self) -> bool:
        """Wait until the other side closes; tell whether it does, with nothing more to say."""
        try:
            return not self._rest and not self.socket.recv(1)
        except ConnectionResetError:
            return True
