"""Who leads to the world in a simulation: the agent's own keeper of leases, over fences of numbers.

A fence outlives the agent, as the kernel's does: it shuts by itself when its time is over. Standbys
are asked over the cables, and hear nothing while these are cut.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from mallee.kit.clock import Clock
from mallee.model.hosts.hosts import HostWanted
from mallee.model.network.gateways import PROMISE, GatewayWanted, LeaseAsked, LeaseTold
from mallee.node.do import channel
from mallee.node.gateways import keeper


@dataclass(slots=True)
class Fence:
    """What of a machine's fence can be seen, and what lies on its disk."""

    clock: Clock
    open_until: float = -math.inf
    """In monotonic seconds."""
    taken: GatewayWanted | None = None
    on_open: Callable[[], None] = field(default=lambda: None)

    @property
    def leads(self) -> bool:
        """Whether packets pass it."""
        return self.open_until > self.clock.monotonic()

    # As `fence.HostFence`.
    def open(self, wanted: HostWanted, held_s: float) -> None:
        self.open_until = self.clock.monotonic() + held_s
        self.on_open()

    def forget(self) -> None:
        """It is always known."""

    # As `keeper.Book`.
    def read(self) -> GatewayWanted | None:
        return self.taken

    def write(self, taken: GatewayWanted | None) -> None:
        self.taken = taken

    def is_of_this_boot(self) -> bool:
        return True


class Door(Protocol):
    """The cloud, as the machine calls it."""

    async def ask_lease(self, asked: LeaseAsked) -> LeaseTold: ...


class Reach(Protocol):
    """The other machines, as far as cables lead to them."""

    def keeper_of(self, host_id: str) -> keeper.GatewayKeeper | None:
        """Return the one of a machine that can be reached now."""
        ...

    def loses(self) -> bool:
        """Tell whether a message is lost on its way."""
        ...


class _Connection:
    """As `channel.Connection`, as far as a keeper serves it."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.refusal = ""

    def send(self, message: channel.Welcome) -> None:
        self.refusal = message.refusal


def make(
    own_id: str, fence: Fence, door: Door, reach: Reach, wanted: Callable[[], HostWanted | None]
) -> keeper.GatewayKeeper:
    """Return the keeper of a machine whose agent starts."""

    def ask_standby(place: channel.Place, taken: GatewayWanted) -> None:
        other = None if reach.loses() else reach.keeper_of(place.host_id)
        if other is None:
            raise channel.ChannelFailed("it is not reached")
        connection: Any = _Connection(own_id)
        hello = channel.Hello(what=PROMISE, id=str(taken.term), move_id="", word="")
        other.serve(connection, hello)
        if connection.refusal or reach.loses():
            raise channel.ChannelFailed(connection.refusal or "its answer is lost")

    return keeper.GatewayKeeper(
        keeper.Means(
            own_id=own_id,
            door=door,
            ask_standby=ask_standby,
            fence=fence,
            book=fence,
            wanted=wanted,
            answered=frozenset,
            clock=fence.clock,
        )
    )
