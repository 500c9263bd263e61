"""A front end: a machine with a process of the cloud's, one of several on one database.

Each answers clients and agents alike; all have the same secrets, settings and memory. What crosses
between two of them when one joins are the types below, as JSON.
"""

import re

import msgspec

ENDPOINT = re.compile(r"https://(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\]):[0-9]{1,5}", re.ASCII)
"""How an agents' endpoint is written."""

FRONT_ENDS_MAX = 16
AUTHORITY = re.compile(r"[0-9a-f]{32}", re.ASCII)
"""How an authority's id is written."""
AUTHORITIES_MAX = 4


class FrontEnd(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A front end of the cloud."""

    id: str
    """`fe-…`"""
    name: str
    agents_url: str = ""
    """Where agents reach it; empty: it listens for its own machine alone."""
    serves_objects: bool = False
    """Whether it serves S3: its machine has the objects, or it leads those that share them."""
    objects_store: str = ""
    """The name of the objects' directory that it shares with others, as that itself says."""
    public_key: str = ""
    """With which secrets are sealed to it alone (`kit.sealedto`), as it said at its last start."""
    settings: str = ""
    """Its settings as of its last start, without what is its machine's own, as a document."""
    certificate_serial: str = ""
    """Of the certificate with which it fetched the cloud's secrets; empty: it made them."""
    joined_at: float


class FrontEndSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a front end says of itself."""

    key_ids: tuple[str, ...] = ()
    """The ids of its master keys, that which seals first."""
    authority_ids: tuple[str, ...] = ()
    """The ids of the authorities that it trusts, that which signs first."""


class KeyAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which master key, or authority, a front end asks another for."""

    key_id: str


class KeyTold(msgspec.Struct, frozen=True, kw_only=True):
    """What it is answered: the key, sealed to who asked."""

    sealed: bytes


class Joining(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine says that shall be a front end."""

    token: str
    csr_pem: str
    name: str


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """What it is answered: its name, and by what it shows who it is."""

    id: str
    certificate_pem: str


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """What all front ends of a cloud have in common, and nobody else has."""

    settings: str
    """The settings document."""
    files: dict[str, bytes]
    """By name (`SECRET_FILES`)."""

    def __repr__(self) -> str:
        """Show no secret."""
        return f"Secrets({sorted(self.files)})"


SECRET_FILES = ("master.key", "pki/authority.pem", "pki/key-signer.pem", "pki/bundles.key",
                "pki/bundles.pem")  # fmt: skip
"""Below `Layout.cloud`."""
