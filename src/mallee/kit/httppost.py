"""Sending a document to a server that a stranger named, over HTTP or HTTPS, within bounds.

Bounded in time, as `httpsfetch` is; no redirection is followed, of the answer nothing is believed
but its status, and addresses of this machine are not asked unless that is allowed. Blocks: callers
run it in a thread. Not its business: what the document means, and when to try again.
"""

import http.client
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from urllib.parse import urlsplit

from mallee.kit import httpsfetch
from mallee.kit.httpsfetch import Reach

_PROBLEMS = (OSError, http.client.HTTPException, ValueError)
"""What can be wrong with a server; `ssl.SSLError` is an `OSError`."""
_DRAINED_BYTES = 64 << 10


class Failed(Exception):
    """The server did not take the document; the message says why, for who named the server."""


def post(url: str, body: bytes, headers: Mapping[str, str], reach: Reach) -> None:
    """Send a document; return when the server says that it has it (2xx). Raises `Failed`."""
    try:
        status = _post(url, body, headers, reach)
    except httpsfetch.Unreachable as error:
        raise Failed(str(error)) from error
    except _PROBLEMS as error:
        raise Failed(f"{error or type(error).__name__}") from error
    if not 200 <= status < 300:
        raise Failed(f"HTTP {status}")


def _post(url: str, body: bytes, headers: Mapping[str, str], reach: Reach) -> int:
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_secret = parts.scheme == "https"
    port = parts.port or (443 if is_secret else 80)
    with ExitStack() as stack:
        connection: socket.socket = stack.enter_context(httpsfetch.connect(host, port, reach))
        stack.enter_context(httpsfetch.bounded(connection))
        if is_secret:
            trust = httpsfetch.trusted(reach)
            connection = stack.enter_context(trust.wrap_socket(connection, server_hostname=host))
        asking = http.client.HTTPConnection(host, port)
        asking.sock = connection
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        asking.request("POST", path, body, {**headers, "Connection": "close"})
        response = asking.getresponse()
        response.read(_DRAINED_BYTES)
        return response.status
