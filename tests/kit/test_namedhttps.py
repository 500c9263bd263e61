"""Who is reached at an address must have the name that was meant."""

import http.client
import os
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mallee.kit import namedhttps, pki
from mallee.kit.pki import Authority

TIMEOUT_S = 120.0


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def authority() -> Authority:
    return pki.create_authority("test", time.time())


@pytest.fixture
def port(authority: Authority) -> Iterator[int]:
    """Where a server answers whose certificate has the name `somebody`."""
    request = pki.make_request("somebody")
    grant = pki.Grant(name="somebody", now=time.time(), life_s=3600.0, hosts=("somebody",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with os.fdopen(os.memfd_create("somebody"), "wb") as file:
        file.write(pki.issue(authority, request.csr_pem, grant) + request.key_pem)
        file.flush()
        context.load_cert_chain(Path("/proc/self/fd") / str(file.fileno()))
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def reach(authority: Authority, port: int, name: str) -> namedhttps.Connection:
    trust = ssl.create_default_context(cadata=authority.certificate_pem.decode())
    return namedhttps.Connection(("127.0.0.1", port), name, trust, TIMEOUT_S)


def test_who_has_the_name_is_asked_at_any_address(authority: Authority, port: int) -> None:
    connection = reach(authority, port, "somebody")
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"ok"
    connection.close()


def test_who_has_another_name_is_told_nothing(authority: Authority, port: int) -> None:
    connection = reach(authority, port, "somebody-else")
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/")
    assert connection.sock is None
    with pytest.raises(http.client.CannotSendRequest):
        connection.request("GET", "/")
