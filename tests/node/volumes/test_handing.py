"""Used volumes that go between hosts of one share: their files are handed over, nothing is copied,
and where the share will not do they are copied as between all hosts."""

import asyncio
import contextlib
import os
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from mallee.model.storage.volumes import Phase
from mallee.node.do.channel import ChannelFailed, Connection
from mallee.node.do.storage import imagelocks, layers, shares, volumes
from mallee.node.volumes import handing
from tests.node.stands import WITHIN_S, Stand
from tests.node.volumes.pairs import (
    ID,
    MOVE,
    OLD,
    OTHER_MOVE,
    Pair,
    face,
    fill,
    has,
    has_come,
    hosts,
    volume,
    wait_let_go,
    wait_volume,
    write,
)

pytestmark = pytest.mark.host


@pytest.fixture
def share(root_dir: Path) -> Path:
    root_dir.chmod(0o755)
    made = root_dir / "share"
    made.mkdir()
    return made


def files_of(stand: Stand) -> dict[str, int]:
    """The files of the volume on a host, and which each one is."""
    directory = volumes.directory_of(stand.layout, ID)
    return {path.name: path.stat().st_ino for path in directory.glob("*.qcow2")}


def never(descriptor: int) -> bool:
    return False


def always(descriptor: int) -> bool:
    return True


async def come(both: Pair) -> None:
    await both.leave()
    await both.come()
    await wait_volume(both.new, has_come)


async def test_files_are_handed_over(root_dir: Path, share: Path) -> None:
    async with hosts(root_dir, (share, share)) as both:
        fill(both.old)
        before = files_of(both.old)
        face_below = layers.path_of(volumes.directory_of(both.old.layout, ID), 1)
        await come(both)
        assert ID not in volumes.there(both.new.layout)
        await both.own()
        assert layers.path_of(volumes.directory_of(both.new.layout, ID), 1).samefile(face_below)
        await both.want(both.old, volume(is_deleted=True))
        await wait_volume(both.old, lambda seen: seen.phase is Phase.GONE)
        # It is the new host's to merge what no snapshot needs.
        async with asyncio.timeout(WITHIN_S):
            while files_of(both.new) != {"1.qcow2": before["1.qcow2"]}:
                await asyncio.sleep(0.05)
        assert has(both.new, 11, "0", "1M")
        assert has(both.new, 13, "1M", "1M")
        assert has(both.new, 12, "512M", "1M")
        # How it was found out has left nothing.
        for stand in (both.old, both.new):
            assert stand.layout.placed is not None
            found = os.listdir(stand.layout.placed.parent)
            assert sorted(found) == ["mallee.json", "volumes"]


async def test_what_was_taken_back_stays_its_owners(root_dir: Path, share: Path) -> None:
    async with hosts(root_dir, (share, share)) as both:
        fill(both.old)
        await come(both)
        await both.want(both.new, volume(is_deleted=True))
        await wait_volume(both.new, lambda seen: seen.phase is Phase.GONE)
        await both.want(both.old, volume(is_made=True))
        await wait_let_go(both.old)
        write(both.old, "write -P 14 1M 1M")
        assert has(both.old, 14, "1M", "1M")
        await both.leave(move_id=OTHER_MOVE)
        await both.come(move_id=OTHER_MOVE)
        await wait_volume(both.new, lambda seen: has_come(seen, OTHER_MOVE))
        await both.want(both.new, volume(is_made=True, moved_as=OTHER_MOVE))
        await wait_volume(both.new, lambda seen: seen.phase is Phase.READY)
        assert has(both.new, 14, "1M", "1M")


async def is_copied(both: Pair) -> None:
    """The volume comes, and is another file."""
    fill(both.old)
    before = files_of(both.old)
    await come(both)
    await both.own()
    assert not set(files_of(both.new).values()) & set(before.values())
    assert has(both.new, 13, "1M", "1M")
    write(both.new, "write -P 16 1M 1M")
    assert has(both.old, 13, "1M", "1M")


async def test_between_two_places_it_is_copied(root_dir: Path, share: Path) -> None:
    other = root_dir / "other"
    other.mkdir()
    async with hosts(root_dir, (share, other)) as both:
        await is_copied(both)
        assert shares.read_causes(both.new.layout) == {}


async def test_a_share_without_locks_is_told_and_nothing_is_handed_over(
    root_dir: Path, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imagelocks, "is_held", never)
    async with hosts(root_dir, (share, share)) as both:
        await is_copied(both)
        assert "keep locks" in shares.read_causes(both.new.layout)[OLD]


async def test_a_share_whose_locks_stay_is_told_and_nothing_is_handed_over(
    root_dir: Path, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imagelocks, "is_held", always)
    monkeypatch.setattr(shares, "LET_GO_S", 0.1)
    async with hosts(root_dir, (share, share)) as both:
        await is_copied(both)
        assert "nobody has any more" in shares.read_causes(both.new.layout)[OLD]


async def test_what_has_another_owner_there_is_copied(root_dir: Path, share: Path) -> None:
    async with hosts(root_dir, (share, share)) as both:
        fill(both.old)
        os.chown(layers.path_of(volumes.directory_of(both.old.layout, ID), 1), 0, 0)
        before = files_of(both.old)
        await come(both)
        await both.own()
        assert not set(files_of(both.new).values()) & set(before.values())


async def test_whoever_is_cut_off_while_files_are_handed_over_begins_anew(
    root_dir: Path, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = handing.taking
    cuts: list[str] = []

    @contextlib.contextmanager
    def taking(
        connection: Connection, layout: object, wishes: Mapping[str, handing.Wish]
    ) -> Generator[dict[str, tuple[int, ...]]]:
        with real(connection, both.new.layout, wishes) as taken:
            yield taken
        if not cuts:
            cuts.extend(taken)
            raise ChannelFailed("the cable is cut in this instant")

    async with hosts(root_dir, (share, share)) as both:
        fill(both.old)
        before = files_of(both.old)
        monkeypatch.setattr(handing, "taking", taking)
        await come(both)
        # It was copied then; what had been linked was not written.
        assert cuts == [ID]
        await both.want(both.new, volume(is_made=True, moved_as=MOVE))
        await wait_volume(both.new, lambda seen: seen.phase is Phase.READY)
        assert files_of(both.old) == before
        assert not set(files_of(both.new).values()) & set(before.values())
        assert has(both.old, 13, "1M", "1M")
        assert has(both.new, 13, "1M", "1M")
        assert face(both.old).stat().st_nlink == 1
