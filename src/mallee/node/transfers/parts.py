"""Fetches a file that lies in parts, as an import manifest lists them.

Called by `importing` for what ImportVolume and ImportInstance bring in. The parts lie beside the
manifest, and only there a host may read. Tools upload them after the task has begun: a part that is
not there yet is waited for (`NotYet`), while other transfers go on.
"""

import asyncio
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from mallee.aws import importmanifests
from mallee.aws.importmanifests import Manifest, NotAManifest, Part
from mallee.model.storage.transfers import DiskIn, DiskSeen, Object
from mallee.node.do.storage import disks, objects, sandbox
from mallee.node.do.storage.objects import Objects
from mallee.node.do.storage.sandbox import Refused, Work

Tell = Callable[[DiskSeen], None]
"""Hears how far it is; it ends the work by raising."""


class NotYet(Exception):
    """Something has not been uploaded yet; the message says what, to its user."""


async def fetch(
    means: tuple[Work, Objects], disk: DiskIn, tell: Tell, most_percent: int
) -> tuple[int, Path]:
    """Fetch all parts into one file; return its size, and where it is.

    Raises `Refused`, `NotYet`, and what `Objects` and `tell` raise.
    """
    work, held = means
    manifest, listed = await asyncio.to_thread(
        look, held, disk, lambda: tell(DiskSeen(words="waiting"))
    )
    await asyncio.to_thread(work.make)
    disks.check_room(work.directory, manifest.size_bytes + disks.FREE_MIN_BYTES)

    def told(done: int) -> None:
        percent = most_percent * done // manifest.size_bytes
        tell(DiskSeen(file_bytes=manifest.size_bytes, percent=percent, words="downloading"))

    def write() -> None:
        with work.source.open("wb") as file:
            for place, part in listed:
                _fetch_part(held, (place, part), file, told)
        sandbox.give(work.source)

    await asyncio.to_thread(write)
    return manifest.size_bytes, work.source


def look(
    held: Objects, disk: DiskIn, tell: Callable[[], None]
) -> tuple[Manifest, tuple[tuple[Object, Part], ...]]:
    """Return what a manifest says, and where its parts are, all of which are there. Blocks.

    Raises as `fetch` does.
    """
    assert disk.object is not None
    try:
        manifest = _manifest(held, disk)
    except NotAManifest as error:
        raise Refused(f"The import manifest is not taken: {error}.") from error
    listed = tuple((_place(disk.object, part), part) for part in manifest.parts)
    _check_there(held, listed, tell)
    return manifest, listed


def _manifest(held: Objects, disk: DiskIn) -> Manifest:
    assert disk.object is not None
    manifest = importmanifests.parse(held.read(disk.object, importmanifests.BYTES_MAX))
    if manifest.format != disk.format:
        raise NotAManifest(f"it is of a {manifest.format[:20]!r}, and {disk.format} was said")
    if manifest.size_bytes != disk.size_bytes:
        raise NotAManifest(
            f"its file has {manifest.size_bytes} bytes, and {disk.size_bytes} were said"
        )
    return manifest


def _place(manifest: Object, part: Part) -> Object:
    """Return where a part is. Raises `Refused` when that is not beside the manifest."""
    folder = posixpath.dirname(manifest.key)
    is_beside = not folder or part.object.key.startswith(f"{folder}/")
    if part.object.bucket != manifest.bucket or not is_beside or not part.object.key.isprintable():
        raise Refused(
            f"The import manifest names {part.object.key[:100]!r}, which does not lie beside it: "
            f"parts are read from s3://{manifest.bucket}/{folder} alone."
        )
    return Object(part.object.bucket, part.object.key)


def _check_there(
    held: Objects, listed: tuple[tuple[Object, Part], ...], tell: Callable[[], None]
) -> None:
    """Raise `NotYet` unless all parts are there, as large as they are said to be. Blocks."""
    # They are uploaded in their order: the last one that is missing is soonest found.
    for place, part in reversed(listed):
        tell()
        try:
            size = held.size_of(place)
        except objects.ObjectRefused as error:
            raise NotYet(f"waiting for its upload: {error}") from error
        if size != part.size_bytes:
            raise Refused(f"The part {place.key[:100]!r} has {size} bytes, not {part.size_bytes}.")


def _fetch_part(
    held: Objects, which: tuple[Object, Part], file: BinaryIO, told: Callable[[int], None]
) -> None:
    place, part = which
    begin = file.tell()

    def hear(done: int) -> None:
        if done > part.size_bytes:
            raise Refused(f"The part {place.key[:100]!r} was exchanged while it was read.")
        told(begin + done)

    if held.fetch(place, file, hear) != part.size_bytes:
        raise Refused(f"The part {place.key[:100]!r} was exchanged while it was read.")
