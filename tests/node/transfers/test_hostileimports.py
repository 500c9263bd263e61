"""Files that are not what was said of them: none fills the disk on which guests have theirs."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from mallee.aws.bundles import Key, Locked, Manifest, NotABundle, Part, Sealer
from mallee.model.storage.transfers import DiskIn, DiskSeen, Object
from mallee.node.do.storage import sandbox
from mallee.node.do.storage.sandbox import Refused, Work
from mallee.node.transfers import bundling, importing

PLACE = Object("disks", "disk.raw")


class Bucket:
    """Objects that are larger when they are read than when they are looked at."""

    def __init__(self, looked_at: int, data: bytes) -> None:
        self.looked_at, self.data = looked_at, data

    def size_of(self, object: Object) -> int:
        return self.looked_at

    def fetch(self, object: Object, to: Any, told: Callable[[int], None]) -> int:
        for at in range(0, len(self.data), 1000):
            to.write(self.data[at : at + 1000])
            told(min(len(self.data), at + 1000))
        return len(self.data)

    def read(self, object: Object, bytes_max: int) -> bytes:
        return self.data


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    place = Work(tmp_path / "work")
    place.make()
    yield place
    place.remove()


def means(work: Work, bucket: Bucket) -> importing.Means:
    return importing.Means(work, cast(Any, bucket), cast(Any, None), threading.Event())


async def test_a_file_that_grew_since_it_was_looked_at_is_not_fetched(work: Work) -> None:
    told: list[DiskSeen] = []
    bucket = Bucket(2000, bytes(9000))
    with pytest.raises(Refused, match="larger one"):
        await importing._fetch(means(work, bucket), DiskIn(object=PLACE), told.append)  # pyright: ignore[reportPrivateUsage]
    assert work.source.stat().st_size <= 3000
    bucket.looked_at = 9000
    size, _ = await importing._fetch(means(work, bucket), DiskIn(object=PLACE), told.append)  # pyright: ignore[reportPrivateUsage]
    assert size == 9000


def test_a_part_that_is_named_ever_again_is_not_read_for_ever(work: Work) -> None:
    key = Key(bytes(16), bytes(16))
    sealer = Sealer(key)
    data = sealer.update(bytes(64_000)) + sealer.finish()
    part = Part("disk.part.0", hashlib.sha1(data, usedforsecurity=False).hexdigest())
    nobody = Locked("00", "00")

    def manifest(count: int) -> Manifest:
        return Manifest(
            name="disk",
            kind="machine",
            architecture="x86_64",
            sha1="0" * 40,
            size_bytes=1,
            bundled_bytes=len(data),
            for_cloud=nobody,
            for_user=nobody,
            parts=(part,) * count,
        )

    def fetch(count: int) -> None:
        what = (PLACE, manifest(count), key)
        bundling._fetch(means(work, Bucket(0, data)), what, lambda _words, _percent: None)  # pyright: ignore[reportPrivateUsage]

    fetch(1)
    assert work.source.stat().st_size == 64_000
    with pytest.raises(NotABundle, match="larger than the manifest says"):
        fetch(1000)
    assert work.source.stat().st_size <= 3 * len(data)


def test_what_is_unpacked_leaves_room_for_guests(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 5 << 30

    def usage(_: Path) -> Usage:
        return Usage()

    monkeypatch.setattr(sandbox.shutil, "disk_usage", usage)
    assert sandbox.room_of(work) == Usage.free - sandbox.SPARE_BYTES
