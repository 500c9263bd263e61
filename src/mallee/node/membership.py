"""Which cloud this machine is a host of, and as whom: two small files in `Layout.node_pki`.

Written by the agent (`cloud.join`), and its token by `mallee up` and `mallee node join`; read by
every command too, so it imports little. Not its business: keys and certificates (`certificates`).
"""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from mallee.kit import files
from mallee.model.layout import Layout


class JoinToken(msgspec.Struct, frozen=True):
    """Leave to join, as `mallee up` and the administration's `CreateJoinToken` hand it out."""

    url: str
    token: str
    ca_pem: str
    name: str = ""
    """What the host shall be called; empty: as its machine is."""
    zone: str | None = None
    """None: the cloud's first zone."""
    address: str = ""
    """At which other hosts reach this one; empty: where its way to the cloud begins."""
    roles: tuple[str, ...] = ()
    """What the host shall do (`standing.Role`); none: everything."""


class Membership(msgspec.Struct, frozen=True):
    """Which cloud this host belongs to, and as whom."""

    url: str
    host_id: str
    name: str = ""
    """What it is called there; empty: as its machine is."""
    urls: tuple[str, ...] = ()
    """All front ends of the cloud; `url` is the one to which is reported. None: there is one."""

    @property
    def address(self) -> str:
        """The host name or address at which the cloud is reached."""
        return urlsplit(self.url).hostname or ""


def read(layout: Layout) -> Membership | None:
    """Return which cloud this host has joined; None when it has not."""
    try:
        return msgspec.json.decode(_path_of(layout).read_bytes(), type=Membership)
    except FileNotFoundError:
        return None


def write(layout: Layout, member: Membership) -> None:
    """Remember which cloud this host has joined; raises `OSError`."""
    files.write_atomically(_path_of(layout), msgspec.json.encode(member))


def forget(layout: Layout) -> None:
    """Belong to no cloud, until the host joins again; what it carries stays."""
    _path_of(layout).unlink(missing_ok=True)


def read_token(layout: Layout) -> JoinToken | None:
    """Return the token that this host shall join with; None when there is none."""
    try:
        return msgspec.json.decode(layout.join_token.read_bytes(), type=JoinToken)
    except FileNotFoundError:
        return None


def is_node(layout: Layout) -> bool:
    """Tell whether the root is that of a host which belongs to a cloud elsewhere."""
    is_told = layout.join_token.exists() or read(layout) is not None
    return is_told and not layout.settings.exists()


def _path_of(layout: Layout) -> Path:
    return layout.node_pki / "membership.json"
