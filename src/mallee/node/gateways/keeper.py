"""Keeps the host's right to lead to the world: asks for leases, opens and shuts the fence.

One round every two seconds. While the cloud cannot be asked the standby is: a cloud that is away
takes the world from nobody; a host that reaches neither is the one that is cut off, and its fence
shuts. What a lease is worth is `holding`'s, who is in charge the cloud's business.
Wired by `daemon`.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from mallee.kit import files, logs, process
from mallee.kit.clock import Clock
from mallee.model.gateways import PROMISE, PROMISED_S, RENEW_S, GatewayWanted, LeaseAsked, LeaseTold
from mallee.model.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.node import cloud
from mallee.node.do import channel
from mallee.node.gateways import announcing, fence
from mallee.node.gateways.holding import Holding

ASKED_WITHIN_S = 3.0
"""Longer nobody is waited for: the other one can still be asked then."""

log = logs.get(__name__)


class Door(Protocol):
    """The cloud, as far as it is asked here."""

    async def ask_lease(self, asked: LeaseAsked) -> LeaseTold:
        """Ask for a lease; raises `cloud.CloudAway` and `cloud.Refused`."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What the keeper stands on."""

    layout: Layout
    own_id: str
    door: Door
    wanted: Callable[[], HostWanted | None]
    answered: Callable[[], announcing.Answered]
    """For which addresses the host answers on which wires."""
    clock: Clock
    guard: Callable[[float], None] = lambda _: None
    """Has whatever else leads for others do so for so many seconds more; blocks, in a thread."""


class GatewayKeeper:
    """Lives in the agent's loop; `serve` is called from threads."""

    def __init__(self, means: Means) -> None:
        self._means = means
        now = means.clock.monotonic()
        # What the agent before this one promised is not known any more.
        self._holding = Holding(means.own_id, promised_until=now + PROMISED_S)
        self._holding.taken = _read(means.layout)
        self._is_away = False
        """Whether the cloud did not answer last."""
        self._ended_term = 0
        """At which it was told that this host leads nobody."""
        self._fenced: tuple[str, str] | None = None
        """Which ranges the fence is for; None: it is to be made anew, if it is to stand."""
        self._stands: bool | None = None
        """Whether there is a fence; None: it is not known."""
        self._has_arp = True
        self._was_open = False
        self.problems: tuple[str, ...] = ()
        """What an administrator should know."""

    async def run(self) -> None:
        """Keep it until cancelled; then what was held runs out by itself."""
        while True:
            wanted = self._means.wanted()
            try:
                await self._round(wanted)
            except (process.Failed, process.TimedOut, OSError) as error:
                log.warning("gateway", error=str(error))
                self._fenced, self._stands = None, None
                self.problems = (f"The host cannot guard its way to the world: {error}.",)
            else:
                self.problems = ()
            await asyncio.sleep(RENEW_S if wanted is not None else RENEW_S / 4)

    def serve(self, connection: channel.Connection, hello: channel.Hello) -> None:
        """Promise the host in charge not to begin, if it is that; called from a thread."""
        wanted = self._means.wanted()
        told = wanted.gateway if wanted is not None else None
        now = self._means.clock.monotonic()
        refusal = self._holding.promise(told, connection.peer, hello.id, now)
        connection.send(channel.Welcome(refusal=refusal))

    async def _round(self, wanted: HostWanted | None) -> None:
        told = wanted.gateway if wanted is not None else None
        if wanted is None:
            return
        if told is None:
            # An older cloud, or a host that has not the role.
            await self._leave()
        elif told.host_id != self._means.own_id:
            await self._end(wanted, told)
        else:
            await self._hold(wanted, told)

    async def _leave(self) -> None:
        """Have nothing to do with it: the host leads whom it likes."""
        if self._holding.taken is not None:
            self._holding.end()
            await asyncio.to_thread(_write, self._means.layout, None)
        await self._take_fence_away()

    async def _end(self, wanted: HostWanted, told: GatewayWanted) -> None:
        """Lead nobody, and say so."""
        if self._holding.taken is not None:
            log.warning("another host leads to the world", host=told.host_id, term=told.term)
        self._holding.end()
        await self._apply_fence(wanted)
        await asyncio.to_thread(_write, self._means.layout, None)
        if self._ended_term < told.term:
            asked = LeaseAsked(term=told.term, holds=False)
            if await self._ask(asked) is not None:
                self._ended_term = told.term

    async def _hold(self, wanted: HostWanted, told: GatewayWanted) -> None:
        asked_at = self._means.clock.monotonic()
        was_away = self._is_away
        asking = asyncio.ensure_future(self._ask(LeaseAsked(told.term, holds=True)))
        promising = asyncio.ensure_future(self._be_promised(wanted)) if was_away else None
        granted = await asking
        if granted and self._holding.may_begin(self._means.clock.monotonic()):
            if self._holding.taken != told:
                await asyncio.to_thread(_write, self._means.layout, told)
            self._holding.take(told, asked_at)
        elif granted is None and promising is None:
            asked_at = self._means.clock.monotonic()
            promising = asyncio.ensure_future(self._be_promised(wanted))
        if promising is not None and await promising and granted is None:
            self._holding.go_on(asked_at)
        await self._apply_fence(wanted)

    async def _ask(self, asked: LeaseAsked) -> bool | None:
        """Ask the cloud; None: it does not answer."""
        try:
            async with asyncio.timeout(ASKED_WITHIN_S):
                told = await self._means.door.ask_lease(asked)
        except (cloud.CloudAway, TimeoutError):
            self._is_away = True
            return None
        except cloud.Refused as error:
            log.warning("no lease", error=str(error))
            self._is_away = False
            return False
        self._is_away = False
        return told.is_granted

    async def _be_promised(self, wanted: HostWanted) -> bool:
        """Ask the standby of what was taken; tell whether it promises not to begin."""
        place = _standby(wanted, self._holding.taken)
        if place is None:
            return False
        try:
            async with asyncio.timeout(ASKED_WITHIN_S):
                await asyncio.to_thread(self._call, place)
        except (channel.ChannelFailed, TimeoutError) as error:
            log.warning("no promise of the standby", error=str(error))
            return False
        return True

    def _call(self, place: channel.Place) -> None:
        taken = self._holding.taken
        term = str(taken.term) if taken is not None else ""
        hello = channel.Hello(what=PROMISE, id=term, move_id="", word="")
        channel.connect(self._means.layout, place, hello).close()

    async def _apply_fence(self, wanted: HostWanted) -> None:
        """Open the fence for as long as the host holds the world, or shut it."""
        held_s = self._holding.held_s(self._means.clock.monotonic())
        if held_s == math.inf:
            await self._take_fence_away()
        else:
            await asyncio.to_thread(self._guard, wanted, held_s)
        await asyncio.to_thread(self._means.guard, held_s)
        is_open = held_s > 0
        if is_open and not self._was_open:
            log.info("this host leads to the world")
            await self._announce()
        elif self._was_open and not is_open:
            log.warning("this host leads nobody to the world (any more)")
        self._was_open = is_open

    async def _take_fence_away(self) -> None:
        if self._stands is not False:
            await asyncio.to_thread(fence.remove, self._means.layout)
        self._fenced, self._stands = None, False

    def _guard(self, wanted: HostWanted, held_s: float) -> None:
        """Have the fence stand, open for so long; blocks."""
        layout, ranges = self._means.layout, (wanted.public_range, wanted.ipv6_range)
        if self._fenced == ranges:
            try:
                fence.load(fence.renewal(layout, wanted, held_s, has_arp=self._has_arp))
            except process.Failed:
                log.warning("the fence had been taken away; it stands again")
            else:
                return
        try:
            fence.load(fence.text(layout, wanted, held_s))
            self._has_arp = True
        except process.Failed:
            fence.load(fence.without_arp(layout, wanted, held_s))
            self._has_arp = False
        self._fenced, self._stands = ranges, True

    async def _announce(self) -> None:
        try:
            await asyncio.to_thread(announcing.announce, self._means.answered())
        except OSError as error:
            log.warning("addresses not announced", error=str(error))


def _standby(wanted: HostWanted, taken: GatewayWanted | None) -> channel.Place | None:
    """Return where the standby of what was taken answers; None: that is not known."""
    if taken is None or not taken.standby_id:
        return None
    told = wanted.gateway
    is_same = told is not None and told.standby_id == taken.standby_id
    port = told.standby_port if is_same and told is not None else taken.standby_port
    for peer in wanted.peers:
        if peer.id == taken.standby_id and port:
            return channel.Place(peer.id, peer.address, port)
    return None


def _memory(layout: Layout) -> Path:
    return layout.node / "gateway.json"


def _read(layout: Layout) -> GatewayWanted | None:
    try:
        return msgspec.json.decode(_memory(layout).read_bytes(), type=GatewayWanted)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _write(layout: Layout, taken: GatewayWanted | None) -> None:
    """Remember what was taken, so that the next agent goes on with it."""
    if taken is not None:
        files.write_atomically(_memory(layout), msgspec.json.encode(taken))
    else:
        _memory(layout).unlink(missing_ok=True)
