"""Replacements of root volumes: that an instance got, or shall get, another volume to boot from."""

import msgspec


class RootReplacement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A replacement of an instance's root volume. It is over when `completed_at` is set."""

    id: str
    instance_id: str
    launch: int
    """The launch of the instance that boots from the new volume."""
    volume_id: str
    """The new root volume."""
    snapshot_id: str = ""
    """Of what it was asked to be made; empty, as `image_id`: as the instance was launched."""
    image_id: str = ""
    deletes_former: bool = False
    """Whether the volume before it goes when the guest has let it go."""
    started_at: float
    """Seconds since the epoch."""
    completed_at: float | None = None
    has_failed: bool = False
    made_by: str = ""
    tags: dict[str, str] = {}
