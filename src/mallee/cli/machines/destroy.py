"""`mallee destroy`: the cloud of this machine, and all that it made, is removed."""

import sys

from mallee.box import destroy as destruction
from mallee.box import steps
from mallee.cli import progress, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout


def destroy(*, root: Root = DEFAULT, yes: bool = False) -> None:
    """Remove the cloud and everything that it made: guests, disks, networks, state.

    Parameters
    ----------
    yes
        Do not ask.
    """
    layout = Layout(root)
    if not yes:
        _confirm(layout)
    progress.run(destruction.plan(layout))


def _confirm(layout: Layout) -> None:
    words.tell(f"this removes every instance, disk, image and account under {layout.root}")
    words.err().print("type the root directory to go on: ", end="")
    if sys.stdin.readline().strip() != str(layout.root):
        raise steps.Failed("not confirmed: nothing was removed", "")
