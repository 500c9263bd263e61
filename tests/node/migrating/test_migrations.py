"""Guests that go from host to host while they run: there is one, always, with all it wrote."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.model.compute.instances import Phase
from mallee.model.layout import Layout
from mallee.model.storage.volumes import DiskWanted
from mallee.node.do import channel
from mallee.node.do.channel import ChannelFailed, Hello, Place
from mallee.node.do.guests import incoming, outgoing
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.storage import volumes
from mallee.node.migrating import book, coming, keeper, making, messages
from mallee.node.migrating.messages import CardTold, DiskTold, GuestTold
from mallee.node.plan.guests import domain
from mallee.node.plan.guests.seen import DomainState
from mallee.node.volumes.departures import LayerTold
from tests.node import wants
from tests.node.migrating import pairs

pytestmark = pytest.mark.host


async def test_a_guest_goes_with_its_memory_and_disks(root_dir: Path) -> None:
    async with pairs.running(root_dir) as both:
        await pairs.write(both.old, "first")
        await pairs.learn(both.old)
        directory = volumes.directory_of(both.old.layout, pairs.VOLUME)
        await both.go()
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        await pairs.wait_migration(both.new, lambda said: bool(said.proof))
        assert both.state(both.old) is DomainState.PAUSED
        await pairs.tell(both.new, "echo it-$secret", b"it-remembered")
        await pairs.read(both.new, "first")
        await pairs.write(both.new, "second")
        await both.hand_over()
        seen = await both.new.wait_phase(Phase.RUNNING)
        assert seen.restarts == 0
        await pairs.read(both.new, "second")
        async with asyncio.timeout(pairs.WITHIN_S):
            while both.state(both.old) is not None or directory.exists():
                await asyncio.sleep(0.05)
        assert not domain.directory_of(both.old.layout, pairs.ID).exists()
        assert book.read(both.old.layout, pairs.ID) is None


async def test_a_guest_that_was_given_runs_though_nobody_could_say_so(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pairs.running(root_dir) as both:
        await pairs.learn(both.old)
        real = book.write

        def write_and_cut(layout: Layout, instance_id: str, entry: book.Entry) -> None:
            real(layout, instance_id, entry)
            # The cable is cut in this instant.
            assert both.listener is not None
            both.listener.close()

        monkeypatch.setattr(book, "write", write_and_cut)
        await both.go()
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        assert both.state(both.old) is DomainState.PAUSED
        assert both.state(both.new) is DomainState.PAUSED
        # Neither runs it before the cloud has heard whose it is.
        await both.hand_over()
        seen = await both.new.wait_phase(Phase.RUNNING)
        assert seen.restarts == 0
        await pairs.tell(both.new, "echo it-$secret", b"it-remembered")


async def test_whatever_goes_wrong_leaves_the_guest_where_it_was(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One guest, and a failure at each step after the other; it ticks all the while."""
    async with pairs.running(root_dir) as both:
        steps = (
            (coming.Comings, "_prepare"),
            (outgoing.Going, "mirror"),
            (coming.Comings, "_take_disk"),
            (outgoing.Going, "send_memory"),
            (coming.Comings, "_take_memory"),
            (outgoing.Going, "end_mirrors"),
            (coming.Comings, "_close_disks"),
            (outgoing.Going, "send_rest"),
            (incoming.Machine, "take"),
            (book, "write"),
        )
        word = ""
        for number, (where, name) in enumerate(steps):
            word = f"step{number}"
            with monkeypatch.context() as broken:
                once = Once(getattr(where, name))
                broken.setattr(where, name, once.called)
                broken.setattr(keeper, "TRIES_MAX", 1)
                await both.go(f"mig-{number:017x}")
                said = await pairs.wait_migration(both.old, lambda said: bool(said.failure))
                assert said.migration is not None
                assert said.migration.migration_id == f"mig-{number:017x}"
                assert not said.migration.is_given
            await both.want(both.old, both.guest(), both.volume(is_made=True))
            await both.want(both.new, None, both.volume(is_deleted=True))
            async with asyncio.timeout(pairs.WITHIN_S):
                while both.state(both.new) is not None:
                    await asyncio.sleep(0.05)
            assert both.state(both.old) is DomainState.RUNNING, name
            await pairs.write(both.old, word)
            await pairs.read(both.old, word)
        # After all that, it goes.
        await both.go(pairs.OTHER)
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        await pairs.read(both.new, word)


async def test_a_try_that_was_cut_off_late_does_nothing_to_the_next_one(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new host still makes the machine of a guest that is announced anew meanwhile."""
    async with pairs.running(root_dir) as both:
        await pairs.learn(both.old)
        again = threading.Event()
        find, make = coming.Comings._find, making.make
        controls: list[channel.Connection] = []
        tries: list[channel.Connection] = []

        def found(self: coming.Comings, connection: channel.Connection, *args: Any) -> object:
            guest = find(self, connection, *args)
            if args[-1].what == messages.GUEST:
                controls.append(connection)
                if tries:
                    again.set()
            return guest

        def make_late(*args: Any) -> incoming.Machine:
            tries.append(controls[-1])
            if len(tries) == 1:
                controls[-1].end()
                assert again.wait(pairs.WITHIN_S)
            return make(*args)

        monkeypatch.setattr(coming.Comings, "_find", found)
        monkeypatch.setattr(making, "make", make_late)
        await both.go()
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        await pairs.wait_migration(both.new, lambda said: bool(said.proof))
        assert len(tries) == 2
        await pairs.tell(both.new, "echo it-$secret", b"it-remembered")


class Once:
    """Fails the first time that it is called while a guest is on its way."""

    def __init__(self, real: Callable[..., object]) -> None:
        self._real = real
        self._has_failed = False

    @property
    def called(self) -> Callable[..., object]:
        """A plain function, which becomes a method where it is put."""

        def call(*args: object, **more: object) -> object:
            return self._call(*args, **more)

        return call

    def _call(self, *args: object, **more: object) -> object:
        if self._has_failed or more.get("force"):
            return self._real(*args, **more)
        self._has_failed = True
        raise pairs.Cut("cut by the test")


async def test_an_agent_that_was_killed_puts_its_guest_back(root_dir: Path) -> None:
    async with pairs.running(root_dir) as both:
        uuid, stand = pairs.UUID, both.old
        machine = outgoing.Going(stand.hypervisor, uuid)
        # As one leaves it that is killed while the guest stands.
        sink = domain.directory_of(stand.layout, pairs.ID) / "sink.sock"
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as listening:
            listening.bind(str(sink))
            sink.chmod(0o666)
            listening.listen(1)
            await asyncio.to_thread(machine.send_memory, sink)
            swallow = asyncio.create_task(asyncio.to_thread(swallowed, listening))
            async with asyncio.timeout(pairs.WITHIN_S):
                while machine.memory().status != "pre-switchover":
                    await asyncio.sleep(0.01)
            assert both.state(stand) is DomainState.PAUSED
            # The agent that begins is told that the guest goes, and where nobody answers yet.
            await both.go(port=0)
            async with asyncio.timeout(pairs.WITHIN_S):
                while both.state(stand) is not DomainState.RUNNING:
                    await asyncio.sleep(0.01)
            await pairs.write(stand, "alive")
        await swallow


def swallowed(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with contextlib.closing(connection):
        while connection.recv(1 << 20):
            pass


async def test_strangers_get_no_guest(root_dir: Path) -> None:
    async with pairs.running(root_dir) as both:
        assert both.listener is not None
        place = Place(pairs.NEW, "127.0.0.1", both.listener.port)

        def call(layout: Layout, hello: Hello) -> None:
            channel.connect(layout, place, hello).close()

        old, thief = both.old.layout, Layout(root_dir / "third")
        pairs.certify(both.authority, thief, pairs.THIRD)
        with pytest.raises(ChannelFailed, match="no such guest comes from this host"):
            await asyncio.to_thread(call, old, pairs.HELLO)
        await both.go(port=0)
        for layout, hello in (
            (thief, pairs.HELLO),
            (old, replace(pairs.HELLO, word="6" * 32)),
            (old, replace(pairs.HELLO, move_id=pairs.OTHER)),
            (old, replace(pairs.HELLO, id="../../etc")),
        ):
            with pytest.raises(ChannelFailed, match="no such guest comes from this host"):
                await asyncio.to_thread(call, layout, hello)
        for what in (messages.DISK, messages.MEMORY):
            with pytest.raises(ChannelFailed, match="has not been announced"):
                await asyncio.to_thread(call, old, replace(pairs.HELLO, what=what))


DISK = DiskTold(volume_id=pairs.VOLUME, face=2, size_bytes=1 << 30)
OWN = DiskTold(size_bytes=8 << 20)


@pytest.mark.parametrize(
    "disks",
    [
        (OWN,),
        (OWN, DISK, DISK),
        (replace(OWN, size_bytes=1 << 40), DISK),
        (OWN, replace(DISK, volume_id="vol-0123456789abcdef1")),
        (OWN, replace(DISK, volume_id="../../../etc")),
        (OWN, replace(DISK, face=0)),
        (OWN, replace(DISK, size_bytes=1 << 60)),
        (OWN, replace(DISK, lower=(LayerTold(number=2, file_bytes=1),))),
        (OWN, replace(DISK, lower=(LayerTold(number=-1, file_bytes=1),))),
        (OWN, replace(DISK, lower=(LayerTold(number=1, file_bytes=1),) * 2)),
    ],
)
def test_a_guest_has_the_disks_that_the_cloud_gives_it(disks: tuple[DiskTold, ...]) -> None:
    wanted = wants.make_instance(disks=(DiskWanted(pairs.VOLUME, 1),))
    making.check_told(GuestTold(disks=(OWN, DISK)), wanted)
    with pytest.raises(HypervisorFailed):
        making.check_told(GuestTold(disks=disks), wanted)


CARD = CardTold(interface_id=wants.make_instance().interface_ids[0], bus=0, slot=8)
OTHERS = CardTold(interface_id="eni-0123456789abcdef9", bus=2, slot=0x11)


@pytest.mark.parametrize(
    "cards",
    [
        (CARD, CARD),
        (CARD, OTHERS),
        (OTHERS,),
        (replace(CARD, bus=1),),
        (replace(CARD, bus=2),),
        (replace(CARD, slot=3),),
        (replace(CARD, slot=0x1F),),
        (replace(CARD, bus=2, slot=0x20),),
        (replace(CARD, bus=-1, slot=-1),),
    ],
)
def test_a_guest_has_the_cards_that_the_cloud_gives_it_where_cards_may_be(
    cards: tuple[CardTold, ...],
) -> None:
    wanted = wants.make_instance(disks=(DiskWanted(pairs.VOLUME, 1),))
    # An older agent tells of none.
    for told in ((), (CARD,), (replace(CARD, bus=2, slot=0x10),)):
        making.check_told(GuestTold(disks=(OWN, DISK), cards=told), wanted)
    with pytest.raises(HypervisorFailed, match="cards"):
        making.check_told(GuestTold(disks=(OWN, DISK), cards=cards), wanted)
