"""Removes a cloud from this machine with everything it made: guests, networks, files, unit.

`mallee destroy` asks, then runs this list; a run that was broken off is finished by the next.
What stays: Debian packages, the program itself, the user `mallee` (other clouds may use it), and
profiles in `~/.aws`.
"""

import shutil
from pathlib import Path

from mallee.box import down, guests, steps, systemd
from mallee.model.layout import Layout
from mallee.node.do.network import network
from mallee.node.do.storage import places

_FOREIGN = frozenset(Path(name) for name in ("/", "/home", "/root", "/srv", "/var", "/var/lib"))


def plan(layout: Layout) -> tuple[steps.Step, ...]:
    """Return the steps."""
    return (
        steps.Step("See that this is a cloud's root", lambda say: _check(layout)),
        *down.daemon_steps(layout),
        steps.Step("End the guests", lambda say: f"{guests.kill(layout)} ended"),
        steps.Step("Remove the network", lambda say: _remove_network(layout)),
        steps.Step("Remove the files", lambda say: _remove_files(layout)),
    )


def _check(layout: Layout) -> str:
    if not layout.root.exists():
        return f"{layout.root} is gone already"
    if layout.root.is_mount() and not any(layout.root.iterdir()):
        return f"{layout.root} is empty already"
    # /etc, /run and /var/log have a libvirt too: only what nobody else has is a mark.
    is_clouds = layout.settings.exists() or (layout.cloud.is_dir() and layout.node.is_dir())
    if layout.root in _FOREIGN or not is_clouds:
        raise steps.Failed(
            f"{layout.root} does not look like a cloud's root directory",
            "give the right one with --root",
        )
    return str(layout.root)


def _remove_network(layout: Layout) -> str:
    network.Network(layout).destroy()
    return f"namespaces, links and routes of {layout.tag} are gone"


def _remove_files(layout: Layout) -> str:
    systemd.remove(layout)
    if not layout.root.exists():
        return f"{layout.root} is gone"
    elsewhere = places.remove(layout)
    for path in layout.root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
    # The settings go last: by them a root that was removed half is known.
    for path in sorted(layout.root.iterdir(), key=lambda one: one == layout.settings):
        path.unlink()
    if layout.root.is_mount():
        words = f"{layout.root} is empty; a disk is mounted there, so the directory stays"
        return words + elsewhere
    layout.root.rmdir()
    return f"{layout.root} is gone{elsewhere}"
