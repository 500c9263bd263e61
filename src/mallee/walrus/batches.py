"""Batches: jobs that wait for the committer, who is woken once for many of them.

Whoever gathers says for how many he waits: the others come without waking him, so that a job costs
no switch of threads of its own. Called by `committer`. Not its business: what a job is.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from mallee.walrus.errors import Closed

T = TypeVar("T")

_NOBODY = 0


class Batches(Generic[T]):
    """Jobs in the order in which they came. Many put, one takes."""

    __slots__ = ("_bell", "_gate", "_is_closed", "_jobs", "_wanted")

    def __init__(self) -> None:
        self._jobs: deque[T] = deque()
        self._gate = threading.Lock()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        """Has one thing in it from when the taker is to be woken until he is."""
        self._wanted = _NOBODY
        """How many jobs the taker sleeps for."""
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: T) -> None:
        """Have a job wait. Raises `Closed`."""
        with self._gate:
            if self._is_closed:
                raise Closed("the object store is closed")
            self._jobs.append(job)
            if self._wanted and len(self._jobs) >= self._wanted:
                self._wake()

    def close(self) -> bool:
        """Let nothing more come; tell whether anything could until now."""
        with self._gate:
            was_open, self._is_closed = not self._is_closed, True
            if self._wanted:
                self._wake()
        return was_open

    def wait(self, count: int, timeout_s: float | None) -> None:
        """Return when so many jobs are there, nothing more will come, or the time is over."""
        with self._gate:
            if self._is_closed or len(self._jobs) >= count:
                return
            self._wanted = count
        try:
            self._bell.get(timeout=timeout_s)
        except queue.Empty:
            with self._gate:
                if self._wanted == _NOBODY:
                    # It rang in between.
                    self._bell.get()
                self._wanted = _NOBODY

    def take(self, most: int, size_of: Callable[[T], int], size_max: int) -> list[T]:
        """Return the first jobs: so many at most, and no more once they are so large together."""
        taken: list[T] = []
        size = 0
        with self._gate:
            while self._jobs and len(taken) < most and size < size_max:
                taken.append(self._jobs.popleft())
                size += size_of(taken[-1])
        return taken

    def _wake(self) -> None:
        self._wanted = _NOBODY
        self._bell.put(None)
