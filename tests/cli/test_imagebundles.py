"""What a bundle was made of is what comes out of it: over the ends of parts, with its holes."""

import os
import tarfile
from pathlib import Path

from mallee.aws import bundles
from mallee.aws.bundles import Cutter, Key, Manifest
from mallee.cli.images import imagebundles
from tests.aws.test_bundles import pair

KEY = Key(bytes(range(16)), bytes(range(16, 32)))
HOLE_BYTES = 16 << 20


def bundled(disk: Path, certificate: bytes, to: Path) -> Path:
    """Bundle a disk; return its manifest."""

    def put(name: str, data: bytes) -> None:
        (to / name).write_bytes(data)

    parts = Cutter("disk", KEY, put)
    with tarfile.open(mode="w|", fileobj=parts) as archive:
        archive.add(disk, "disk")
    parts.finish()
    locked = bundles.lock(KEY, certificate)
    manifest = Manifest(
        name="disk",
        kind="machine",
        architecture="x86_64",
        sha1=parts.sha1,
        size_bytes=disk.stat().st_size,
        bundled_bytes=parts.bundled_bytes,
        for_cloud=locked,
        for_user=locked,
        parts=tuple(parts.made),
    )
    path = to / f"disk{imagebundles.SUFFIX}"
    path.write_bytes(bundles.render(manifest))
    return path


def test_a_disk_of_several_parts_is_put_together_again(tmp_path: Path) -> None:
    pem, certificate = pair()
    key, disk, out = tmp_path / "key", tmp_path / "made", tmp_path / "out"
    key.write_bytes(pem)
    with disk.open("wb") as file:
        file.write(os.urandom(bundles.PART_BYTES + 12345))
        file.seek(HOLE_BYTES, os.SEEK_CUR)
        file.write(os.urandom(4567))
        file.truncate(file.tell() + HOLE_BYTES)
    manifest = bundled(disk, certificate, tmp_path)
    assert len(bundles.parse(manifest.read_bytes()).parts) == 2
    imagebundles.unbundle(manifest, to=out, key=key)
    made = out / "disk"
    assert made.stat().st_size == disk.stat().st_size
    assert made.read_bytes() == disk.read_bytes()
    assert made.stat().st_blocks * 512 < HOLE_BYTES
