import http.server
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.aws.signature import check, claims
from mallee.box import client
from mallee.kit import files
from mallee.model.configuration import settings
from mallee.model.layout import Layout
from tests.aws.signature.wires import Wire
from tests.cloud import running

SECRET = "secret"


class Server(http.server.BaseHTTPRequestHandler):
    """Answers what the test put there, and keeps the request."""

    answer: tuple[int, bytes] = (200, b"")
    seen: list[Wire]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append(Wire("POST", path, query, headers, body))
        status, data = self.answer
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[http.server.HTTPServer]:
    Server.seen = []
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def _access(server: http.server.HTTPServer) -> client.Access:
    return client.Access(
        endpoint=f"http://127.0.0.1:{server.server_port}",
        region="eu-test-1",
        account_id="111122223333",
        access_key_id="AKIAEXAMPLE",
        secret_access_key=SECRET,
    )


def test_a_call_is_signed_for_its_service(server: http.server.HTTPServer) -> None:
    Server.answer = (200, b"<R><DescribeHostsResult><Hosts/></DescribeHostsResult></R>")
    found = client.call(_access(server), "mallee", "DescribeHosts")
    assert found["Hosts"] == []
    claim = claims.parse(Server.seen[0], "mallee")
    assert claim.region == "eu-test-1"
    assert claim.signed_at is not None
    check.verify(claim, SECRET, claim.signed_at)


def test_an_error_is_raised_with_its_code(server: http.server.HTTPServer) -> None:
    error = b"<Error><Code>InvalidInstanceID.NotFound</Code><Message>gone</Message></Error>"
    Server.answer = (400, b"<Response><Errors>" + error + b"</Errors></Response>")
    with pytest.raises(client.Refused, match="gone") as caught:
        client.call(_access(server), "ec2", "DescribeInstances", {"InstanceIds": ["i-1"]})
    assert caught.value.code == "InvalidInstanceID.NotFound"


def test_a_cloud_that_does_not_answer_is_unreachable(server: http.server.HTTPServer) -> None:
    access = _access(server)
    server.shutdown()
    server.server_close()
    with pytest.raises(client.Unreachable, match=r"127\.0\.0\.1"):
        client.call(access, "mallee", "DescribeHosts")


@pytest.mark.parametrize("listen", ["::", "::1", "0.0.0.0"])
def test_its_own_machine_reaches_a_cloud_wherever_it_listens(listen: str) -> None:
    with running.fresh(listen=listen) as cloud:
        access = client.read_access(cloud.layout, cloud.settings)
        assert client.call(access, "mallee", "DescribeHosts")["Hosts"] == []
        place = f"https://{client.own_door(cloud.settings)}:{cloud.agents_port}/v1/authority"
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        with urllib.request.urlopen(place, context=trusting) as answer:
            assert answer.status == 200


def test_without_a_cloud_there_is_no_access(root_dir: Path) -> None:
    with pytest.raises(client.Unreachable, match="no cloud runs under"):
        client.read_access(Layout(root_dir), settings.Settings())


def test_access_follows_ports_and_credentials_and_hides_the_secret(root_dir: Path) -> None:
    layout = Layout(root_dir)
    for path in (layout.cloud_ports, layout.admin_credentials):
        path.parent.mkdir()
    files.write_json(layout.cloud_ports, {"services": 1234, "agents": 1235})
    files.write_json(
        layout.admin_credentials,
        {"account_id": "1", "access_key_id": "AKIA", "secret_access_key": SECRET},
    )
    held = settings.Settings(listen="0.0.0.0")
    access = client.read_access(layout, held)
    assert access.endpoint == "http://127.0.0.1:1234"
    assert SECRET not in repr(access)


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("page", [b"<html><p>It works!<br></html>", b"not found", b"", b"\xff"])
def test_what_answers_and_is_no_cloud_is_said(
    server: http.server.HTTPServer, status: int, page: bytes
) -> None:
    """Another server of the machine, or a proxy's page."""
    Server.answer = (status, page)
    said = f"answers as no cloud does, with HTTP status {status}"
    with pytest.raises(client.Unreachable, match=said):
        client.call(_access(server), "mallee", "DescribeHosts")
