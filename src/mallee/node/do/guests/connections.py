"""Connections to the private libvirtd: one listens, the others are lent, each to a call at a time.

Threads may share a connection by libvirt's rules. Its client library before 10.4 (Debian 12 has
9.0) does not bear it: when one thread's call is ended by a keep-alive, the next one waits for ever,
with what the first one waited by, on its stack, still to be called back: as soon as libvirtd goes,
the process dies of it (CVE-2024-4418). Besides, libvirtd works on five calls of one connection at a
time, so that five slow ones would hold up all others.

A thread of its own opens connections, for opening one takes as long as libvirtd stands still.

Invariants:
1. Nobody makes a call by a connection by which another thread makes one.
2. What is lent belongs to the libvirtd that the one which listens belongs to, or is closed.
"""
# libvirt's Python module is generated and carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingImports=false
# pyright: reportAttributeAccessIssue=false, reportMissingTypeStubs=false

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import libvirt

from mallee.kit import logs
from mallee.node.do.guests import libvirtloop
from mallee.node.do.guests.hypervisor import HypervisorAway, HypervisorFailed

RECONNECT_S = 0.2
KEEPALIVE_S = 5
KEEPALIVE_COUNT = 3
LOOK_EVERY_S = 5.0
"""How often the one that listens is looked at, should nobody have told of its end."""
LENT_WITHIN_S = 20.0
FOUND_WITHIN_S = 8.0
"""So long after a start calls wait for a libvirtd that starts at the same time; less than the cloud
waits for a report, and a host whose libvirtd is not there is BROKEN."""
LENT_MAX = 32
"""Calls at once, but for those that take long."""
LONG_S = 5.0
"""A call that takes so long waits for a guest's QEMU: it counts no more, or silent guests would
keep all others from being looked at."""
IDLE_MAX = 6
CLOSED_WITHIN_S = 1.0

log = logs.get(__name__)

_AWAY = frozenset({libvirt.VIR_ERR_NO_CONNECT, libvirt.VIR_ERR_INVALID_CONN, libvirt.VIR_ERR_RPC})


@dataclass(frozen=True, slots=True)
class Listener:
    """What is done with the connection that listens."""

    begin: Callable[[Any], None]
    """Has it tell of what happens; in the thread that opened it."""
    came: Callable[[], None]
    """Is called when calls can be made again."""


class Connections:
    """The connections to the libvirtd at `uri`. `close` ends their thread."""

    def __init__(self, uri: str, listener: Listener) -> None:
        """Begin to look for libvirtd; until it is found, calls raise `HypervisorAway`."""
        self._uri = uri
        self._listener = listener
        self._changed = threading.Condition()
        """Guards all that follows."""
        self._ear: Any = None
        self._age = 0
        self._idle: list[Any] = []
        self._lent: dict[int, float] = {}
        """Since when each is, in monotonic seconds, by its identity."""
        self._waiting = 0
        self._closing = threading.Event()
        self._found_by = time.monotonic() + FOUND_WITHIN_S
        libvirtloop.start()
        self._keeper = threading.Thread(target=self._keep, name="libvirt keeper", daemon=True)
        self._keeper.start()

    @property
    def age(self) -> int:
        """Which libvirtd it is: another number after each time that it was found again."""
        return self._age

    @contextlib.contextmanager
    def calling(self) -> Generator[Any]:
        """Lend a connection, and raise libvirt's errors as ours."""
        connection, age = self._take()
        is_away = False
        try:
            yield connection
        except libvirt.libvirtError as error:
            is_away = error.get_error_code() in _AWAY or not connection.isAlive()
            if is_away:
                raise HypervisorAway(str(error)) from error
            raise HypervisorFailed(str(error)) from error
        finally:
            self._give_back(connection, 0 if is_away else age)

    def close(self) -> None:
        """Let go of libvirtd; guests go on. What is lent is closed when it is given back."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        self._keeper.join(CLOSED_WITHIN_S)
        self._forget()

    def _take(self) -> tuple[Any, int]:
        """Return a connection that nobody else has, and whose it is."""
        with self._changed:
            if self._age == 0:
                self._wait_for_the_first()
            if not self._idle:
                self._wait_for_one()
            if self._ear is None:
                raise HypervisorAway("libvirtd does not answer; its supervisor starts it again")
            connection = self._idle.pop()
            self._lent[id(connection)] = time.monotonic()
            return connection, self._age

    def _wait_for_the_first(self) -> None:
        left_s = self._found_by - time.monotonic()
        if left_s > 0:
            self._changed.wait_for(lambda: self._age > 0 or self._closing.is_set(), left_s)

    def _wait_for_one(self) -> None:
        self._waiting += 1
        self._changed.notify_all()
        try:
            if not self._changed.wait_for(lambda: self._idle or self._ear is None, LENT_WITHIN_S):
                raise HypervisorAway(f"libvirtd took no call in {LENT_WITHIN_S:g} s")
        finally:
            self._waiting -= 1

    def _give_back(self, connection: Any, age: int) -> None:
        with self._changed:
            del self._lent[id(connection)]
            is_kept = (
                age == self._age
                and self._ear is not None
                and (len(self._idle) < IDLE_MAX or self._waiting > 0)
            )
            if is_kept:
                self._idle.append(connection)
            if self._waiting > 0:
                self._changed.notify_all()
        if not is_kept:
            _close(connection)

    # The keeper's thread

    def _keep(self) -> None:
        """Listen whenever nobody does, and open what callers wait for.

        While libvirtd is away this asks for it five times a second: its socket tells nobody
        when it comes back.
        """
        while not self._closing.is_set():
            try:
                if not self._hears():
                    self._listen()
                elif self._lacks():
                    self._add()
                else:
                    with self._changed:
                        self._changed.wait_for(self._has_work, LOOK_EVERY_S)
            except libvirt.libvirtError as error:
                log.debug("libvirtd does not answer", error=str(error))
                self._closing.wait(RECONNECT_S)

    def _hears(self) -> bool:
        return self._ear is not None and bool(self._ear.isAlive())

    def _has_work(self) -> bool:
        return self._closing.is_set() or self._ear is None or self._lacks()

    def _lacks(self) -> bool:
        """Whether callers wait for more than there is, and may have more."""
        if self._waiting <= len(self._idle):
            return False
        since = time.monotonic() - LONG_S
        return sum(at > since for at in self._lent.values()) + len(self._idle) < LENT_MAX

    def _listen(self) -> None:
        self._forget()
        ear = self._open()
        with contextlib.ExitStack() as undo:
            undo.callback(_close, ear)
            ear.registerCloseCallback(self._on_close, None)
            self._listener.begin(ear)
            undo.pop_all()
        with self._changed:
            self._ear, self._age = ear, self._age + 1
            self._changed.notify_all()
        self._listener.came()

    def _forget(self) -> None:
        """Have nobody use this libvirtd any more."""
        with self._changed:
            ear, self._ear = self._ear, None
            those, self._idle = self._idle, []
            self._changed.notify_all()
        for connection in those if ear is None else (*those, ear):
            _close(connection)

    def _open(self) -> Any:
        connection = libvirt.open(self._uri)
        with contextlib.ExitStack() as undo:
            undo.callback(_close, connection)
            connection.setKeepAlive(KEEPALIVE_S, KEEPALIVE_COUNT)
            undo.pop_all()
        return connection

    def _add(self) -> None:
        connection = self._open()
        with self._changed:
            self._idle.append(connection)
            self._changed.notify_all()

    # libvirt's own thread

    def _on_close(self, connection: Any, _reason: int, _: Any) -> None:
        """Have callers know at once that nobody answers; the keeper does the rest."""
        with self._changed:
            if connection is self._ear:
                self._ear = None
                self._changed.notify_all()


def _close(connection: Any) -> None:
    with contextlib.suppress(libvirt.libvirtError):
        connection.close()
