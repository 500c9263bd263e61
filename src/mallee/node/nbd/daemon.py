"""The block server's process: `python -m mallee.node.nbd.daemon --root DIR`, one per host.

The supervisor starts it as root beside the agent, whose restarts do not touch it: guests that run
read their volumes through it. Until somebody wants to, or snapshots are pinned (`pins`), it is
nothing but a socket, and has not even loaded what it serves with (`serving`). SIGTERM ends it;
QEMU connects again when it is back.
"""

import argparse
import contextlib
import os
import select
import signal
import socket
from pathlib import Path

from mallee.model.layout import Layout

_BACKLOG = 128
USER = "libvirt-qemu"
"""Who runs guests, and may connect."""


def main() -> None:
    """Read the command line and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="mallee-blocks", description="Mallee's block server.")
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    layout = Layout(parser.parse_args().root.resolve())
    layout.node.mkdir(parents=True, exist_ok=True, mode=0o711)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    # Whoever finds the socket may end us by then.
    listener = listen(layout)
    # What was pinned is looked after at once; the agent connects when something shall be.
    is_waited_for = layout.pins.exists()
    select.select([listener], [], [], 0 if is_waited_for else None)
    # Not above: it brings 30 MB along, which a host without such volumes never needs.
    from mallee.node.nbd import serving

    serving.main(layout, listener)


def listen(layout: Layout) -> socket.socket:
    """Return the socket, in the place of one that an earlier process left."""
    path = layout.block_socket
    aside = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        aside.unlink()
    listener = socket.socket(socket.AF_UNIX)
    listener.setblocking(False)
    listener.bind(str(aside))
    aside.chmod(0o600)
    _give_to_qemu(aside)
    listener.listen(_BACKLOG)
    # A client finds nobody or finds us, never a socket that it may not open.
    os.rename(aside, path)
    return listener


def _give_to_qemu(path: Path) -> None:
    # Not `do.disks`, which loads more than the whole of this.
    import pwd

    found = pwd.getpwnam(USER)
    os.chown(path, found.pw_uid, found.pw_gid, follow_symlinks=False)


def _end(number: int, frame: object) -> None:
    """End in order: nothing has been begun. Who serves has a handler of its own."""
    raise SystemExit


if __name__ == "__main__":
    main()
