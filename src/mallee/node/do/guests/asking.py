"""Asks QEMUs for what they may never do: who asks waits so long and no longer.

A QEMU that stands still (a stopped process, a disk that does not answer) keeps whoever speaks to
it, for libvirt waits for its monitor without end. So each call has a thread of its own, and one
QEMU only a few calls at once. One that is given up cannot be taken back: it is done when QEMU
answers again, or fails with QEMU's end. Until then nothing else is asked of that QEMU, or things
would be done in another order than they were asked for. Called by `libvirt`; not its business:
libvirtd, which may stand still too (connections).
"""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

from mallee.kit import logs
from mallee.node.do.guests.hypervisor import QemuSilent

ANSWERS_WITHIN_S = 120.0
"""Much longer than libvirt lets a call wait for the one before it (30 s)."""
STARTS_WITHIN_S = 300.0
AT_ONCE = 3
"""What one QEMU may be asked at the same time: each call keeps a thread, and a connection."""
TURN_WITHIN_S = 5.0
"""So long one more waits until those before it have ended."""
PRESSED_WITHIN_S = 15.0
"""A guest need not listen to its power button either, so nobody waits long for it."""

T = TypeVar("T")

log = logs.get(__name__)


class Asking:
    """What QEMUs are asked, by their domain's UUID."""

    def __init__(self, answered: Callable[[str], None]) -> None:
        """`answered` is called, in any thread, when one has answered that was given up."""
        self._answered = answered
        self._under_way: Counter[str] = Counter()
        """How many calls have not ended."""
        self._given_up: Counter[str] = Counter()
        """Of how many of these somebody waited too long."""
        self._changed = threading.Condition()

    def ask(self, uuid: str, call: Callable[[], T], within_s: float = 0.0) -> T:
        """Return what a call returns, or raise what it raises; raises `QemuSilent` when that takes
        longer (0: than most may), or when those before it have not ended."""
        self._begin(uuid)
        outcome: futures.Future[T] = futures.Future()
        outcome.add_done_callback(lambda _: self._end(uuid))
        with contextlib.ExitStack() as undo:
            undo.callback(outcome.cancel)
            threading.Thread(target=_run, args=(call, outcome), name="asking", daemon=True).start()
            undo.pop_all()
        within_s = within_s or ANSWERS_WITHIN_S
        if not futures.wait((outcome,), within_s).done:
            self._give_up(uuid, outcome)
            raise QemuSilent(f"its QEMU has not answered for {within_s:g} s")
        return outcome.result()

    def silent(self) -> frozenset[str]:
        """Return who has not answered yet."""
        with self._changed:
            return frozenset(self._given_up)

    def _begin(self, uuid: str) -> None:
        """Wait for a turn, which one that answers gives soon. Raises `QemuSilent`."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_decided(uuid), TURN_WITHIN_S)
            if uuid in self._given_up or self._under_way[uuid] >= AT_ONCE:
                raise QemuSilent(
                    "its QEMU does not answer, and has not done what it was asked before"
                )
            self._under_way[uuid] += 1

    def _is_decided(self, uuid: str) -> bool:
        return uuid in self._given_up or self._under_way[uuid] < AT_ONCE

    def _give_up(self, uuid: str, outcome: futures.Future[T]) -> None:
        log.warning("a QEMU does not answer", domain=uuid)
        with self._changed:
            self._given_up[uuid] += 1
            self._changed.notify_all()
        # One that has ended in this moment calls it at once.
        outcome.add_done_callback(lambda _: self._answer(uuid))

    def _end(self, uuid: str) -> None:
        with self._changed:
            _take_one(self._under_way, uuid)
            self._changed.notify_all()

    def _answer(self, uuid: str) -> None:
        with self._changed:
            _take_one(self._given_up, uuid)
        log.info("a QEMU answers again, or has ended", domain=uuid)
        self._answered(uuid)


def _take_one(counter: Counter[str], uuid: str) -> None:
    counter[uuid] -= 1
    if not counter[uuid]:
        del counter[uuid]


def _run(call: Callable[[], T], outcome: futures.Future[T]) -> None:
    try:
        found = call()
    except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
        outcome.set_exception(error)
    else:
        outcome.set_result(found)
