"""The network that a bare guest needs: a tap, DHCP by dnsmasq, and a metadata service.

Stands in for the cloud on the bare half of a benchmark and in the tests of images. It must be used
in a network namespace of the caller's own: it takes fixed addresses and link names there.
"""

import subprocess
import tempfile
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

METADATA_ADDRESS = "169.254.169.254"
NETWORK = "10.77.0"
GATEWAY = f"{NETWORK}.1"
TOKEN = "a-token-of-the-wire"


@dataclass(slots=True)
class Metadata:
    """What the metadata service says: paths below `/latest/`."""

    values: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Paths that were asked for with the token, in order."""


@dataclass(frozen=True, slots=True)
class Port:
    """A guest's place on the wire."""

    tap: str
    mac: str
    address: str
    hostname: str


def ports(count: int) -> tuple[Port, ...]:
    """So many places, each with its own tap, MAC and address."""
    return tuple(
        Port(f"wire{n}", f"02:00:00:77:00:{n:02x}", f"{NETWORK}.{10 + n}", f"guest-{n}")
        for n in range(count)
    )


@contextmanager
def wire(places: Sequence[Port], metadata: Metadata) -> Generator[None]:
    """Make the network for those places; take it away at the end."""
    _run("ip", "link", "add", "wire", "type", "bridge")
    try:
        for address in (f"{GATEWAY}/24", f"{METADATA_ADDRESS}/32"):
            _run("ip", "address", "add", address, "dev", "wire")
        _run("ip", "link", "set", "wire", "up")
        for place in places:
            _run("ip", "tuntap", "add", place.tap, "mode", "tap")
            _run("ip", "link", "set", place.tap, "master", "wire", "up")
        with _dhcp(places), _service(metadata):
            yield
    finally:
        for place in places:
            subprocess.run(["ip", "link", "delete", place.tap], check=False, capture_output=True)
        _run("ip", "link", "delete", "wire")


@contextmanager
def _dhcp(places: Sequence[Port]) -> Generator[None]:
    with tempfile.TemporaryDirectory() as folder:
        leases = Path(folder) / "leases"
        hosts = [f"--dhcp-host={p.mac},{p.address},{p.hostname}" for p in places]
        options = ["--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--no-ping"]
        options += ["--interface=wire", "--bind-interfaces", f"--dhcp-range={NETWORK}.0,static"]
        options += [f"--dhcp-leasefile={leases}", "--user=root", "--pid-file="]
        options += [f"--dhcp-option=option:router,{GATEWAY}", "--dhcp-authoritative"]
        server = subprocess.Popen(
            ["dnsmasq", *options, *hosts],
            stdout=subprocess.DEVNULL,
            stderr=(Path(folder) / "log").open("wb"),
        )
        try:
            yield
        finally:
            server.terminate()
            server.wait(timeout=60)


@contextmanager
def _service(metadata: Metadata) -> Generator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            self._answer(TOKEN.encode() if self.path == "/latest/api/token" else None)

        def do_GET(self) -> None:
            path = self.path.removeprefix("/latest/")
            if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
                self.send_error(401)
                return
            metadata.asked.append(path)
            self._answer(metadata.values.get(path))

        def _answer(self, body: bytes | None) -> None:
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((METADATA_ADDRESS, 80), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)
