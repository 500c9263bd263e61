"""Wakes guests that wait for the world in conversations which have ended (`plan.wakeups`).

Called by `vpcs` with each look at a VPC's namespace, by a thread that is in it. Sending twice is
sending once: who was woken answers nothing new.
"""

import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from mallee.kit import clock as clocks
from mallee.kit import logs
from mallee.model.hosts.hosts import VpcWanted
from mallee.model.layout import Layout
from mallee.node.do.network import conversations
from mallee.node.plan.network import wakeups
from mallee.node.plan.network.conversations import Conversation

log = logs.get(__name__)


@dataclass(slots=True)
class _Waiting:
    those: Collection[Conversation]
    times: int = 0
    """How often they were woken."""
    due_s: float = 0.0
    """When they may be woken again, by the clock that never steps."""


class Wakeups:
    """Who is to be woken on this host, by namespace."""

    def __init__(self, layout: Layout, clock: clocks.Clock = clocks.SYSTEM) -> None:
        """Touches nothing."""
        self._layout = layout
        self._clock = clock
        self._waiting: dict[str, _Waiting] = {}

    def note(self, name: str, before: VpcWanted, vpc: VpcWanted) -> None:
        """Note whom guests of a VPC called by the host that led before, if another one does now.

        Called before conversations end. Raises `OSError`.
        """
        by_ip = wakeups.listeners(self._layout, vpc)
        if wakeups.are_left(before, vpc) and by_ip:
            found = wakeups.waiting(conversations.fetch_inside(by_ip.keys()), by_ip)
            self._waiting[name] = _Waiting(found)

    def send(self, name: str, vpc: VpcWanted) -> None:
        """Wake the guests once more, if it is due; nothing that fails here is worth a word to an
        administrator."""
        waiting = self._waiting.get(name)
        now = self._clock.monotonic()
        if waiting is None or now < waiting.due_s:
            return
        waiting.times += 1
        waiting.due_s = now + wakeups.APART_S
        by_ip = wakeups.listeners(self._layout, vpc)
        try:
            failed = _send(wakeups.frames(waiting.those, by_ip, waiting.times))
        except OSError as error:
            failed = {"": str(error)}
        if failed:
            log.info("guests not woken", namespace=name, why=failed)
        if waiting.times >= wakeups.TIMES:
            self.forget(name)

    def forget(self, name: str) -> None:
        """Wake nobody there any more."""
        self._waiting.pop(name, None)

    def clear(self) -> None:
        """Wake nobody any more."""
        self._waiting.clear()


def _send(frames: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Send what is for each tap; return by tap why something was not. Raises `OSError` when nothing
    can be sent at all."""
    failed: dict[str, str] = {}
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
        for tap, frame in frames:
            try:
                mouth.sendto(frame, (tap, 0))
            except OSError as error:
                # It is not there yet, or not any more, or its guest takes nothing in.
                failed[tap] = str(error)
    return failed
