"""A switch that is Open vSwitch with its userspace datapath, which knows VLANs in any kernel.

Its database and daemon run below the lab's keeper with a directory of their own, so that an Open
vSwitch of the machine is never touched. Called by `lab.links`.
"""

import shutil
from pathlib import Path

from mallee.box import steps
from mallee.lab import keeper, rooms
from mallee.lab.plan import Wire
from mallee.lab.rooms import Place

PACKAGE = "openvswitch-switch"
PROGRAMS = ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl")
_SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
_COMMAND_S_MAX = 20
_READY_S_MAX = 20.0


def check() -> None:
    """Raise `steps.Failed` when it is not installed."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing or not _SCHEMA.exists():
        raise steps.Failed(
            f"a switch of the lab is an Open vSwitch, and {', '.join(missing) or _SCHEMA} is not "
            "on this machine",
            f'apt-get install {PACKAGE}, or let the switch have kind = "bridge"',
        )


def _directory(place: Place, room: str) -> Path:
    """In a host it is where programs look for it that are told nothing."""
    return place.path / "ovs" if room == keeper.LAB else Path("/run/openvswitch")


def _vsctl(place: Place, room: str, *words: str) -> None:
    told = f"unix:{_directory(place, room) / 'db.sock'}"
    wait = f"--timeout={_COMMAND_S_MAX}"
    rooms.run(place, room, ("ovs-vsctl", f"--db={told}", wait, *words))


def ensure(place: Place, room: str, device: str) -> None:
    """Start the daemons in a room unless they run, and make a switch unless it is there."""
    if not _answers(place, room):
        _start(place, room)
    kind = ("--", "set", "bridge", device, "datapath_type=netdev")
    _vsctl(place, room, "--may-exist", "add-br", device, *kind)


def _answers(place: Place, room: str) -> bool:
    """Tell whether its daemons run, by what they have left in the room's own /run."""
    text = rooms.run(place, room, ("sh", "-c", "ls /run/ovs-runs 2>/dev/null || true"))
    return bool(text.strip())


def _start(place: Place, room: str) -> None:
    home = _directory(place, room)
    database, socket = home / "conf.db", home / "db.sock"
    log = f"--log-file={home}/ovs.log"
    quiet = ("-vconsole:off", log, "--detach", "--no-chdir")
    lines = (
        # Where it also wants to put what nobody asked it for.
        ("mkdir", "-p", "/run/openvswitch", str(home)),
        ("rm", "-f", str(database), str(socket)),
        ("ovsdb-tool", "create", str(database), str(_SCHEMA)),
        (
            *("ovsdb-server", str(database), f"--remote=punix:{socket}"),
            *(f"--pidfile={home}/ovsdb.pid", f"--unixctl={home}/ovsdb.ctl", *quiet),
        ),
        ("ovs-vsctl", f"--db=unix:{socket}", "--no-wait", "init"),
        (
            *("ovs-vswitchd", f"unix:{socket}"),
            *(f"--pidfile={home}/vswitchd.pid", f"--unixctl={home}/vswitchd.ctl", *quiet),
        ),
        ("touch", "/run/ovs-runs"),
    )
    rooms.run_all(place, room, lines)


def plug(place: Place, device: str, wire: Wire) -> None:
    """Make the wire's end a port of the switch, in its VLAN or with those of its trunk."""
    options: list[str] = []
    if wire.vlan:
        options.append(f"tag={wire.vlan}")
    if wire.trunk:
        # Frames without a tag are those of VLAN 0 to it: they pass on a trunk as well.
        options.append(f"trunks={','.join(map(str, (0, *wire.trunk)))}")
    _vsctl(place, keeper.LAB, "--if-exists", "del-port", device, wire.port)
    _vsctl(place, keeper.LAB, "add-port", device, wire.port, *options)


def add_nic(place: Place, wire: Wire) -> None:
    """Make the host's NIC a port of its own bridge."""
    _vsctl(place, wire.host, "--may-exist", "add-port", wire.host_bridge, wire.nic)
