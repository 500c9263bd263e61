"""What the store keeps: records of kinds, changes, and claims.

A *record* is one object of one kind: its wanted document, what is seen of it, and the revision at
which it last changed. Kinds and their document types are one table, `KINDS`.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from mallee.model import accounts, hosts, images, instances, keypairs, networks

D = TypeVar("D")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Kind(Generic[D, S]):
    """A kind of record: `doc` is what is wanted, `seen` what was observed (or None)."""

    name: str
    doc: type[D]
    seen: type[S] | None = None


@dataclass(frozen=True, slots=True)
class Record(Generic[D, S]):
    """One object as it stands at revision `rev`."""

    kind: Kind[D, S]
    account: str
    """The account id that owns it; empty for things of the cloud itself (hosts)."""
    id: str
    rev: int
    doc: D
    seen: S | None


class IdempotencyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The answer given to a ClientToken: its parameters' hash, and the result as it was encoded."""

    parameters_hash: str
    result: str
    created_at: float


class HostSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What was last heard of a host."""

    facts: hosts.HostFacts
    leftovers: tuple[str, ...] = ()
    heard_at: float = 0.0
    """Seconds since the epoch, and coarse: the cloud process knows the time to the second in
    memory, and writes it here when a host falls silent, is heard again, or says something new."""
    is_silent: bool = False
    """Whether nothing was heard for longer than `hosts.AGENT_SILENT_AFTER_S`."""


ACCOUNT = Kind("account", accounts.Account)
ACCESS_KEY = Kind("access-key", accounts.AccessKey)
HOST = Kind("host", hosts.Host, HostSeen)
JOIN_TOKEN = Kind("join-token", hosts.JoinToken)
IMAGE = Kind("image", images.Image)
INSTANCE = Kind("instance", instances.Instance, instances.InstanceSeen)
KEY_PAIR = Kind("key-pair", keypairs.KeyPair)
VPC = Kind("vpc", networks.Vpc)
SUBNET = Kind("subnet", networks.Subnet)
INTERFACE = Kind("network-interface", networks.Interface)
ADDRESS = Kind("elastic-ip", networks.Address)
SECURITY_GROUP = Kind("security-group", networks.SecurityGroup)
CLIENT_TOKEN = Kind("client-token", IdempotencyRecord)

KINDS: dict[str, Kind[Any, Any]] = {
    kind.name: kind
    for kind in (
        ACCOUNT,
        ACCESS_KEY,
        HOST,
        JOIN_TOKEN,
        IMAGE,
        INSTANCE,
        KEY_PAIR,
        VPC,
        SUBNET,
        INTERFACE,
        ADDRESS,
        SECURITY_GROUP,
        CLIENT_TOKEN,
    )
}
