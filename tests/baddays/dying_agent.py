"""The real agent, made to fail at its steps: `python -m tests.baddays.dying_agent MODE MARKS ROOT`.

`die`: it kills itself once before and once after each kind of step, leaving a mark of each death
in the directory MARKS. `twice`: it does every step twice.

When it has died another one comes, a fork of this process, which has imported all and does nothing
else: to start a program for each would cost a second of a processor. SIGTERM ends both.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from mallee.node import apply, daemon
from mallee.node.host import Host
from mallee.node.plan.guests import steps

PR_SET_PDEATHSIG = 1

_apply_step = apply.apply_step
_libc = ctypes.CDLL(None)


def main() -> None:
    """Run one agent after the other, failing as told."""
    mode, marks, root = sys.argv[1:]
    _fail(mode, marks)
    sys.argv[1:] = ["--root", root]
    signal.signal(signal.SIGTERM, _end)
    while True:
        agent = os.fork()
        if agent == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            daemon.main()
            return
        try:
            os.waitpid(agent, 0)
        except SystemExit:
            os.kill(agent, signal.SIGKILL)
            os.waitpid(agent, 0)
            raise


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit()


def _fail(mode: str, marks: str) -> None:
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


def _die_once(mark: Path) -> None:
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
