"""`mallee ssh ID`, `mallee tunnel ID` and `mallee console ID`: into an instance.

`ssh` goes to the public address, or where there is none by an instance connect endpoint (`tunnel`);
`console` opens the serial line by the cloud, where no network leads.
"""

import asyncio
import base64
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import termios
import tty
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from mallee.box import sshgreeting, steps
from mallee.cli import client, words
from mallee.cli.instances import connecting, consoleline, reaching
from mallee.cli.root import DEFAULT, Root
from mallee.model import ids
from mallee.model.layout import Layout

Words = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""Words of a command for the guest, whose options are its own."""
REFUSED = 255
"""With which OpenSSH ends when there was no session."""
CONNECT_S = 20
"""How long nobody may answer: a guest is busy at times, but what a group stops is silent."""


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
        The private key. Unless given: the one that faststart made, or else one that is made now
        and pushed to the instance for a minute.
    user
        The user in the guest.
    """
    layout = Layout(root)
    found = reaching.wait_running(layout, instance)
    options, way = way_to(layout, found)
    reaching.wait_greeting(layout, found, way)
    login = Login(layout, instance, user, (*options, f"{user}@{way.address}", *command))
    identity = key or layout.key_of(found.get("KeyName", ""))
    if key or identity.exists():
        os.execvp("ssh", login.words(identity))
    with tempfile.TemporaryDirectory(prefix="mallee-") as folder:
        status = login.run(connecting.make_key(Path(folder)))
    if status == REFUSED:
        pair = f"has the key pair {found['KeyName']}" if "KeyName" in found else "has no key pair"
        words.tell(
            "if it was the key: a guest takes pushed ones when ec2-instance-connect is in it; "
            f"{instance} {pair} (another key: --key FILE)"
        )
    sys.exit(status)


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody's session in a guest by OpenSSH."""

    layout: Layout
    instance: str
    user: str
    rest: tuple[str, ...]
    """Options about the way, the destination, the command."""

    def words(self, identity: Path) -> list[str]:
        """Return the command line."""
        options = (
            "StrictHostKeyChecking=accept-new",
            f"UserKnownHostsFile={self.layout.known_hosts}",
            # Addresses pass from one instance to another, private ones are the same in many VPCs:
            # a host key is an instance's.
            f"HostKeyAlias={self.instance}",
            f"ConnectTimeout={CONNECT_S}",
        )
        return ["ssh", "-i", str(identity), *(w for o in options for w in ("-o", o)), *self.rest]

    def run(self, identity: Path) -> int:
        """Push the key's public half, and return how the session ended."""
        pushed = {
            "InstanceId": self.instance,
            "InstanceOSUser": self.user,
            "SSHPublicKey": identity.with_suffix(".pub").read_text(),
        }
        client.call(self.layout, "ec2-instance-connect", "SendSSHPublicKey", pushed)
        # What is typed to interrupt is for the session.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return subprocess.run(self.words(identity), check=False).returncode
        finally:
            signal.signal(signal.SIGINT, before)


def way_to(layout: Layout, found: dict[str, Any]) -> tuple[tuple[str, ...], reaching.Way]:
    """Return OpenSSH's options and the way by which an instance is reached."""
    public = found.get("PublicIpAddress")
    if public is not None:
        return (), reaching.Way(public, "internet", partial(sshgreeting.silence, public))
    endpoint = connecting.endpoint_of(partial(client.call, layout), found["VpcId"])
    program = (sys.executable, "-m", "mallee.cli.main", "tunnel", "--root", str(layout.root))
    command = shlex.join((*program, found["InstanceId"], "--port", "%p"))
    asked = _tunnel(endpoint, found, sshgreeting.PORT)
    silence = partial(_silence_of_tunnel, layout, asked)
    way = reaching.Way(found["PrivateIpAddress"], endpoint["NetworkInterfaceIds"][0], silence)
    return ("-o", f"ProxyCommand={command}"), way


def _silence_of_tunnel(layout: Layout, asked: Mapping[str, str]) -> str:
    """Return why no SSH server greets at the end of a tunnel; empty: one does. Raises
    `steps.Failed` where no tunnel will ever be."""
    try:
        word = asyncio.run(connecting.first_word(connecting.sign(client.access(layout), asked)))
    except steps.Failed as failed:
        if getattr(failed.__cause__, "status", 0) == HTTPStatus.FORBIDDEN:
            raise
        return failed.cause
    return "" if word.startswith(sshgreeting.GREETING) else "who is there speaks no SSH"


def _tunnel(endpoint: Mapping[str, Any], found: Mapping[str, Any], port: int) -> dict[str, str]:
    return {
        "instanceConnectEndpointId": endpoint["InstanceConnectEndpointId"],
        "privateIpAddress": found["PrivateIpAddress"],
        "remotePort": str(port),
    }


def tunnel(
    instance: str, *, root: Root = DEFAULT, port: int = 22, duration: int | None = None
) -> None:
    """Pass standard input and output to a port of an instance by an instance connect endpoint.

    Parameters
    ----------
    instance
        The instance's id.
    duration
        Seconds after which it ends; an hour unless given.
    """
    layout = Layout(root)
    found = reaching.look(layout, instance)
    endpoint = connecting.endpoint_of(partial(client.call, layout), found["VpcId"])
    asked = _tunnel(endpoint, found, port)
    asked |= {} if duration is None else {"maxTunnelDuration": str(duration)}
    asyncio.run(connecting.relay(connecting.sign(client.access(layout), asked)))


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
