"""Files in parts: waited for, put together, and refused where their manifest leads elsewhere."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from mallee.model.storage.transfers import DiskIn, DiskSeen, Object
from mallee.node.do.storage.objects import ObjectRefused
from mallee.node.do.storage.sandbox import Refused, Work
from mallee.node.transfers import parts
from tests.aws.test_importmanifests import manifest

PLACE = Object("disks", "in/it.xml")
WHOLE = manifest((0, 0, 9), (1, 10, 19))
FIRST, SECOND = b"0123456789", b"abcdefghij"


class Bucket:
    """A bucket as a host sees it; keeps what was looked at."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.exchanged: dict[str, bytes] = {}

    def size_of(self, object: Object) -> int:
        if object.key not in self.objects:
            raise ObjectRefused("there is no such object")
        return len(self.objects[object.key])

    def fetch(self, object: Object, to: Any, told: Callable[[int], None]) -> int:
        data = self.exchanged.get(object.key, self.objects[object.key])
        to.write(data)
        told(len(data))
        return len(data)

    def read(self, object: Object, bytes_max: int) -> bytes:
        return self.objects[object.key]


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    place = Work(tmp_path / "work")
    yield place
    place.remove()


async def fetched(work: Work, bucket: Bucket, **more: Any) -> bytes:
    """The file that is put together, as it was asked for."""
    said: dict[str, Any] = {"format": "raw", "size_bytes": 20, "volume_gib": 1, **more}
    told: list[DiskSeen] = []
    held = work, cast(Any, bucket)
    size, file = await parts.fetch(held, DiskIn(object=PLACE, **said), told.append, 45)
    assert told[-1].percent == 45
    assert size == file.stat().st_size
    return file.read_bytes()


def bucket(**more: bytes) -> Bucket:
    """A bucket with a manifest, and its parts unless said otherwise."""
    found = {PLACE.key: WHOLE, "in/p0": FIRST, "in/p1": SECOND}
    return Bucket(found | {f"in/{name}": data for name, data in more.items()})


async def test_parts_are_put_together(work: Work) -> None:
    assert await fetched(work, bucket()) == FIRST + SECOND


@pytest.mark.parametrize("missing", ["in/p0", "in/p1"])
async def test_what_is_not_uploaded_yet_is_waited_for(work: Work, missing: str) -> None:
    there = bucket()
    data = there.objects.pop(missing)
    with pytest.raises(parts.NotYet, match="waiting for its upload"):
        await fetched(work, there)
    assert not work.source.exists()
    there.objects[missing] = data
    assert await fetched(work, there) == FIRST + SECOND


@pytest.mark.parametrize(
    ("forged", "said", "words"),
    [
        ({"it.xml": WHOLE.replace(b"https://disks.", b"https://other.")}, {}, "beside it"),
        ({"it.xml": WHOLE.replace(b"org/in/p1", b"org/p1")}, {}, "beside it"),
        ({"it.xml": WHOLE.replace(b"org/in/p1", b"org/in%0a")}, {}, "beside it"),
        ({"it.xml": b"<manifest/>"}, {}, "does not list parts"),
        ({}, {"format": "vmdk"}, "vmdk was said"),
        ({}, {"size_bytes": 21}, "21 were said"),
        ({"p0": b"short"}, {}, "5 bytes, not 10"),
        ({"p1": SECOND * 2}, {}, "20 bytes, not 10"),
    ],
)
async def test_a_manifest_that_lies_is_refused(
    work: Work, forged: dict[str, bytes], said: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        await fetched(work, bucket(**forged), **said)


@pytest.mark.parametrize("instead", [b"", b"short", SECOND * 1000])
async def test_a_part_that_is_exchanged_meanwhile_is_refused(work: Work, instead: bytes) -> None:
    there = bucket()
    there.exchanged["in/p1"] = instead
    with pytest.raises(Refused, match="exchanged"):
        await fetched(work, there)
