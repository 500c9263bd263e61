"""Fast restores: that all of a snapshot lies on the hosts of a zone, so that its volumes wait for
nothing.

An account wants one for a snapshot in a zone. Each host of that zone *pins* the snapshot: its block
server brings all blocks into the host's cache, where nothing puts them out (`node.nbd.pinning`).
The types that cross to a host and back are here too.
"""

import msgspec

from mallee.model.compute.instances import Reason
from mallee.model.storage.snapshots import Content

SNAPSHOTS_MAX = 5
"""Of so many snapshots an account has fast restores, as in AWS."""
SIZE_GIB_MAX = 16_384
"""Of larger ones it has none, as in AWS."""
PINNED_PART = 2
"""One part in so many of a host's block cache is for what is pinned."""


class FastRestore(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an account wants of a snapshot in a zone. Times are seconds since the epoch; 0: not
    yet."""

    snapshot_id: str
    zone: str
    enabling_at: float
    optimizing_at: float = 0.0
    """When hosts had begun to bring its blocks."""
    enabled_at: float = 0.0
    """When all hosts of the zone had all of them."""
    disabling_at: float = 0.0
    disabled_at: float = 0.0
    """When no host of the zone kept them any more for this."""
    cause: Reason | None = None
    """Why it ends unasked."""
    made_by: str = ""


class PinWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That a host shall keep all of a snapshot at hand."""

    snapshot_id: str
    content: Content


class PinSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far a host is with that."""

    root: str
    """Of which content (`Content.root`)."""
    done_bytes: int = 0
    """Of the disk, from its beginning."""
    is_whole: bool = False
    cause: Reason | None = None
    """Why it does not go on."""


class FastRestoreSeen(msgspec.Struct, frozen=True, gc=False):
    """What the hosts of the zone say, by host id."""

    hosts: dict[str, PinSeen] = {}
