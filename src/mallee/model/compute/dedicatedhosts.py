"""Dedicated Hosts: real hosts that belong to one account alone while they are allocated to it."""

import msgspec


class DedicatedHost(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That a host of the cloud is an account's; instances with tenancy `host` run on it."""

    id: str
    """`h-…`"""
    host_id: str
    """The host of the cloud; administrators alone learn it."""
    zone: str
    type_name: str = ""
    """The only type that it takes; empty: all of `family`."""
    family: str
    auto_placement: bool = False
    """Whether it takes instances that name no host."""
    allocated_at: float
    released_at: float | None = None
    client_token: str | None = None
    made_by: str = ""
    """Id of the user or role that made it."""
    tags: dict[str, str] = {}
