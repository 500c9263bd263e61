"""When people and their keys last did something, per service: the facts of credential reports.

Coarse on purpose: a use is written down a while later, and not again for the next quarter of an
hour. Counted by `cloud.uses`, read by IAM's reports.
"""

from collections.abc import Mapping

import msgspec


class Use(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The last use of one service."""

    at: float
    """Seconds since the epoch."""
    region: str
    actions: Mapping[str, float] = {}
    """When each action was last used, by name."""


class Uses(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one user, role, access key or password was last used for: the record's id is its id.

    A password's is that of its user after `password/`.
    """

    services: Mapping[str, Use] = {}
    """By the service's name, `ec2`."""


class CredentialReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An account's credential report as it was made; the record's id is the account's."""

    created_at: float
    packed: bytes
    """The table, compressed by zlib."""


class AccessReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the access advisor found out about a thing of IAM when it was asked."""

    arn: str
    has_actions: bool
    """Whether single actions were asked for."""
    created_at: float
    services: tuple["ServiceAccess", ...]


class ServiceAccess(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One service that a thing of IAM may use, and the last time that it did."""

    service: str
    use: Use | None = None
    actions: tuple[str, ...] = ()
    """What it may do of the service, when single actions were asked for."""
    entity_arn: str | None = None
    """Who used it last."""
    entities: tuple["EntityAccess", ...] = ()


class EntityAccess(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One user or role that may use a service, and when it last did."""

    id: str
    arn: str
    kind: str
    name: str
    path: str
    at: float | None = None
