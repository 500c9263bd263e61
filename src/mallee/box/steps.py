"""Work on the machine as a list of named steps, each of which may be done again.

`up`, `down`, `destroy` and `faststart` are such lists. A step says what it found or did in a few
words, or fails with a cause and a cure; whoever runs the list shows it (`cli`, tests).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Failed(Exception):
    """A step cannot be done: why, and what the reader can do about it."""

    def __init__(self, cause: str, cure: str) -> None:
        self.cause = cause
        self.cure = cure
        super().__init__(f"cause: {cause}\ncure: {cure}")


@dataclass(frozen=True, slots=True)
class Step:
    """A step: what it achieves, in the imperative, and what does it.

    `do` is given a function that shows a line of progress, and returns what there is to say.
    """

    name: str
    do: Callable[[Callable[[str], None]], str]


class Watcher(Protocol):
    """Sees a list of steps being done."""

    def begin(self, step: Step) -> None:
        """The step begins."""
        ...

    def say(self, line: str) -> None:
        """The step has a word about its progress."""
        ...

    def finish(self, step: Step, result: str, took_s: float) -> None:
        """The step is done."""
        ...


def run(steps: Sequence[Step], watcher: Watcher) -> None:
    """Do the steps in their order; raise the first `Failed`."""
    for step in steps:
        watcher.begin(step)
        began = time.monotonic()
        result = step.do(watcher.say)
        watcher.finish(step, result, time.monotonic() - began)


def wait_until(
    is_true: Callable[[], bool], timeout_s: float, failure: Failed, *, every_s: float = 0.05
) -> None:
    """Look again and again until `is_true()`; raise `failure` at the deadline."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline:
            raise failure
        time.sleep(every_s)
