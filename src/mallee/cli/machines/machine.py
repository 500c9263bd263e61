"""`mallee up|down` and `mallee kvm`: the cloud of this machine.

These are local verbs: they run the lists of steps of `box` and show how they go.
"""

import subprocess
import sys

from mallee.box import down as stopping
from mallee.box import nodejoin, steps
from mallee.box import up as starting
from mallee.cli import progress, words
from mallee.cli.root import DEFAULT, Root
from mallee.kit import files
from mallee.model.layout import Layout
from mallee.node import membership


def up(*, root: Root = DEFAULT) -> None:
    """Start what runs on this machine, a cloud or a host of one, and wait until it is there."""
    layout = Layout(root)
    is_host = membership.is_node(layout)
    progress.run(nodejoin.start_plan(layout) if is_host else starting.plan(layout))


def down(*, root: Root = DEFAULT, guests: bool = False) -> None:
    """Stop the cloud's daemons; guests go on running unless `--guests` powers them off too."""
    progress.run(stopping.plan(Layout(root), guests))


def prove_kvm(*, root: Root = DEFAULT) -> None:
    """Boot the tiny guest under KVM with a deadline; remember whether it came up."""
    progress.run((starting.guest_step(Layout(root)),))
    command = [sys.executable, "-m", "mallee.node.kvmproof", "--root", str(root.resolve())]
    # Python looks for modules where it is started, and anybody may have put some there.
    done = subprocess.run(command, check=False, cwd="/", stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        raise steps.Failed("the proof could not be made", "mallee doctor")
    show_kvm(root=root)


def show_kvm(*, root: Root = DEFAULT) -> None:
    """Show whether guests run by KVM here, or are emulated, and why."""
    verdict = files.read_json(Layout(root).kvm_verdict)
    if verdict is None:
        raise steps.Failed("nothing was proved yet", "mallee kvm prove")
    words.give(f"{verdict['acceleration']}: {verdict['reason']}")
