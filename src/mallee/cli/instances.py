"""`mallee ssh ID` and `mallee console ID`: into an instance.

`ssh` works from wherever the address can be reached; `console` opens the serial line on the host
that carries the instance, so it is a local verb of that host.
"""

import os
import select
import socket
import sys
import termios
import tty
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from mallee.box import steps
from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model import ids
from mallee.model.layout import Layout

Words = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""Words of a command for the guest, whose options are its own."""

LEAVE = b"\x1d"
"""Ctrl-], as in telnet and virsh."""


def ssh(
    instance: str,
    *command: Words,
    root: Root = DEFAULT,
    key: Path | None = None,
    user: str = "root",
) -> None:
    """Open a shell in an instance, or run a command there.

    Parameters
    ----------
    instance
        The instance's id.
    key
        The private key; the one that faststart made unless given.
    user
        The user in the guest.
    """
    layout = Layout(root)
    found = _instance(layout, instance)
    address = found.get("PublicIpAddress")
    if address is None:
        raise steps.Failed(
            f"{found['InstanceId']} has no public address (it is {found['State']['Name']})",
            "start it, or associate an address: aws ec2 associate-address",
        )
    identity = key or layout.key_of(found.get("KeyName", ""))
    line = [
        "ssh",
        *(("-i", str(identity)) if identity.exists() else ()),
        *("-o", "StrictHostKeyChecking=accept-new"),
        *("-o", f"UserKnownHostsFile={layout.known_hosts}"),
        f"{user}@{address}",
        *command,
    ]
    os.execvp("ssh", line)


def _instance(layout: Layout, instance: str) -> dict[str, Any]:
    answer = client.call(layout, "ec2", "DescribeInstances", {"InstanceIds": [instance]})
    return answer["Reservations"][0]["Instances"][0]


def console(instance: str, *, root: Root = DEFAULT, log: bool = False) -> None:
    """Show an instance's serial console; type into it when this is a terminal (leave: Ctrl-]).

    Parameters
    ----------
    log
        Only print what the console has shown so far.
    """
    if not ids.is_well_formed(instance, "i"):
        raise steps.Failed(f"{instance} is no instance's id", "one looks like i-0123456789abcdef0")
    directory = Layout(root).instances / instance
    shown = directory / "console.log"
    if shown.exists():
        sys.stdout.buffer.write(shown.read_bytes())
        sys.stdout.flush()
    if log or not sys.stdin.isatty():
        return
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(str(directory / "console.sock"))
    except OSError as error:
        raise steps.Failed(
            f"the console of {instance} cannot be opened here: {error.strerror}",
            "run this with sudo on the host that carries the instance, while it runs",
        ) from error
    words.tell("connected; leave with Ctrl-]")
    _relay(line)


def _relay(line: socket.socket) -> None:
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        while True:
            ready, _, _ = select.select([sys.stdin, line], [], [])
            if line in ready:
                said = line.recv(4096)
                if not said:
                    return
                os.write(sys.stdout.fileno(), said)
            if sys.stdin in ready:
                typed = os.read(sys.stdin.fileno(), 1024)
                if not typed or LEAVE in typed:
                    return
                line.sendall(typed)
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
