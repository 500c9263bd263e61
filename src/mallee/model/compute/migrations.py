"""A migration: a guest that runs goes from one host to another, with its memory and its disks.

The instance's host (`Instance.host_id`) owns the guest. It alone decides when the guest is given
away: it writes that down before it says so, never lets the guest run again after it, and the other
host lets it run only after it. So there is one guest at every moment, whoever dies; what the store
says follows, from the old host's word, or from a *proof* that the new one can only have from it.
The types that cross to both hosts and back are here; the rules are `cloud.hosts.migrating`'s.
"""

import msgspec

PROOF_BYTES = 16


class Bystander(msgspec.Struct, frozen=True, gc=False):
    """Another host, which may lead to the guest, and where it answers hosts."""

    host_id: str
    port: int


class Migration(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is wanted: that the guest of an instance goes to another host."""

    id: str
    """`mig-…`"""
    to_host_id: str
    word: str
    """The pass: what the old host says to the new one."""
    port: int
    """At which the new host answers; 0: not known yet."""
    began_at: float
    """Seconds since the epoch."""
    is_cancelled: bool = False
    bystanders: tuple[Bystander, ...] = ()
    """The hosts that have no part in it, by id."""


class Migrated(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How the last migration of an instance ended."""

    id: str
    from_host_id: str
    to_host_id: str
    ended_at: float
    """Seconds since the epoch."""
    failure: str = ""
    """Why it did not come about, in words; empty: it did."""


class GoingWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The old host's part: it brings the guest to another host."""

    migration_id: str
    to_host_id: str
    port: int
    """At which the other host answers; 0: not yet."""
    word: str
    """The pass for this migration alone."""
    is_cancelled: bool = False
    """Whether it shall be given up, if the guest has not been given away."""
    bystanders: tuple[Bystander, ...] = ()
    """Whom it tells where the guest is, if they lead to it."""


class ComingWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The new host's part: it takes the guest in, and lets it run when it is told to."""

    migration_id: str
    from_host_id: str
    word: str


class MigrationSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far a host is with a migration."""

    migration_id: str
    step: str = ""
    """What is being done, in words."""
    done_bytes: int = 0
    total_bytes: int = 0
    digest: str = ""
    """The old host's: SHA-256 of the proof that it will give along with the guest."""
    is_given: bool = False
    """The old host's: whether the guest is the other one's."""
    proof: str = ""
    """The new host's: what it was given with the guest."""
    failure: str = ""
    """Why it was given up, in words; the guest runs on where it was."""
