"""QEMU's control socket (QMP), as far as benchmarks and image tests need it.

One command, one answer; blocking, for one caller at a time. The product itself talks to QEMU
through libvirt.
"""

import json
import socket
from pathlib import Path
from typing import Any

TIMEOUT_S = 20


class Refused(Exception):
    """QEMU answered with an error."""


def execute(path: Path, command: str, **arguments: Any) -> Any:
    """Connect to the socket, run one command and return what it returns; raises `Refused`."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(path))
        with connection.makefile("rwb") as stream:
            stream.readline()
            _ask(stream, "qmp_capabilities", {})
            return _ask(stream, command, arguments)


def _ask(stream: Any, command: str, arguments: dict[str, Any]) -> Any:
    stream.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
    stream.flush()
    while True:
        answer = json.loads(stream.readline())
        if "error" in answer:
            raise Refused(answer["error"]["desc"])
        if "return" in answer:
            return answer["return"]
