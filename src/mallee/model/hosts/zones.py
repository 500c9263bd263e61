"""An availability zone: where hosts stand together, and what of a cloud fails together.

A zone is there because the settings name it, because somebody made it, or because a host joined in
it; it stays when its last host goes, for what is in it stays. Pure.
"""

import re

import msgspec

NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


class Zone(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A zone besides the one of the settings."""

    name: str
    created_at: float
    """Seconds since the epoch."""
