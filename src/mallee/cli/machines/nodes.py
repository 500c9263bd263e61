"""`mallee node`: how other machines become hosts of a cloud."""

import ipaddress
import sys
from pathlib import Path

from mallee.box import nodejoin, steps
from mallee.cli import client, progress, words
from mallee.cli.root import DEFAULT, Root, Word
from mallee.model.configuration import settings
from mallee.model.layout import Layout
from mallee.node import membership

_ONLY_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


def invite(*, address: str = "", bare: bool = False, root: Root = DEFAULT) -> None:
    """Print the line by which one other machine joins this cloud within an hour.

    Parameters
    ----------
    address
        Where other machines reach this one; what mallee.toml says unless given.
    bare
        Print the invitation alone, for programs.
    """
    layout = Layout(root)
    held = client.settings(layout)
    if held.listen in _ONLY_HERE and not address:
        raise steps.Failed(
            f"this cloud answers its own machine alone: it listens at {held.listen}",
            'in mallee.toml set listen = "0.0.0.0" and address = "ADDRESS", by which others reach '
            "this machine; then mallee down && mallee up",
        )
    reached = address or settings.reached_at(held)
    if not reached:
        raise steps.Failed(
            "this cloud listens at all addresses of its machine",
            "say by which others reach it: mallee node invite --address ADDRESS",
        )
    _tell_own_address(layout, reached)
    made = client.call(layout, "mallee", "CreateJoinToken")
    line = nodejoin.invite(made["Token"], made["CaCertificate"], reached, made["Port"])
    # Whoever may list processes sees their arguments: what is read from standard input he does not.
    words.give(str(line) if bare else f"echo {line} | mallee node join")


def join(
    invitation: Word = "",
    *,
    name: str = "",
    zone: str = "",
    address: str = "",
    roles: str = "",
    again: bool = False,
    root: Root = DEFAULT,
) -> None:
    """Make this machine a host of the cloud that printed the invitation.

    Parameters
    ----------
    invitation
        What `mallee node invite` prints on the cloud's machine; good once, for an hour. It is read
        from standard input unless given, and `@FILE` reads it from a file: in a list of processes
        everybody would see it.
    name
        What the host shall be called; as this machine is unless given.
    zone
        The availability zone in which it shall be; the cloud's first unless given.
    address
        At which other hosts reach this one; where its way to the cloud begins unless given.
    roles
        What it shall do, of compute, gateway, storage, with commas between; all unless given.
    again
        Let it be a host of that cloud already: it joins anew as who it was, and what it carries
        stays. For one that was away while the cloud was given another authority.
    """
    wish = nodejoin.Wish(
        invitation=nodejoin.parse(read_invitation(invitation)),
        name=name,
        zone=zone,
        address=address,
        roles=tuple(filter(None, roles.split(","))),
        again=again,
    )
    progress.run(nodejoin.join_plan(Layout(root), wish))


def read_invitation(invitation: str) -> str:
    """Return an invitation that stands where it was said: `-` and `@FILE` are places."""
    return read_word(invitation, "the invitation:")


def read_word(word: str, asked: str) -> str:
    """Return a word that stands where it was said: `-` and `@FILE` are places.

    Raises `steps.Failed` for a file that cannot be read.
    """
    if word in ("", "-"):
        if sys.stdin.isatty():
            words.tell(asked)
        return sys.stdin.readline()
    return _read(Path(word[1:])) if word.startswith("@") else word


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        cure = "name a file that is there and holds it alone: @FILE"
        raise steps.Failed(f"{path} cannot be read: {why}", cure) from error


def _tell_own_address(layout: Layout, reached: str) -> None:
    """Let the cloud know where its own machine's host is, unless that is known or is a name."""
    member = membership.read(layout)
    try:
        address = ipaddress.ip_address(reached.strip("[]"))
    except ValueError:
        return
    if member is None or address.is_loopback:
        return
    asked = {"HostIds": [member.host_id]}
    (host,) = client.call(layout, "mallee", "DescribeHosts", asked)["Hosts"]
    if not host.get("Address"):
        told = {"HostId": member.host_id, "Address": str(address)}
        client.call(layout, "mallee", "ModifyHost", told)
