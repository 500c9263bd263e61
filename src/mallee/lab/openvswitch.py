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


def _directory(place: Place) -> Path:
    return place.path / "ovs"


def _socket(place: Place) -> Path:
    return _directory(place) / "db.sock"


def _vsctl(place: Place, *words: str) -> None:
    told = f"unix:{_socket(place)}"
    wait = f"--timeout={_COMMAND_S_MAX}"
    rooms.run(place, keeper.LAB, ("ovs-vsctl", f"--db={told}", wait, *words))


def ensure(place: Place, device: str) -> None:
    """Start the daemons unless they run, and make a switch unless it is there."""
    home = _directory(place)
    home.mkdir(exist_ok=True)
    if not _answers(place):
        _start(place, home)
    kind = ("--", "set", "bridge", device, "datapath_type=netdev")
    _vsctl(place, "--may-exist", "add-br", device, *kind)


def _answers(place: Place) -> bool:
    """Tell whether its daemons run, by what they have left in the keeper's own /run."""
    text = rooms.run(place, keeper.LAB, ("sh", "-c", "ls /run/ovs-runs 2>/dev/null || true"))
    return bool(text.strip())


def _start(place: Place, home: Path) -> None:
    database, socket = home / "conf.db", _socket(place)
    for old in (database, socket):
        old.unlink(missing_ok=True)
    log = f"--log-file={home}/ovs.log"
    quiet = ("-vconsole:off", log, "--detach", "--no-chdir")
    lines = (
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
    # Where it wants to put what nobody asked it for.
    rooms.run(place, keeper.LAB, ("mkdir", "-p", "/run/openvswitch"))
    rooms.run_all(place, keeper.LAB, lines)


def plug(place: Place, device: str, wire: Wire) -> None:
    """Make the wire's end a port of the switch, in its VLAN or with those of its trunk."""
    options: list[str] = []
    if wire.vlan:
        options.append(f"tag={wire.vlan}")
    if wire.trunk:
        # Frames without a tag are those of VLAN 0 to it: they pass on a trunk as well.
        options.append(f"trunks={','.join(map(str, (0, *wire.trunk)))}")
    _vsctl(place, "--if-exists", "del-port", device, wire.port)
    _vsctl(place, "add-port", device, wire.port, *options)
