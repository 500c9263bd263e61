"""Volumes that go along with their guest: encrypted ones, and such as guests may share."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest

from mallee.model.compute.instances import Phase
from mallee.model.storage.snapshots import CutAsked
from mallee.node.do.storage import layers, volumes
from tests.fakes.keys import key_of
from tests.node.migrating import pairs

pytestmark = pytest.mark.host


def written(*roots: Path) -> Iterator[bytes]:
    """What whoever takes the disks out of hosts could read below these."""
    found = (entry for root in roots for entry in os.walk(root))
    for path in (Path(folder, name) for folder, _, names in found for name in names):
        # Agents may be putting other files in the place of some.
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    yield from stretches(file)


def command_lines() -> Iterator[bytes]:
    """What any stranger on the machine could read of what runs."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            yield path.read_bytes()


def stretches(file: BinaryIO) -> Iterator[bytes]:
    """What is in a file, without its holes."""
    end = 0
    with contextlib.suppress(OSError):
        # At the end of a file there is no more data, which is an error.
        while True:
            begin = os.lseek(file.fileno(), end, os.SEEK_DATA)
            end = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            yield os.pread(file.fileno(), end - begin, begin)


async def test_an_encrypted_volume_goes_along_and_its_key_is_nowhere(root_dir: Path) -> None:
    key = key_of(pairs.VOLUME)
    async with pairs.running(root_dir, key_id=key.id) as both:
        await pairs.write(both.old, "first")
        await pairs.learn(both.old)
        # So one layer is copied, and one is mirrored.
        asked = CutAsked({pairs.VOLUME: "snap-0123456789abcdef0"}, asked_at=1.0)
        await pairs.agent_of(both.old).volumes.cut(msgspec.json.encode(asked).decode())
        both.made = both.volume(cuts={"snap-0123456789abcdef0": 1})
        await pairs.write(both.old, "second")
        await both.go()
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        await pairs.wait_migration(both.new, lambda said: bool(said.proof))
        await pairs.tell(both.new, "echo it-$secret", b"it-remembered")
        await pairs.read(both.new, "second")
        await pairs.write(both.new, "third")
        assert set(both.new.keys.asked) == {pairs.VOLUME}
        for number in (1, 2):
            path = layers.path_of(volumes.directory_of(both.new.layout, pairs.VOLUME), number)
            assert layers.read_file(path).is_encrypted
        forms = (key.secret, key.secret.hex().encode(), layers.passphrase_of(key))
        roots = [stand.layout.root for stand in (both.old, both.new)]
        said = itertools.chain(written(*roots), command_lines())
        assert not [form for one in said for form in forms if form in one]
        kept = volumes.directory_of(both.new.layout, pairs.VOLUME)
        assert not [said for said in written(kept) if b"third" in said]
        await both.hand_over()
        seen = await both.new.wait_phase(Phase.RUNNING)
        assert seen.restarts == 0
        await pairs.read(both.new, "third")


async def test_a_guest_stays_whose_key_cannot_be_used_where_it_would_go(root_dir: Path) -> None:
    async with pairs.running(root_dir, key_id=key_of(pairs.VOLUME).id) as both:
        both.new.keys.refused[pairs.VOLUME] = "the key was disabled"
        await both.go()
        said = await pairs.wait_migration(both.old, lambda said: bool(said.failure))
        assert said.migration is not None
        assert "the key was disabled" in said.migration.failure
        await pairs.write(both.old, "still")


async def test_a_volume_that_several_guests_may_have_goes_with_the_only_one(
    root_dir: Path,
) -> None:
    async with pairs.running(root_dir, is_shared=True) as both:
        await pairs.write(both.old, "first")
        await both.go()
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        await pairs.read(both.new, "first")
        await pairs.write(both.new, "second")
        await both.hand_over()
        await both.new.wait_phase(Phase.RUNNING)
        await pairs.read(both.new, "second")
        path = volumes.path_of(both.new.layout, pairs.VOLUME, is_shared=True)
        assert path.stat().st_blocks * 512 < 1 << 20
