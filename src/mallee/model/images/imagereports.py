"""Reports of who uses an image: how many instances and launch templates of each account name it.

A report is what was there at one moment; it is shown for thirty days.
"""

import msgspec

KEPT_S = 30 * 86_400.0
INSTANCE, TEMPLATE = "ec2:Instance", "ec2:LaunchTemplate"
TYPES = (INSTANCE, TEMPLATE)
"""What is counted, as EC2 calls it."""
DEPTH, DEPTH_MAX = 20, 10_000
"""How many of a template's newest versions are looked at."""


class Counted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What shall be counted."""

    type: str
    depth: int = 0
    """Of templates; 0: of something else."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many of a type an account has."""

    type: str
    account: str
    count: int


class ImageReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A report, complete."""

    id: str
    image_id: str
    counted: tuple[Counted, ...]
    accounts: tuple[str, ...] = ()
    """Those that were asked about; empty: all."""
    entries: tuple[Entry, ...] = ()
    created_at: float
    """Seconds since the epoch."""
    tags: dict[str, str] = {}
