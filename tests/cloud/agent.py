"""An agent without a host: speaks to the agents' endpoint as a real one does."""

import http.client
import json
import ssl
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from mallee.kit import pki
from mallee.model.hosts.hosts import Capacity, HostFacts

FACTS = HostFacts(
    capacity=Capacity(vcpus=8, memory_mib=8192, disk_gib=100),
    acceleration="tcg",
    acceleration_reason="a test",
    hypervisor="none",
    agent_version="0",
    free_disk_bytes=50 << 30,
)


class Agent:
    """Calls the endpoint at `port`, with a certificate once it has one."""

    def __init__(self, port: int, ca_pem: str) -> None:
        self.port = port
        self.tls = ssl.create_default_context(cadata=ca_pem)
        self.host_id = ""

    def show(self, certificate_pem: str, key_pem: bytes) -> None:
        """Show this certificate from now on."""
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(certificate_pem.encode() + key_pem)
            self.tls.load_cert_chain(file.name)

    def join(self, token: str, name: str = "host-1", **more: str) -> tuple[int, Any]:
        """Join, and show the certificate from then on."""
        request = pki.make_request(name)
        asked = {"token": token, "csr_pem": request.csr_pem.decode(), "name": name, **more}
        status, answer = self.post("/v1/join", asked)
        if status == 200:
            self.host_id = answer["host_id"]
            self.show(answer["certificate_pem"], request.key_pem)
        return status, answer

    def renew(self) -> tuple[int, Any, bytes]:
        request = pki.make_request("whatever")
        status, answer = self.post("/v1/renew", {"csr_pem": request.csr_pem.decode()})
        return status, answer, request.key_pem

    def sync(self, generation: int = 0, wait_s: float = 0, **more: Any) -> Any:
        """Synchronise; return the answer, or raise when it was refused."""
        status, answer = self.post(
            "/v1/sync", {"known_generation": generation, "wait_s": wait_s, **more}
        )
        assert status == 200, answer
        return answer

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        status, content = self.call("POST", path, json.dumps(body).encode())
        return status, json.loads(content) if content else None

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Any = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=120, context=self.tls
        )
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@contextmanager
def speaking(agent: Agent) -> Generator[None]:
    """Let the agent be heard all the while, however slow the machine is."""
    is_over = threading.Event()

    def speak() -> None:
        while not is_over.wait(1.0):
            agent.sync(facts=msgspec.to_builtins(FACTS))

    agent.sync(facts=msgspec.to_builtins(FACTS))
    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
