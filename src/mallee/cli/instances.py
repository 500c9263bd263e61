"""`mallee ssh ID` and `mallee console ID`: into an instance.

`ssh` works from wherever the address can be reached; `console` opens the instance's serial line by
the cloud, where no network leads.
"""

import asyncio
import base64
import os
import sys
import termios
import tty
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from mallee.box import steps
from mallee.cli import client, consoleline, words
from mallee.cli.root import DEFAULT, Root
from mallee.model import ids
from mallee.model.layout import Layout

Words = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""Words of a command for the guest, whose options are its own."""


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
    instance
        The instance's id.
    log
        Only print what the console has shown so far.
    """
    if not ids.is_well_formed(instance, "i"):
        raise steps.Failed(f"{instance} is no instance's id", "one looks like i-0123456789abcdef0")
    layout = Layout(root)
    told = client.call(layout, "ec2", "GetConsoleOutput", {"InstanceId": instance, "Latest": True})
    sys.stdout.buffer.write(base64.b64decode(told.get("Output") or ""))
    sys.stdout.flush()
    if log or not sys.stdin.isatty():
        return
    line = client.call(layout, "mallee", "OpenConsole", {"InstanceId": instance})
    before = termios.tcgetattr(sys.stdin)
    # What was typed meanwhile is for the guest too.
    tty.setraw(sys.stdin, termios.TCSADRAIN)
    try:
        words.tell("connected; leave with Ctrl-]\r")
        why = asyncio.run(consoleline.relay(client.access(layout).endpoint + line["Path"]))
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
    words.tell(f"\n{why}")
