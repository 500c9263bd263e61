"""Machines to which guests go are like those from which they come, device by device."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import InterfaceWanted
from mallee.model.storage.volumes import ROOT_SLOT
from mallee.node.do.network import taps
from mallee.node.plan.guests.domain import Place
from tests.fakes.keys import key_of
from tests.fakes.network import FakeNetwork
from tests.node import wants
from tests.node.migrating import pairs
from tests.node.stands import Stand

pytestmark = pytest.mark.host


class Wires(FakeNetwork):
    """Makes taps for real; they lead nowhere."""

    def create_tap(self, interface: InterfaceWanted) -> str:
        self.unplug(interface.id)
        name = super().create_tap(interface)
        taps.create(self._layout, name)
        return name

    def unplug(self, interface_id: str) -> None:
        if any(tap.name == self._layout.tap(interface_id) for tap in self.taps()):
            taps.remove(self._layout, self._layout.tap(interface_id))
        super().unplug(interface_id)


def places(stand: Stand) -> dict[str, Place | None]:
    """Where the cards of the guest's machine are, by their addresses."""
    seen = stand.hypervisor.read(pairs.UUID)
    return {nic.mac: nic.place for nic in seen.nics}


async def test_cards_that_came_while_the_guest_ran_go_along(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "FakeNetwork", Wires)
    async with pairs.running(root_dir) as both:
        first = wants.make_interface()
        second = replace(first, id="eni-00000000000000009", mac="02:00:00:00:00:09", device_index=1)
        # One after the other, the later one before the earlier: their order tells nothing.
        for cards in ((second,), (first, second)):
            both.cards = cards
            await both.want(both.old, both.guest(), both.volume(is_made=True))
            ids = {card.id for card in cards}
            await both.old.wait(1, lambda seen, ids=ids: set(seen.interface_ids) == ids)
        before = places(both.old)
        assert set(before.values()) == {Place(2, 0x10), Place(2, 0x11)}
        await pairs.learn(both.old)
        await both.go()
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        await pairs.tell(both.new, "echo it-$secret", b"it-remembered")
        assert places(both.new) == before
        await pairs.tell(both.new, "cat /sys/class/net/eth*/address", second.mac.encode())
        await both.hand_over()
        seen = await both.new.wait(1, lambda seen: len(seen.interface_ids) == len(both.cards))
        assert seen.restarts == 0


def with_root(both: pairs.Pair) -> None:
    """Have the volume be the guest's root."""
    both.slot, both.cards = ROOT_SLOT, (wants.make_interface(),)


def with_root_alone(both: pairs.Pair) -> None:
    """The same, in a guest without a card."""
    both.slot = ROOT_SLOT


@pytest.mark.parametrize("begin", [with_root, with_root_alone])
async def test_an_encrypted_root_goes_along(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch, begin: Callable[[pairs.Pair], None]
) -> None:
    monkeypatch.setattr(pairs, "FakeNetwork", Wires)
    async with pairs.running(root_dir, begin=begin, key_id=key_of(pairs.VOLUME).id) as both:
        written = "echo {0} | dd of=/dev/vda bs=64k conv=sync 2>/dev/null; sync; echo d''one-{0}"
        read = "dd if=/dev/vda bs=64k count=1 iflag=direct 2>/dev/null | head -n 1 | sed s/^/r-/"
        await pairs.tell(both.old, written.format("first"), b"done-first")
        await both.go()
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        await pairs.tell(both.new, read, b"r-first")
        await pairs.tell(both.new, written.format("second"), b"done-second")
        await both.hand_over()
        # A reset finds it where it was.
        both.new.hypervisor.reset(pairs.UUID)
        await pairs.said(both.new, b"here is a shell")
        await pairs.tell(both.new, read, b"r-second")
