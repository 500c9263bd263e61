"""Takes bundles in: parts are fetched, checked, decrypted and unpacked; what was in them is a file
that the cloud keeps.

Called by `transfers` for one transfer at a time. The key of a bundle is encrypted for the cloud,
which decrypts it for who carries the transfer. A machine's disk is kept as qcow2, kernels and
ramdisks as they are. What unpacks runs shut in (`sandbox`).
"""

import asyncio
import hashlib
import os
import posixpath
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from mallee.aws import bundles
from mallee.aws.bundles import Key, Locked, Manifest, NotABundle
from mallee.kit.nbd import client
from mallee.model.images.images import Blob
from mallee.model.storage import partitions
from mallee.model.storage.partitions import Found
from mallee.model.storage.transfers import (
    KERNEL_BYTES_MAX,
    DiskIn,
    DiskSeen,
    Object,
    TransferWanted,
)
from mallee.node.do.storage import disks, sandbox
from mallee.node.do.storage.sandbox import Disk, Refused
from mallee.node.transfers.importing import DATA_FREE_BYTES, DATA_RATIO_MAX, Brought, Means, Tell

_FETCHED_PERCENT, _UNPACKED_PERCENT, _MADE_PERCENT = 50, 65, 80

Unlock = Callable[[Locked], Awaitable[Key]]
"""Has the cloud decrypt a key. Raises `sandbox.Refused`, and what is to be tried again."""
SendFile = Callable[[Blob, Path], Awaitable[None]]
"""Brings a file to the cloud, which keeps it."""


async def bring_bundle(
    means: Means, wanted: TransferWanted, tell: Tell, cloud: tuple[Unlock, SendFile]
) -> Brought:
    """Bring what is in a bundle in. Raises as `importing.bring_disks` does."""
    (disk,), (unlock, send_file) = wanted.disks, cloud
    assert disk.object is not None

    def say(words: str, percent: int) -> None:
        means.check()
        tell(0, DiskSeen(words=words, percent=percent))

    try:
        await asyncio.to_thread(means.work.make)
        manifest = await asyncio.to_thread(_manifest, means, disk)
        key = await unlock(manifest.for_cloud)
        disks.check_room(means.work.directory, manifest.bundled_bytes + disks.FREE_MIN_BYTES)
        await asyncio.to_thread(_fetch, means, (disk.object, manifest, key), say)
        say("unpacking", _FETCHED_PERCENT)
        most = min(DATA_FREE_BYTES + DATA_RATIO_MAX * manifest.bundled_bytes, 1 << 44)
        file = await sandbox.take_out(means.work, most)
        say("converting", _UNPACKED_PERCENT)
        seen = await _kept(means, manifest, file, send_file)
    except NotABundle as error:
        raise Refused(f"{error}.") from error
    finally:
        await asyncio.to_thread(means.work.remove)
    return Brought([seen])


def _manifest(means: Means, disk: DiskIn) -> Manifest:
    assert disk.object is not None
    return bundles.parse(means.objects.read(disk.object, bundles.MANIFEST_BYTES_MAX))


def _fetch(
    means: Means, what: tuple[Object, Manifest, Key], say: Callable[[str, int], None]
) -> None:
    """Fetch, check and decrypt all parts into one file. Blocks."""
    place, manifest, key = what
    folder = posixpath.dirname(place.key)

    def parts() -> Iterator[tuple[bundles.Part, bytes]]:
        for index, part in enumerate(manifest.parts):
            one = Object(place.bucket, posixpath.join(folder, part.name))
            say("downloading", _FETCHED_PERCENT * index // len(manifest.parts))
            yield part, means.objects.read(one, bundles.PART_BYTES_MAX)

    with means.work.source.open("wb") as file:
        for piece in bundles.open_parts(parts(), key):
            file.write(piece)
            if file.tell() > manifest.bundled_bytes:
                # For so much there is room; a manifest may name one part ever again.
                raise NotABundle("the parts are larger than the manifest says")
    sandbox.give(means.work.source)


async def _kept(means: Means, manifest: Manifest, file: Path, send_file: SendFile) -> DiskSeen:
    """Have the cloud keep what was in a bundle; return what is to be said of it."""
    size, found = os.lstat(file).st_size, None
    format = manifest.kind
    if manifest.kind == "machine":
        found = await _look(means, Disk(file, 0, size, "raw", manifest.name))
        file, format = await sandbox.convert(means.work, file, "qcow2"), "qcow2"
    elif size > KERNEL_BYTES_MAX:
        raise Refused(f"A {manifest.kind} of {size >> 20} MiB is none.")
    digest = await asyncio.to_thread(_digest, file)
    blob = Blob(digest, os.lstat(file).st_size, format)
    await send_file(blob, file)
    return DiskSeen(
        format=manifest.kind,
        file_bytes=manifest.bundled_bytes,
        size_bytes=size,
        percent=100,
        blob=blob,
        found=found,
        told={
            "architecture": manifest.architecture,
            "kernel_id": manifest.kernel_id,
            "ramdisk_id": manifest.ramdisk_id,
        },
    )


async def _look(means: Means, disk: Disk) -> Found:
    """Return what is on a disk."""
    if disk.size_bytes % 512 or not disk.size_bytes:
        raise Refused(f"What is in the bundle has {disk.size_bytes} bytes, and is no disk.")
    async with sandbox.serving(means.work, disk) as (path, export):

        def look() -> Found:
            with client.Client(path, export) as reader:

                def read(offset: int, length: int) -> bytes:
                    there = max(0, min(length, reader.size_bytes - offset))
                    return reader.read(offset, there) if there else b""

                return partitions.find(read, reader.size_bytes)

        try:
            return await asyncio.to_thread(look)
        except (client.Refused, OSError) as error:
            raise Refused(f"The disk cannot be read: {error}.") from error


def _digest(file: Path) -> str:
    # What the shut in made is a plain file (`sandbox`); nobody else writes there any more.
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
