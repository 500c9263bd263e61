"""The image cache keeps what is needed, gives up what is not, and notices what is spoiled."""

import asyncio
import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from mallee.kit import clock
from mallee.model.layout import Layout
from mallee.node import imagekeeper
from mallee.node.do.storage import imageuses
from mallee.node.imagekeeper import ImageKeeper
from mallee.node.plan.storage import eviction
from mallee.node.plan.storage.eviction import Room


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.node_images.mkdir(parents=True)
    return layout


def cache(layout: Layout, content: bytes, age_s: float = 0.0) -> str:
    """Put an image into the cache."""
    name = hashlib.sha256(content).hexdigest()
    path = layout.node_images / name
    path.write_bytes(content)
    used = clock.SYSTEM.now() - age_s
    os.utime(path, (used, used))
    return name


def lie_on(directory: Path, image: Path) -> None:
    """Make a disk over an image."""
    directory.mkdir(parents=True)
    words = ("create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", str(image))
    subprocess.run(["qemu-img", *words, str(directory / "1.qcow2"), "1M"], check=True)


def standing(monkeypatch: pytest.MonkeyPatch, free_share: int) -> None:
    """Let the cache's file system have so many hundredths free."""

    def room(layout: Layout) -> Room:
        return Room(100, free_share)

    monkeypatch.setattr(imageuses, "room", room)


def names(layout: Layout) -> set[str]:
    return {image.name for image in imageuses.cached(layout)}


def test_what_disks_lie_on_stays_whosesoever_they_are(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing(monkeypatch, 0)
    needed = [cache(layout, text, 400 * 86_400) for text in (b"one", b"other", b"third")]
    cache(layout, b"nobody's")
    for directory, name in zip(
        (layout.instances, layout.volumes, layout.lost), needed, strict=True
    ):
        lie_on(directory / "some", layout.node_images / name)
    # A head that is none, or that names a file elsewhere, keeps nothing and harms nothing.
    (layout.instances / "some" / "bad.qcow2").write_bytes(b"QFI\xfb")
    lie_on(layout.instances / "evil", Path("/etc/shadow"))
    (layout.node_images / "half.part").write_bytes(b"half")
    ImageKeeper(layout, lambda: None, clock.SYSTEM).make_room()
    assert names(layout) == set(needed)
    assert (layout.node_images / "half.part").exists()
    # They count as used now: the day their last disk goes they are not the oldest.
    assert all(it.used_at > clock.SYSTEM.now() - 3600 for it in imageuses.cached(layout))


def test_with_room_only_the_long_unused_goes(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing(monkeypatch, 90)
    young = cache(layout, b"young", eviction.UNUSED_MAX_S / 2)
    cache(layout, b"old", eviction.UNUSED_MAX_S * 2)
    ImageKeeper(layout, lambda: None, clock.SYSTEM).make_room()
    assert names(layout) == {young}


def test_a_spoiled_image_goes_or_is_named(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    standing(monkeypatch, 90)
    monkeypatch.setattr(imagekeeper, "ROUND_S", 0.0)
    monkeypatch.setattr(imagekeeper, "STRETCH_EACH_S", 0.0)
    worn, spare, good = (cache(layout, text) for text in (b"worn", b"spare", b"good"))
    lie_on(layout.instances / "some", layout.node_images / worn)
    for name in (worn, spare):
        (layout.node_images / name).write_bytes(b"something else")
    keeper = ImageKeeper(layout, lambda: None, clock.SYSTEM)

    async def look() -> None:
        running = asyncio.create_task(keeper.run())
        async with asyncio.timeout(30):
            while names(layout) != {worn, good} or not keeper.problems:
                await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(look())
    (problem,) = keeper.problems
    assert worn in problem
    assert "launch anew" in problem
