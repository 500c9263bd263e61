"""The cloud as a process: it starts, ends when told to, and loses nothing when it is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mallee.model.configuration import settings
from mallee.model.configuration.settings import Ports, Settings
from mallee.model.layout import Layout
from tests.cloud.signing import Sender

START_TIMEOUT_S = 240


class Process:
    """A cloud process that can be killed and started again."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        configured = Settings(ports=Ports(services=0, agents=0))
        self.layout.settings.write_text(settings.encode(configured))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Sender:
        self.layout.cloud_ports.unlink(missing_ok=True)
        command = [sys.executable, "-m", "mallee.cloud.daemon", "--root", str(self.layout.root)]
        self.process = subprocess.Popen(command)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.layout.cloud_ports.exists():
            assert self.process.poll() is None, "the process ended before it answered"
            assert time.monotonic() < deadline, "the process does not answer"
            time.sleep(0.02)
        ports = json.loads(self.layout.cloud_ports.read_text())
        key = json.loads(self.layout.admin_credentials.read_text())
        return Sender(ports["services"], key)

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        return self.process.wait(START_TIMEOUT_S)


@pytest.fixture
def process(root_dir: Path) -> Iterator[Process]:
    made = Process(root_dir)
    yield made
    if made.process is not None:
        made.end(signal.SIGKILL)


def test_process_ends_cleanly_when_told_to(process: Process) -> None:
    assert process.start().ask("sts", "GetCallerIdentity").status == 200
    assert process.end() == 0
    assert not process.layout.cloud_ports.exists()


def test_what_was_acknowledged_outlives_any_kill(process: Process) -> None:
    acknowledged: list[str] = []
    for round_ in range(3):
        sender = process.start()
        writer = threading.Thread(target=_write_until_killed, args=(sender, round_, acknowledged))
        writer.start()
        before = len(acknowledged)
        while len(acknowledged) < before + 20:
            time.sleep(0.005)
        process.end(signal.SIGKILL)
        writer.join()
    shown = process.start().ask("ec2", "DescribeSecurityGroups").text
    assert [name for name in acknowledged if f"<groupName>{name}</groupName>" not in shown] == []


def _write_until_killed(sender: Sender, round_: int, acknowledged: list[str]) -> None:
    with suppress(OSError):
        for number in range(10_000):
            name = f"group-{round_}-{number}"
            asked = {"GroupName": name, "GroupDescription": "written under fire"}
            answer = sender.ask("ec2", "CreateSecurityGroup", **asked)
            assert answer.status == 200, answer.text
            acknowledged.append(name)


def test_wrong_settings_end_the_process_with_their_name(process: Process) -> None:
    process.layout.settings.write_text("region = 5\n")
    assert "region" in _why_it_does_not_start(process)


def test_port_in_use_ends_the_process_with_cause_and_cure(process: Process) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configured = Settings(ports=Ports(services=port, agents=0))
        process.layout.settings.write_text(settings.encode(configured))
        why = _why_it_does_not_start(process)
    assert f"cannot listen on 127.0.0.1 port {port}" in why
    assert "mallee.toml" in why


def _why_it_does_not_start(process: Process) -> str:
    command = [sys.executable, "-m", "mallee.cloud.daemon", "--root", str(process.layout.root)]
    ended = subprocess.run(command, capture_output=True, timeout=START_TIMEOUT_S, check=False)
    assert ended.returncode == 1
    assert not process.layout.cloud_ports.exists()
    last = ended.stderr.decode().splitlines()[-1]
    assert last.startswith("mallee-cloud cannot start: ")
    return last
