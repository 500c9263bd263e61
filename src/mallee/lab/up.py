"""Brings a lab up and down, step by step; every step may be done again.

`mallee lab up` and `mallee lab down` run these lists, and so do tests. A lab that was made in part,
or whose hosts lost their power, is made whole by `up`; `down` leaves nothing, of whatever is there.
"""

import fcntl
import os
import re
import shlex
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mallee.box import requirements, steps
from mallee.kit import files, process
from mallee.lab import document, keeper, links, members, openvswitch, plan, rooms
from mallee.lab.document import Lab
from mallee.lab.rooms import Place

LABS = Path("/var/lib/mallee-lab")
"""Where labs lie, a directory for each, unless somebody says otherwise."""
_HOSTS_READY_S_MAX = 60.0
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")
"""How the kernel writes spaces and the like in paths."""


@contextmanager
def held(place: Place) -> Generator[None]:
    """Be the only one who makes or removes a lab; raise `steps.Failed` when somebody else is."""
    place.path.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor = os.open(place.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # The kernel lets go of it when its owner ends, however that happens.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise steps.Failed(
            f"somebody else makes or removes the lab {place.name} now", "wait, and try again"
        ) from error
    finally:
        os.close(descriptor)


def up_plan(place: Place, lab: Lab) -> tuple[steps.Step, ...]:
    """Return the steps that make a lab as its document has it."""
    return (
        steps.Step("See that the lab can be made", lambda say: _check(place, lab)),
        *_host_steps(place, lab, tuple(lab.hosts)),
    )


def power_plan(place: Place, lab: Lab, host: str) -> tuple[steps.Step, ...]:
    """Return the steps by which a host comes back that has no power, and no other."""
    return _host_steps(place, lab, (host,))


def _host_steps(place: Place, lab: Lab, names: Sequence[str]) -> tuple[steps.Step, ...]:
    roles = {name: lab.hosts[name].role for name in names}
    front = document.host_of(lab, "front")
    nodes = [name for name, role in roles.items() if role == "node"]
    todo = [
        steps.Step("Start the hosts", lambda say: _start(place, lab, names)),
        steps.Step("Plug the cables", lambda say: _plug(place, lab)),
        steps.Step("Spoil the bad ones", lambda say: spoil(place, lab)),
    ]
    if front is not None and front in names:
        start = steps.Step(
            f"Start the cloud on {front}",
            lambda say: members.ensure_front(place, lab, front, say),
        )
        todo.append(start)
    if nodes:
        todo.append(
            steps.Step("Join the nodes", lambda say: members.ensure_nodes(place, lab, nodes, say))
        )
    if front is not None and len(names) == len(lab.hosts):
        todo.append(
            steps.Step("Wait for the hosts", lambda say: members.wait_enabled(place, front))
        )
    return tuple(todo)


def down_plan(place: Place) -> tuple[steps.Step, ...]:
    """Return the steps after which nothing of a lab is left."""
    return (
        steps.Step("End the hosts", lambda say: f"{_end(place)} ended"),
        steps.Step("Remove the files", lambda say: _remove(place)),
    )


def power_off(place: Place, host: str) -> None:
    """Take a host's power away: all that runs there ends in that moment, and nothing answers for it
    any more. Raises `steps.Failed`."""
    _write_hosts(place, [name for name in _read_hosts(place) if name != host])
    rooms.end(place, host)
    with _told(place):
        links.unplug(place, read(place))


def read(place: Place) -> Lab:
    """Return the lab that is there; raise `steps.Failed`."""
    try:
        return document.decode(place.document.read_bytes())
    except FileNotFoundError as error:
        raise steps.Failed(
            f"there is no lab {place.name}", "mallee lab status shows all; mallee lab up FILE"
        ) from error


def _check(place: Place, lab: Lab) -> str:
    requirements.check()
    document.check_directory(lab, place.path)
    links.check_here(lab)
    if any(switch.kind == "openvswitch" for switch in lab.switches.values()):
        openvswitch.check()
    if place.document.exists() and read(place) != lab:
        raise steps.Failed(
            f"another lab {place.name} is there, made of another document",
            f"mallee lab down {place.name}, or give this one another name: --name",
        )
    return f"{len(lab.hosts)} hosts, {len(lab.switches)} switches"


def _start(place: Place, lab: Lab, names: Sequence[str]) -> str:
    place.path.mkdir(mode=0o755, parents=True, exist_ok=True)
    wanted = [name for name in names if lab.hosts[name].role != "here"]
    files.write_atomically(place.document, document.encode(lab), files.READABLE)
    for path in (keeper.own_root(place.path), *map(place.root, wanted)) if lab.alike else ():
        path.mkdir(mode=0o755, exist_ok=True)
    names_text = plan.names_text(lab).encode()
    files.write_atomically(keeper.names_file(place.path), names_text, files.READABLE)
    _write_hosts(place, list(dict.fromkeys((*_read_hosts(place), *wanted))))
    with _told(place):
        links.unplug(place, lab)
    rooms.start(place)
    failure = steps.Failed("the hosts' namespaces could not be made", f"read {place.log}")
    steps.wait_until(lambda: _are_ready(place, wanted), _HOSTS_READY_S_MAX, failure)
    return ", ".join(wanted)


def _read_hosts(place: Place) -> list[str]:
    """Return the hosts that shall have power."""
    path = keeper.hosts_file(place.path)
    return path.read_text().split() if path.exists() else []


def _write_hosts(place: Place, names: list[str]) -> None:
    files.write_atomically(keeper.hosts_file(place.path), "\n".join(names).encode())


def _plug(place: Place, lab: Lab) -> str:
    with _told(place):
        return f"{links.apply(place, lab)} plugged"


def spoil(place: Place, lab: Lab) -> str:
    """Make the cables as they are to be; say which are not good. Raises `steps.Failed`."""
    with _told(place):
        return links.apply_cables(place, lab)


@contextmanager
def _told(place: Place) -> Generator[None]:
    """Say of a program that failed what can be done about it."""
    try:
        yield
    except (process.Failed, process.TimedOut) as error:
        raise steps.Failed(
            str(error), f"mallee lab down {place.name}, then up again; see also {place.log}"
        ) from error


def _are_ready(place: Place, names: list[str]) -> bool:
    found = {one.host: one.process for one in rooms.fetch(place) if one.is_keeper}
    return all(name in found and rooms.is_ready(found[name]) for name in (keeper.LAB, *names))


def _end(place: Place) -> int:
    ended = 0
    while rooms.fetch(place):
        ended += rooms.end(place)
    return ended


def _remove(place: Place) -> str:
    _detach_loops(place)
    if not place.path.exists():
        return f"{place.path} is gone"
    # A kill may have left the beginning of a file, under a name with a dot.
    others = [path for path in place.path.iterdir() if not path.name.startswith(".")]
    if others and not place.document.exists() and not keeper.hosts_file(place.path).exists():
        raise steps.Failed(
            f"{place.path} does not look like a lab's directory", "give the right name"
        )
    mounted = _mounted()
    _check_mounts(place, mounted)
    for path in place.path.iterdir():
        # The document goes last: by it a lab that was removed half is known.
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != place.document:
            path.unlink()
    place.document.unlink(missing_ok=True)
    if place.path.resolve() in mounted:
        point = shlex.quote(str(place.path))
        return f"{place.path} is empty, and stays: it is mounted (umount {point}; rmdir {point})"
    place.path.rmdir()
    return f"{place.path} is gone"


def _mounted() -> list[Path]:
    """Return where something is mounted."""
    points = (line.split(" ")[4] for line in _MOUNTS.read_text().splitlines())
    return [Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), point)) for point in points]


def _check_mounts(place: Place, mounted: Sequence[Path]) -> None:
    """Raise `steps.Failed` where something is mounted in the directory: its files are others'."""
    for point in mounted:
        if place.path.resolve() in point.parents:
            raise steps.Failed(
                f"something is mounted at {point}: nothing is removed",
                f"umount {shlex.quote(str(point))}",
            )


def _detach_loops(place: Place) -> None:
    """Let go of loop devices on the lab's files: only they are the whole machine's."""
    text = process.run(("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE")).text
    for line in text.splitlines():
        device, _, behind = line.strip().partition(" ")
        if behind.strip().startswith(f"{place.path}/"):
            process.run(("losetup", "--detach", device))
