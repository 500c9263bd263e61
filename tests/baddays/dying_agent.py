"""The real agent, made to fail at its steps: `python -m tests.baddays.dying_agent MODE MARKS ROOT`.

`die`: it kills itself once before and once after each kind of step, leaving a mark of each death
in the directory MARKS. `twice`: it does every step twice.
"""

import os
import signal
import sys
from pathlib import Path

from mallee.node import apply, daemon
from mallee.node.host import Host
from mallee.node.plan.guests import steps

_apply_step = apply.apply_step


def main() -> None:
    """Run the agent, failing as told."""
    mode, marks, root = sys.argv[1:]

    async def dying(host: Host, step: steps.Step) -> None:
        name = type(step).__name__
        _die_once(Path(marks) / f"before {name}")
        await _apply_step(host, step)
        _die_once(Path(marks) / f"after {name}")

    async def repeating(host: Host, step: steps.Step) -> None:
        await _apply_step(host, step)
        (Path(marks) / f"twice {type(step).__name__}").touch()
        await _apply_step(host, step)

    apply.apply_step = {"die": dying, "twice": repeating}[mode]
    sys.argv[1:] = ["--root", root]
    daemon.main()


def _die_once(mark: Path) -> None:
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
