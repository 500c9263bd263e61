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
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from mallee.kit import files, logs, process
from mallee.kit.clock import SYSTEM, Clock
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.model.network.gateways import (
    PROMISE,
    PROMISED_S,
    RENEW_S,
    GatewayWanted,
    LeaseAsked,
    LeaseTold,
)
from mallee.node import cloud
from mallee.node.do import channel
from mallee.node.do.network.network import Network
from mallee.node.gateways import announcing, fence
from mallee.node.gateways.holding import Holding
from mallee.node.ledger import Ledger

ASKED_WITHIN_S = 3.0
"""Longer nobody is waited for: the other one can still be asked then."""

LOOK_AFTER = 10
"""Every how many rounds a fence that is shut is looked after: others may have taken it away."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

log = logs.get(__name__)


class Door(Protocol):
    """The cloud, as far as it is asked here."""

    async def ask_lease(self, asked: LeaseAsked) -> LeaseTold:
        """Ask for a lease; raises `cloud.CloudAway` and `cloud.Refused`."""
        ...


class Fence(Protocol):
    """What stops the host from leading to the world when its right has run out."""

    def open(self, wanted: HostWanted, held_s: float) -> None:
        """Have it open for so long; 0: shut. Infinite: there is none. Blocks."""
        ...

    def forget(self) -> None:
        """Know nothing of what stands: something has failed."""
        ...


class Memory(Protocol):
    """Where it is written down which term was taken; it outlives the agent."""

    def read(self) -> GatewayWanted | None:
        """Return it; None: nothing."""
        ...

    def write(self, taken: GatewayWanted | None) -> None:
        """Remember it; None: nothing. Blocks."""
        ...

    def is_of_this_boot(self) -> bool:
        """Tell whether what is written down is from since the machine began."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What the keeper stands on."""

    own_id: str
    door: Door
    ask_standby: Callable[[channel.Place, GatewayWanted], None]
    """Has the standby promise not to begin; blocks, and raises `channel.ChannelFailed`."""
    fence: Fence
    book: Memory
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
        self._holding.taken = means.book.read()
        self._holding.is_confirmed = means.book.is_of_this_boot()
        self._is_away = False
        """Whether the cloud did not answer last."""
        self._ended_term = 0
        """At which it was told that this host leads nobody."""
        self._shut_term = 0
        """At which the fence was found shut."""
        self._rounds = 0
        self._was_open = False
        self._promising: asyncio.Future[None] | None = None
        """The question to the standby that is under way, in a thread."""
        self.problems: tuple[str, ...] = ()
        """What an administrator should know."""

    async def run(self) -> None:
        """Keep it until cancelled; then what was held runs out by itself."""
        while True:
            wanted = self._means.wanted()
            self._rounds += 1
            try:
                await self._round(wanted)
            except (process.Failed, process.TimedOut, OSError) as error:
                log.warning("gateway", error=str(error))
                self._means.fence.forget()
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
            await self._leave(wanted)
        elif told.host_id != self._means.own_id:
            await self._end(wanted, told)
        else:
            await self._hold(wanted, told)

    async def _leave(self, wanted: HostWanted) -> None:
        """Have nothing to do with it: the host leads whom it likes."""
        if self._holding.taken is not None:
            self._holding.end()
            await asyncio.to_thread(self._means.book.write, None)
        await asyncio.to_thread(self._means.fence.open, wanted, math.inf)
        await asyncio.to_thread(self._means.guard, math.inf)

    async def _end(self, wanted: HostWanted, told: GatewayWanted) -> None:
        """Lead nobody, and say so."""
        if self._holding.taken is not None:
            log.warning("another host leads to the world", host=told.host_id, term=told.term)
        self._holding.end()
        if self._was_open or told.term != self._shut_term or self._rounds % LOOK_AFTER == 0:
            await self._apply_fence(wanted)
            self._shut_term = told.term
        await asyncio.to_thread(self._means.book.write, None)
        if self._ended_term < told.term:
            asked = LeaseAsked(term=told.term, holds=False)
            if await self._ask(asked) is not None:
                self._ended_term = told.term

    async def _hold(self, wanted: HostWanted, told: GatewayWanted) -> None:
        asked_at = self._means.clock.monotonic()
        was_away = self._is_away
        taken = self._holding.taken
        asked = LeaseAsked(told.term, holds=True, taken=taken.term if taken is not None else 0)
        asking = asyncio.ensure_future(self._ask(asked))
        promising = asyncio.ensure_future(self._be_promised(wanted)) if was_away else None
        granted = await asking
        if granted and self._holding.may_begin(self._means.clock.monotonic()):
            if self._holding.taken != told:
                await asyncio.to_thread(self._means.book.write, told)
            self._holding.take(told, asked_at, self._means.clock.monotonic())
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
        taken = self._holding.taken
        place = _standby(wanted, taken)
        if place is None or taken is None:
            return False
        if self._promising is not None and not self._promising.done():
            # One that does not answer holds a thread for a minute: it is not given another one.
            return False
        asking = asyncio.to_thread(self._means.ask_standby, place, taken)
        self._promising = asyncio.ensure_future(asking)
        self._promising.add_done_callback(_look_at)
        try:
            async with asyncio.timeout(ASKED_WITHIN_S):
                await asyncio.shield(self._promising)
        except (channel.ChannelFailed, TimeoutError) as error:
            log.warning("no promise of the standby", error=str(error))
            return False
        return True

    async def _apply_fence(self, wanted: HostWanted) -> None:
        """Open the fence for as long as the host holds the world, or shut it."""
        held_s = self._holding.held_s(self._means.clock.monotonic())
        await asyncio.to_thread(self._means.fence.open, wanted, held_s)
        await asyncio.to_thread(self._means.guard, held_s)
        is_open = held_s > 0
        if is_open and not self._was_open:
            log.info("this host leads to the world")
            await self._announce()
        elif self._was_open and not is_open:
            log.warning("this host leads nobody to the world (any more)")
        self._was_open = is_open

    async def _announce(self) -> None:
        try:
            await asyncio.to_thread(announcing.announce, self._means.answered())
        except OSError as error:
            log.warning("addresses not announced", error=str(error))


def _look_at(asked: asyncio.Future[None]) -> None:
    """Look at how a question ended for which nobody waits any more."""
    if not asked.cancelled():
        asked.exception()


def means(layout: Layout, door: cloud.Cloud, book: Ledger, net: Network) -> Means:
    """Return what the keeper of a real host stands on."""
    return Means(
        own_id=door.host_id,
        door=door,
        ask_standby=partial(_ask_standby, layout),
        fence=fence.HostFence(layout),
        book=Book(layout, _BOOT_ID.read_text().strip()),
        wanted=lambda: book.wanted,
        answered=lambda: net.answered,
        clock=SYSTEM,
        guard=net.guard,
    )


def _ask_standby(layout: Layout, place: channel.Place, taken: GatewayWanted) -> None:
    hello = channel.Hello(what=PROMISE, id=str(taken.term), move_id="", word="")
    channel.connect(layout, place, hello).close()


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


class Written(GatewayWanted, frozen=True, gc=False):
    """What was taken, as it is written down."""

    boot: str = ""
    """Which life of the machine that was in, as its kernel calls it."""


class Book:
    """What was taken, written down so that the next agent goes on with it."""

    def __init__(self, layout: Layout, boot: str) -> None:
        """`boot`: what the kernel calls this life of the machine."""
        self._path = layout.node / "gateway.json"
        self._boot = boot

    def read(self) -> GatewayWanted | None:
        """Return it; None: nothing."""
        found = self._read()
        if found is None:
            return None
        return GatewayWanted(found.host_id, found.term, found.standby_id, found.standby_port)

    def is_of_this_boot(self) -> bool:
        """Tell whether what is written down is from since the machine began."""
        found = self._read()
        return found is not None and found.boot == self._boot

    def _read(self) -> Written | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Written)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write(self, taken: GatewayWanted | None) -> None:
        """Remember it; None: nothing."""
        if taken is not None:
            told = (taken.host_id, taken.term, taken.standby_id, taken.standby_port)
            written = Written(*told, self._boot)
            files.write_atomically(self._path, msgspec.json.encode(written))
        else:
            self._path.unlink(missing_ok=True)
