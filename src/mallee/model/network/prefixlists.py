"""Managed prefix lists: named ranges that rules and routes refer to as one."""

import msgspec


class PrefixEntry(msgspec.Struct, frozen=True, gc=False):
    """A range of a prefix list."""

    cidr: str
    description: str = ""


class PrefixVersion(msgspec.Struct, frozen=True, gc=False):
    """What a prefix list was at one of its versions."""

    version: int
    entries: tuple[PrefixEntry, ...]


class PrefixList(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A prefix list of an account, with all that it was."""

    id: str
    name: str
    family: str
    """`IPv4` or `IPv6`."""
    max_entries: int
    version: int = 1
    entries: tuple[PrefixEntry, ...] = ()
    former: tuple[PrefixVersion, ...] = ()
    """Oldest first."""
    is_synced: bool = True
    """Whether it follows a resolver, where it has one."""
    tags: dict[str, str] = {}
