"""The cloud's process and that of S3 as they run: killed and started again one by one."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from msgspec.structs import replace

from mallee.model.configuration import settings
from mallee.model.configuration.settings import Ports, Settings
from mallee.model.layout import Layout
from tests.cloud import ends

START_TIMEOUT_S = 240
MODULES = {"cloud": "mallee.cloud.daemon", "s3": "mallee.cloud.s3.daemon"}


class Processes:
    """Both processes under one root, at the same port after every start."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.port = 0
        self.settings = Settings()
        self.first = ""
        """What each process does before its own program, in Python."""
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        """Start processes; return when both answer."""
        configured = replace(self.settings, ports=Ports(services=self.port, agents=0))
        self.layout.settings.write_text(settings.encode(configured))
        for name in names or tuple(MODULES):
            for path in self._signs(name):
                path.unlink(missing_ok=True)
            program = ("-c", _after(self.first, name)) if self.first else ("-m", MODULES[name])
            command = [sys.executable, *program, "--root", str(self.layout.root)]
            self.running[name] = subprocess.Popen(command)
        deadline = time.monotonic() + START_TIMEOUT_S
        for name in self.running:
            while not all(path.exists() for path in self._signs(name)):
                assert self.running[name].poll() is None, f"{name} ended before it answered"
                assert time.monotonic() < deadline, f"{name} does not answer"
                time.sleep(0.02)
        self.port = json.loads(self.layout.cloud_ports.read_text())["services"]

    def end(self, name: str, number: int = signal.SIGTERM) -> int:
        """End a process and those that it has forked; return its status."""
        return ends.end(self.running.pop(name), number)

    def restart(self, name: str, number: int = signal.SIGKILL) -> None:
        """End a process and start it again."""
        self.end(name, number)
        self.start(name)

    def client(self, service: str, attempts: int = 0, **options: Any) -> Any:
        """A boto3 client of the administrator."""
        key = json.loads(self.layout.admin_credentials.read_text())
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=key["access_key_id"],
            aws_secret_access_key=key["secret_access_key"],
            config=Config(
                retries={"max_attempts": attempts}, s3={"addressing_style": "path"}, **options
            ),
        )

    def _signs(self, name: str) -> tuple[Path, ...]:
        """Return the files that say that a process answers."""
        if name == "s3":
            return (self.layout.s3_door,)
        return (self.layout.cloud_ports, self.layout.cloud_door)


def _after(first: str, name: str) -> str:
    return f"{first}\nimport runpy\nrunpy.run_module({MODULES[name]!r}, run_name='__main__')"


@contextmanager
def started(
    root: Path, configured: Settings | None = None, first: str = ""
) -> Generator[Processes]:
    """Both processes, running; ended afterwards."""
    made = Processes(root)
    made.first = first
    made.settings = configured or made.settings
    try:
        made.start()
        yield made
    finally:
        for name in tuple(made.running):
            made.end(name, signal.SIGKILL)
