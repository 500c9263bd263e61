"""Guests that run and go between hosts of one share: their files are handed over, QEMU's locks pass
with the guest, and it is put back only when the other host has let go."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mallee.kit import files
from mallee.model.compute.instances import Phase
from mallee.node.do.guests import incoming, outgoing
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.storage import imagelocks, layers, volumes
from mallee.node.migrating import book, keeper, linking, sharing
from mallee.node.plan.guests.instances import blobs_of
from mallee.node.plan.guests.seen import DomainState
from mallee.node.volumes import handing
from tests.node.migrating import pairs
from tests.node.migrating.pairs import Pair
from tests.node.stands import Stand

pytestmark = pytest.mark.host


@pytest.fixture
def share(root_dir: Path) -> Path:
    made = root_dir / "share"
    made.mkdir()
    return made


def face(stand: Stand) -> Path:
    return volumes.path_of(stand.layout, pairs.VOLUME, is_shared=False)


def is_written(path: Path) -> bool:
    with files.open_own(path) as file:
        return imagelocks.is_written(file.fileno())


async def test_files_and_locks_go_with_the_guest(root_dir: Path, share: Path) -> None:
    async with pairs.running(root_dir, (share, share)) as both:
        await pairs.learn(both.old)
        await pairs.write(both.old, "first")
        was = face(both.old).stat().st_ino
        await both.go()
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        await pairs.wait_migration(both.new, lambda said: bool(said.proof))
        assert face(both.new).stat().st_ino == was
        assert both.state(both.old) is DomainState.PAUSED
        await pairs.tell(both.new, "echo it-$secret", b"it-remembered")
        await pairs.read(both.new, "first")
        await pairs.write(both.new, "second")
        # What the old host has is a name: its machine cannot go on.
        with pytest.raises(HypervisorFailed, match="lock"):
            both.old.hypervisor.ask_monitor(pairs.UUID, "cont", {})
        await both.hand_over()
        seen = await both.new.wait_phase(Phase.RUNNING)
        assert seen.restarts == 0
        async with asyncio.timeout(pairs.WITHIN_S):
            while both.state(both.old) is not None or face(both.old).parent.exists():
                await asyncio.sleep(0.05)
        await pairs.read(both.new, "second")
        await pairs.write(both.new, "third")
        assert face(both.new).stat().st_ino == was
        assert book.read(both.old.layout, pairs.ID) is None


async def test_what_was_handed_over_is_known_before_the_other_host_goes_on(
    root_dir: Path, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that takes the files stands still for a while, as on a busy machine."""
    async with pairs.running(root_dir, (share, share)) as both:
        await pairs.write(both.old, "first")
        was = face(both.old).stat().st_ino
        await has_images(both)
        prepared, made = threading.Event(), layers.make
        taking = handing.taking

        @contextlib.contextmanager
        def standing(*args: Any) -> Generator[object]:
            with taking(*args) as taken:
                yield taken
            prepared.wait(1.0)

        def make(*args: Any) -> Path:
            prepared.set()
            return made(*args)

        monkeypatch.setattr(handing, "taking", standing)
        monkeypatch.setattr(layers, "make", make)
        await both.go()
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        assert not prepared.is_set(), "no file is made anew"
        assert face(both.new).stat().st_ino == was
        await pairs.read(both.new, "first")


@dataclass(slots=True)
class Fails:
    """Does what it stands for, but for one of its calls, in whose place it fails."""

    real: Callable[..., object]
    at: int
    calls: int = 0

    @property
    def called(self) -> Callable[..., object]:
        """A plain function, which becomes a method where it is put."""

        def call(*args: object, **more: object) -> object:
            self.calls += 1
            if self.calls == self.at:
                raise HypervisorFailed("cut by the test")
            return self.real(*args, **more)

        return call


async def has_images(both: Pair) -> None:
    """The new host has what the guest's disks lie on: that is fetched when it is told of it."""
    await both.go("mig-ffffffffffffffff0", port=0)
    paths = [both.new.layout.node_images / blob.sha256 for blob in blobs_of(both.guest())]
    async with asyncio.timeout(pairs.WITHIN_S):
        while not all(path.exists() for path in paths):
            await asyncio.sleep(0.05)


async def is_back(both: Pair, word: str) -> None:
    """The guest goes on where it was, with what it had written, and nothing is elsewhere."""
    await pairs.wait_migration(both.old, lambda said: bool(said.failure))
    assert book.read(both.old.layout, pairs.ID) is None
    assert both.state(both.old) is DomainState.RUNNING
    assert is_written(face(both.old))
    await both.want(both.old, both.guest(), both.volume(is_made=True))
    await both.want(both.new, None, both.volume(is_deleted=True))
    async with asyncio.timeout(pairs.WITHIN_S):
        while both.state(both.new) is not None or face(both.new).parent.exists():
            await asyncio.sleep(0.05)
    await pairs.write(both.old, word)
    await pairs.read(both.old, word)


async def test_whatever_goes_wrong_leaves_the_guest_where_it_was(
    root_dir: Path, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One guest, and a failure at each step after the other: also when the new host's machine is
    whole, and holds the files."""
    async with pairs.running(root_dir, (share, share)) as both:
        steps: tuple[tuple[object, str, int], ...] = (
            (outgoing.Going, "send_memory", 1),
            (outgoing.Going, "send_rest", 1),
            (incoming.Machine, "take", 1),
            (linking, "check_opened", 1),
            # At first it is written there that files are handed over, then that the guest is given.
            (book, "write", 2),
        )
        for number, (where, name, at) in enumerate(steps):
            with monkeypatch.context() as broken:
                fails = Fails(getattr(where, name), at)
                broken.setattr(where, name, fails.called)
                broken.setattr(keeper, "TRIES_MAX", 1)
                await has_images(both)
                await both.go(f"mig-{number:017x}")
                await is_back(both, f"step{number}")
                assert fails.calls == at, name
        # After all that, it goes.
        await both.go(pairs.OTHER)
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        await pairs.read(both.new, f"step{len(steps) - 1}")


async def test_hosts_that_do_not_agree_upon_what_was_handed_over_lose_nothing(
    root_dir: Path, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sharing.hand_over

    def nothing_heard(*args: Any) -> frozenset[str]:
        assert real(*args) == {pairs.VOLUME}
        return frozenset()

    wrong: tuple[tuple[str, object], ...] = (
        # The old host says that all was handed over, and nothing was.
        ("hand_over", lambda *args: frozenset({pairs.VOLUME})),
        # It mirrors nothing of what was handed over, and does not say that it was.
        ("without", lambda told, handed: told),
    )
    async with pairs.running(root_dir, (share, share)) as both:
        await has_images(both)
        for number, (name, said) in enumerate(wrong):
            with monkeypatch.context() as broken:
                broken.setattr(sharing, name, said)
                broken.setattr(keeper, "TRIES_MAX", 1)
                await both.go(f"mig-{number:017x}")
                await is_back(both, f"wrong{number}")
        was = face(both.old).stat().st_ino
        monkeypatch.setattr(sharing, "hand_over", nothing_heard)
        await both.go(pairs.OTHER)
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        assert face(both.old).stat().st_ino == was
        assert face(both.new).stat().st_ino != was, "what it had not heard of is copied"
        await pairs.read(both.new, f"wrong{len(wrong) - 1}")


async def test_it_stands_while_the_other_host_holds_its_files_and_is_away(
    root_dir: Path, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cable is cut when the new host's machine is whole: the guest may be put back, and is not
    before the other one was heard to have let go."""
    async with pairs.running(root_dir, (share, share)) as both:
        await pairs.learn(both.old)
        await pairs.write(both.old, "before")
        await has_images(both)
        monkeypatch.setattr(keeper, "TRIES_MAX", 1)
        listener = both.listener
        assert listener is not None
        with monkeypatch.context() as broken:
            real = linking.check_opened

            def check_and_cut(*args: Any) -> None:
                real(*args)
                assert listener is not None
                listener.close()

            broken.setattr(linking, "check_opened", check_and_cut)
            await both.go()
            async with asyncio.timeout(pairs.WITHIN_S):
                while listener.port:
                    await asyncio.sleep(0.05)
        async with asyncio.timeout(pairs.WITHIN_S):
            while both.state(both.old) is not DomainState.PAUSED or not is_written(face(both.new)):
                await asyncio.sleep(0.05)
        entry = book.read(both.old.layout, pairs.ID)
        assert entry is not None
        assert entry.is_handed
        listener.listen(is_wanted=True)
        await both.go(port=listener.port, is_cancelled=True)
        await is_back(both, "after")
