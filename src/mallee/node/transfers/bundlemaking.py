"""Makes bundles: what a disk has is packed, encrypted and cut into parts, which go into a bucket.

Called by `transfers` for one transfer at a time. Each part is put as soon as it is cut, the
manifest last: whoever is killed before leaves parts that nobody names, and the next one begins
anew. The key is made here, encrypted for the cloud, and kept nowhere else.
"""

import asyncio
import functools
import secrets
import tarfile
from collections.abc import Callable
from pathlib import Path

from mallee.aws import bundles
from mallee.aws.bundles import Cutter, Key, Manifest, NotABundle
from mallee.model.storage.transfers import DiskSeen, Object, TransferWanted
from mallee.node.do.storage import sandbox
from mallee.node.transfers import exporting
from mallee.node.transfers.exporting import ReadBlob
from mallee.node.transfers.importing import Brought, Means, Tell

_PUT_FROM = 50
"""The percent at which the disk is there, and packing begins."""
_MANIFEST_TYPE = "application/xml"
_CHUNK_BYTES = 64 << 10
"""So much of a disk goes through the archive at once: with tar's own 10 KiB the calls take most
of the time."""


async def make_bundle(
    means: Means, wanted: TransferWanted, tell: Tell, ways: tuple[ReadBlob, bytes]
) -> Brought:
    """Make a bundle of a disk, and put it into its bucket; `ways` has the cloud's certificate.
    Raises as `importing.bring_disks` does."""
    out, (read_blob, certificate) = wanted.out, ways
    assert out is not None

    def say(words: str, percent: int) -> None:
        means.check()
        tell(0, DiskSeen(words=words, percent=percent))

    try:
        await asyncio.to_thread(means.work.make)
        told = functools.partial(say, "bundling")
        disk = await exporting.disk_of(means, out, told, read_blob)
        size = await asyncio.to_thread(_put, means, wanted, (disk, certificate), say)
    except NotABundle as error:
        raise sandbox.Refused(f"{error}.") from error
    finally:
        await asyncio.to_thread(means.work.remove)
    return Brought([DiskSeen(file_bytes=size, percent=100)])


def _put(
    means: Means,
    wanted: TransferWanted,
    what: tuple[Path, bytes],
    say: Callable[[str, int], None],
) -> int:
    """Put parts and manifest; return how large the parts are together. Blocks."""
    (disk, certificate), out = what, wanted.out
    assert out is not None
    folder, _, stem = out.object.key.rpartition("/")
    folder = f"{folder}/" if folder else ""
    key = Key(secrets.token_bytes(16), secrets.token_bytes(16))
    size, read = disk.stat().st_size, 0

    def put(name: str, data: bytes) -> None:
        means.objects.put(Object(out.object.bucket, f"{folder}{name}"), data)
        say("uploading", _PUT_FROM + (98 - _PUT_FROM) * min(read, size) // max(1, size))

    cutter = Cutter(stem, key, put)
    with (
        disk.open("rb") as file,
        tarfile.open(mode="w|", fileobj=cutter, bufsize=_CHUNK_BYTES) as archive,
    ):
        member = archive.gettarinfo(arcname=f"{stem}.img", fileobj=file)
        # Nobody's, and of no time: it is a disk.
        member.uid = member.gid = 0
        member.uname = member.gname = ""

        class Counted:
            """The disk, read by the archive."""

            def read(self, count: int, /) -> bytes:
                nonlocal read
                means.check()
                data = file.read(count)
                read += len(data)
                return data

        archive.addfile(member, Counted())  # type: ignore[arg-type]
    cutter.finish()
    locked = bundles.lock(key, certificate)
    manifest = Manifest(
        name=f"{stem}.img",
        kind="machine",
        architecture="x86_64",
        account=wanted.account,
        kernel_id=out.kernel_id,
        ramdisk_id=out.ramdisk_id,
        sha1=cutter.sha1,
        size_bytes=size,
        bundled_bytes=cutter.bundled_bytes,
        for_cloud=locked,
        for_user=locked,
        parts=tuple(cutter.made),
    )
    place = Object(out.object.bucket, f"{out.object.key}.manifest.xml")
    means.objects.put(place, bundles.render(manifest), _MANIFEST_TYPE)
    return cutter.bundled_bytes
