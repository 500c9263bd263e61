"""How a list of steps is shown while it is done: a line per step, its result and its time."""

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mallee.box import steps
from mallee.cli import words

if TYPE_CHECKING:
    from rich.status import Status


def run(todo: Sequence[steps.Step]) -> None:
    """Do the steps and show how they go; raise the first `steps.Failed`."""
    with Watcher() as watcher:
        steps.run(todo, watcher)


class Watcher:
    """Shows steps on standard error; with a spinner where somebody looks at it."""

    def __init__(self) -> None:
        self._spinner: Status | None = None
        self._step: steps.Step | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()
        if error is not None and self._step is not None:
            words.err().print(f"[bold red]✗[/] {words.plain(self._step.name)}")

    def begin(self, step: steps.Step) -> None:
        """The step begins."""
        self._step = step
        if sys.stderr.isatty():
            self._spinner = words.err().status(words.plain(step.name))
            self._spinner.start()

    def say(self, line: str) -> None:
        """The step has a word about its progress."""
        if self._spinner is not None and self._step is not None:
            self._spinner.update(f"{words.plain(self._step.name)}: {words.plain(line)}")
        else:
            words.tell(f"    {line}")

    def finish(self, step: steps.Step, result: str, took_s: float) -> None:
        """The step is done."""
        self._stop()
        words.err().print(
            f"[green]✓[/] {words.plain(step.name)} [dim]{took_s:.1f} s[/] {words.plain(result)}"
        )
        self._step = None

    def fail(self, step: steps.Step, why: str) -> None:
        """The step has failed, and others go on."""
        self._stop()
        words.err().print(f"[bold red]✗[/] {words.plain(step.name)}: {words.plain(why)}")
        self._step = None

    def _stop(self) -> None:
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None
