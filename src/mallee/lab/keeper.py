"""The first process of a lab, and of each of its hosts: it lives, reaps, and does nothing else.

`python -m mallee.lab.keeper --lab DIR --name NAME`, as process 1 of namespaces of its own. All of a
lab is below one such process, so that its end is the end of everything: guests, daemons,
namespaces, links, mounts. The lab's own keeper starts one for each host that the file `hosts` of
the lab names, and looks into it again at SIGHUP. Standard library only, to stay small.
Not its business: links and daemons (`lab.up`).
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

MODULE = "mallee.lab.keeper"
LAB = "."
"""The name under which the lab's own keeper runs."""
NAMESPACES = ("--net", "--mount", "--pid", "--uts", "--ipc")
COMMANDS = Path("/run/lab-commands")
"""Where the command `mallee` lies in every host."""
_MOUNTS = (
    # What the hosts mount later is seen in the namespaces that their daemons make, and by nobody
    # else: as on a machine of one's own.
    ("mount", "--make-rshared", "/"),
    ("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"),
    ("mount", "-t", "sysfs", "sysfs", "/sys"),
    # Shared memory with a name would outlive a server that is killed (PostgreSQL's).
    ("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/dev/shm"),
)


def argv(lab: Path, name: str) -> tuple[str, ...]:
    """Return the command that becomes a keeper."""
    return (
        *("unshare", *NAMESPACES, "--fork", "--kill-child", "--propagation", "private"),
        *("--mount-proc", "--", sys.executable, "-m", MODULE),
        *("--lab", str(lab), "--name", name),
    )


def hosts_file(lab: Path) -> Path:
    """Return the file that names the hosts that shall run."""
    return lab / "hosts"


def own_root(lab: Path) -> Path:
    """Return the directory that is each host's own root, in labs whose hosts call it alike; no host
    has such a name."""
    return lab / "own-root"


def names_file(lab: Path) -> Path:
    """Return the file that tells the lab's hosts how to find names."""
    return lab / "resolv.conf"


def _prepare(lab: Path, name: str) -> None:
    for command in _MOUNTS:
        subprocess.run(command, check=True)
    os.makedirs("/run/netns")
    _write_command()
    subprocess.run(("ip", "link", "set", "lo", "up"), check=True)
    if name != LAB:
        socket.sethostname(name)
        resolver = Path("/etc/resolv.conf").resolve()
        if resolver.exists() and names_file(lab).exists():
            subprocess.run(("mount", "--bind", names_file(lab), resolver), check=True)
        if own_root(lab).is_dir():
            subprocess.run(("mount", "--bind", lab / name, own_root(lab)), check=True)


def _write_command() -> None:
    """Put the command where the hosts look first: the one of this program and of no other."""
    COMMANDS.mkdir()
    path = COMMANDS / "mallee"
    # Without -P the caller's directory would be looked into for modules.
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m mallee.cli.main "$@"\n')
    path.chmod(0o755)


def _start_missing(lab: Path, running: dict[int, str]) -> None:
    for name in hosts_file(lab).read_text().split():
        if name not in running.values():
            command = argv(lab, name)
            # The signals that are waited for here are blocked; they would be there too.
            pid = os.posix_spawnp(command[0], command, os.environ, setsigmask=())
            running[pid] = name


def _reap(running: dict[int, str]) -> None:
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        running.pop(pid, None)


def main() -> None:
    """Live until killed."""
    parser = argparse.ArgumentParser(prog="mallee-lab-keeper")
    parser.add_argument("--lab", type=Path, required=True, help="the lab's directory")
    parser.add_argument("--name", required=True, help="the host's name")
    given = parser.parse_args()
    awaited = {signal.SIGCHLD, signal.SIGHUP}
    running: dict[int, str] = {}
    _prepare(given.lab, given.name)
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    # Said when all is prepared: whoever enters before would see the machine's own directories.
    Path("/run/lab-is-ready").touch()
    is_asked = True
    while True:
        if is_asked and given.name == LAB:
            _start_missing(given.lab, running)
        # A host whose power was taken away stays off until somebody asks for it.
        is_asked = signal.sigwait(awaited) == signal.SIGHUP
        _reap(running)


if __name__ == "__main__":
    main()
