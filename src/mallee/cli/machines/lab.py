"""`mallee lab`: several hosts on this machine, with a switch and cables between them.

A lab is named by its document's file, and is the only one there unless `--lab` says which. These
are local verbs of the machine's owner.
"""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from mallee.box import steps
from mallee.cli import progress, words
from mallee.lab import cables, document, links, members, rooms
from mallee.lab import up as making
from mallee.lab.document import Cable, Lab
from mallee.lab.rooms import Place

Labs = Annotated[
    Path,
    Parameter(name="--labs", env_var="MALLEE_LABS", help="Where labs lie.", show_default=True),
]
Which = Annotated[
    str, Parameter(name="--lab", env_var="MALLEE_LAB", help="Which lab; not needed for the only.")
]
WhichFirst = Annotated[
    str,
    Parameter(
        name=("--lab", "--name"),
        env_var="MALLEE_LAB",
        help="Which lab; not needed for the only.",
    ),
]
Line = Annotated[str, Parameter(allow_leading_hyphen=True)]


def up(file: Path, *, name: str = "", labs: Labs = making.LABS) -> None:
    """Make the lab of a document, or make it whole again: hosts, switches, cables, the cloud.

    Parameters
    ----------
    file
        The document, TOML (docs/lab.md).
    name
        What the lab is called; as the file unless given.
    """
    try:
        lab = document.parse(_read(file))
        place = Place(labs.resolve() / (name or file.stem))
        document.check_directory(lab, place.path)
    except document.InvalidLab as wrong:
        raise steps.Failed(f"{file}: {wrong}", "put that right, and run it again") from wrong
    with making.held(place):
        progress.run(making.up_plan(place, lab))
    _show(place, lab)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else "it is no text"
        raise steps.Failed(f"{file}: {why}", "docs/lab.md has a document to begin with") from wrong


def down(lab: WhichFirst = "", *, labs: Labs = making.LABS) -> None:
    """Remove a lab with everything in it: hosts, guests, disks, links."""
    place = _place(labs, lab)
    with making.held(place):
        progress.run(making.down_plan(place))


def status(*, lab: Which = "", labs: Labs = making.LABS) -> None:
    """Show the lab's hosts, their addresses, and how their cables are."""
    if not lab and not _names(labs):
        words.tell(f"there is no lab in {labs}")
        return
    place = _place(labs, lab)
    _show(place, making.read(place))


def cut(
    host: str,
    *,
    loss: int = 0,
    delay_ms: int = 0,
    mtu: int = 0,
    vlan: tuple[int, ...] = (),
    udp: tuple[int, ...] = (),
    lab: Which = "",
    labs: Labs = making.LABS,
) -> None:
    """Take a host's cable out, or make it a bad one.

    Parameters
    ----------
    host
        Whose: `n1` all of its cables, `n1.eth1` one of them.
    loss
        Lose so many frames of a hundred instead of all.
    delay_ms
        Take so long each way.
    mtu
        Lose packets that are larger.
    vlan
        Lose frames of this VLAN; may be given several times.
    udp
        Lose packets of UDP to this port; may be given several times.
    """
    try:
        told = {
            "loss_percent": loss,
            "delay_ms": delay_ms,
            "mtu": mtu,
            "drop_vlans": vlan,
            "drop_udp": udp,
        }
        bad = msgspec.convert(told, Cable)
    except msgspec.ValidationError as error:
        raise steps.Failed(str(error), "mallee lab cut --help") from error
    _set_cables(_place(labs, lab), host, Cable(cut=True) if bad == document.GOOD else bad)


def mend(host: str = "", *, lab: Which = "", labs: Labs = making.LABS) -> None:
    """Make a host's cables good ones; all of the lab's unless a host is named."""
    _set_cables(_place(labs, lab), host, document.GOOD)


def enter(host: str, *line: Line, lab: Which = "", labs: Labs = making.LABS) -> None:
    """Run a command in a host, such as `mallee lab enter n1 -- mallee status`; a shell without one.

    Parameters
    ----------
    line
        The command. It finds the host's own root directory, and the cloud, in its environment.
    """
    place = _place(labs, lab)
    found = making.read(place)
    _check_host(found, host)
    more = members.variables(place, found, host)
    sys.exit(rooms.run_long(place, host, line or ("bash",), more).returncode)


def power(host: str, state: str, *, lab: Which = "", labs: Labs = making.LABS) -> None:
    """Take a host's power away (`off`), or give it back (`on`).

    Parameters
    ----------
    state
        `off`: everything that runs there ends in that moment; `on`: it starts as after a power cut.
    """
    place = _place(labs, lab)
    found = making.read(place)
    _check_host(found, host)
    if state == "off":
        making.power_off(place, host)
    elif state == "on":
        with making.held(place):
            progress.run(making.power_plan(place, found, host))
    else:
        raise steps.Failed(f"the power is on or off, not {state}", "mallee lab power HOST off")


def _set_cables(place: Place, host: str, cable: Cable) -> None:
    lab = making.read(place)
    told = links.read_cables(place, lab)
    chosen = [name for name in told if not host or host in (name, name.partition(".")[0])]
    if not chosen:
        raise steps.Failed(f"no cable is called {host}", f"there are {', '.join(told)}")
    links.write_cables(place, told | dict.fromkeys(chosen, cable))
    words.give(making.spoil(place, lab))


def _check_host(lab: Lab, host: str) -> None:
    if host not in lab.hosts or lab.hosts[host].role == "here":
        known = [name for name, one in lab.hosts.items() if one.role != "here"]
        raise steps.Failed(f"the lab has no host {host}", f"it has {', '.join(known)}")


def _names(labs: Path) -> list[str]:
    return sorted(path.parent.name for path in labs.glob("*/lab.json"))


def _place(labs: Path, name: str) -> Place:
    names = _names(labs)
    if name:
        return Place(labs.resolve() / name)
    if len(names) != 1:
        said = f"several labs are in {labs}: {', '.join(names)}" if names else "there is no lab"
        raise steps.Failed(said, "name one: --lab NAME" if names else "mallee lab up FILE")
    return Place(labs.resolve() / names[0])


def _show(place: Place, lab: Lab) -> None:
    running = {one.host for one in rooms.fetch(place)}
    told = links.read_cables(place, lab)
    rows: list[tuple[str, ...]] = []
    for wire in links.wires(place, lab):
        host = lab.hosts[wire.host]
        is_on = wire.host in running or host.role == "here"
        cable = cables.words(told[wire.name])
        state = "on" if is_on else "off"
        rows.append((wire.host, host.role, state, wire.nic, wire.address, wire.switch, cable))
    words.table(("host", "role", "power", "NIC", "address", "switch", "cable"), rows)
