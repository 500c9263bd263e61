"""Programs of a simulation that block: each in a thread, of which one at a time runs.

A program hands over to the loop whenever it sleeps or calls somebody, and the loop waits until it
does so: what happens is as deterministic as all else that lives on a virtual clock. It may be
killed wherever it waits, and then does nothing any more.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

Work = Callable[[], None]
_Asked = Callable[[], Awaitable[Any]]
_Ended = Callable[[BaseException | None], None]

_of_thread = threading.local()


class Killed(BaseException):
    """Nothing more is done: what stood open is closed, as the kernel does it."""


def ask(what: _Asked) -> Any:
    """Have the loop do something for the program that calls; return it, or raise what it raises."""
    errand: Errand = _of_thread.errand
    return errand.hand_over(what)


def own_pid() -> int:
    """Return the process id of the program that calls; 1: it is none."""
    return getattr(getattr(_of_thread, "errand", None), "pid", 1)


class Errand:
    """A program, from when it is made until it ends or is killed."""

    def __init__(self, pid: int, work: Work, on_end: _Ended) -> None:
        self.pid = pid
        self._work = work
        self._asked: _Asked | None = None
        self._reply: tuple[Any, Exception | None] = (None, None)
        self._error: BaseException | None = None
        self._is_killed = False
        self._to_loop, self._to_program = threading.Lock(), threading.Lock()
        self._to_loop.acquire()
        self._to_program.acquire()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._driving = asyncio.ensure_future(self._drive())
        self._driving.add_done_callback(lambda _: on_end(self._error))

    def kill(self) -> None:
        """End it at once."""
        self._driving.cancel()

    def hand_over(self, what: _Asked) -> Any:
        """Wait, in the program's thread, until the loop has done something."""
        if self._is_killed:
            raise Killed
        self._asked = what
        self._to_loop.release()
        self._to_program.acquire()
        if self._is_killed:
            raise Killed
        value, error = self._reply
        if error is not None:
            raise error
        return value

    def _run(self) -> None:
        _of_thread.errand = self
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - it is told to whoever made the program
            self._error = None if isinstance(error, Killed) else error
        self._asked = None
        self._to_loop.release()

    async def _drive(self) -> None:
        self._thread.start()
        try:
            while (asked := self._next()) is not None:
                try:
                    self._reply = (await asked(), None)
                except Exception as error:  # noqa: BLE001 - it is the program's
                    self._reply = (None, error)
                self._to_program.release()
        finally:
            if self._asked is not None:
                self._is_killed = True
                self._to_program.release()
                self._thread.join()

    def _next(self) -> _Asked | None:
        """Wait until the program asks for something, and return that; None: it has ended."""
        self._to_loop.acquire()
        return self._asked
