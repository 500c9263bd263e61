"""A lab whose cloud has several front ends, on a PostgreSQL that is a host of the lab.

The database is on a switch of its own, to which each front end has a second cable: so one of them
may be parted from it, and from nobody else. Who looks at it from outside takes its socket, which is
a file.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mallee.box import owners, steps
from mallee.cloud import bootstrap
from mallee.kit import process
from mallee.lab import rooms
from mallee.lab import up as making
from mallee.lab.rooms import Place
from tests import wholecloud
from tests.labs import Lab
from tests.storms.schedule import DATABASE, FRONT, HOSTS

_JOINED_S = 300.0
_SETTINGS = "-c listen_addresses=* -c max_connections=60 -c unix_socket_directories={} -c fsync=off"
_ACTIVITY = "select *, pg_blocking_pids(pid) from pg_stat_activity"
_ADDRESS = "198.18.1.9"
_TEXT = f"""
[cloud]
address = "198.18.0.1"
database_url = "postgresql+psycopg://mallee@{_ADDRESS}/mallee"
[switches.lan]
range = "198.18.0.0/24"
[switches.data]
range = "198.18.1.0/24"
[hosts.{DATABASE}]
role = "bare"
nics = [{{switch = "data", address = "{_ADDRESS}"}}]
"""
_FRONT_END = """
[hosts.{host}]
role = "{role}"
nics = [{{switch = "lan", address = "198.18.0.{number}"}}, {{switch = "data"}}]
"""


def text(front_ends: Sequence[str]) -> str:
    """Return the document of a lab with these front ends; all but the first have yet to join."""
    parts = [_TEXT]
    for number, host in enumerate(HOSTS, 1):
        if host in front_ends:
            role = "front" if host == FRONT else "bare"
            parts.append(_FRONT_END.format(host=host, role=role, number=number))
        else:
            parts.append(f"[hosts.{host}]\n")
    return "".join(parts)


def way(host: str) -> str:
    """Return the cable by which a host reaches the database."""
    return f"{host}.eth0" if host == DATABASE else f"{host}.eth1"


def has_database(lab: Lab) -> bool:
    """Tell whether the lab has one."""
    return DATABASE in lab.document.hosts


def is_front_end(lab: Lab, host: str) -> bool:
    """Tell whether a host has, or will have, a part of the cloud itself."""
    return host != DATABASE and lab.document.hosts[host].role in ("front", "bare")


def store_url(lab: Lab) -> str:
    """Return where the cloud's memory is, for somebody outside of the lab's network."""
    if has_database(lab):
        return f"postgresql+psycopg://mallee@/mallee?host={_home(lab.place)}"
    layout = lab.layout(FRONT)
    return bootstrap.database_url(layout, owners.read_settings(layout))


def start_database(lab: Lab) -> None:
    """Have the database run, before any other host of the lab does."""
    steps.run(making.power_plan(lab.place, lab.document, DATABASE), wholecloud.Silent())
    home = _home(lab.place)
    home.mkdir(parents=True)
    shutil.chown(home, "postgres", "postgres")
    _as_postgres(lab.place, "initdb", "-D", str(home / "data"), "-U", "mallee", "-A", "trust", "-N")
    with (home / "data" / "pg_hba.conf").open("a") as hba:
        hba.write("host all all 198.18.0.0/15 trust\n")
    _as_postgres(lab.place, "pg_ctl", "-w", *_server(home), "start")
    _as_postgres(lab.place, "createdb", "-h", str(home), "-U", "mallee", "mallee")


def kill_database(place: Place) -> None:
    """Kill it, and have it recover as after a power cut."""
    home = _home(place)
    _as_postgres(place, "pg_ctl", "-m", "immediate", "-w", *_server(home), "restart")


def join(lab: Lab, others: Sequence[str]) -> None:
    """Have the other front ends be ones."""
    for host in others:
        there = lab.layout(host)
        there.node.mkdir(parents=True, exist_ok=True)
        shutil.copy(wholecloud.verdict(), there.kvm_verdict)
        invitation = lab.mallee(FRONT, "frontends", "invite", "--bare").strip()
        where = ("--address", lab.address(host), "--name", host)
        lab.mallee(host, "frontends", "join", invitation, *where)

    def is_enabled() -> bool:
        states = [one["State"] for one in lab.cloud.hosts()]
        return len(states) == len(HOSTS) and set(states) == {"ENABLED"}

    wholecloud.wait_until(is_enabled, _JOINED_S, "the other front ends' hosts to be enabled")


def signal_database(place: Place, name: str) -> None:
    """Send a signal to all of its processes."""
    try:
        rooms.run(place, DATABASE, ("pkill", f"-{name}", "postgres"))
    except process.Failed:
        # It recovers just now, and has none.
        return


def dump_database(place: Place, to: Path) -> None:
    """Write down all that it has, what it said, and who waits in it for whom."""
    home = _home(place)
    found = max(Path("/usr/lib/postgresql").glob("*/bin"))
    who = ("-h", str(home), "-U", "mallee", "mallee")
    shutil.copy(home / "log", to / "postgresql.log")
    for name, line in (
        ("activity", ("psql", "-x", "-c", _ACTIVITY, *who)),
        ("state.sql", ("pg_dump", *who)),
    ):
        (to / name).write_text(rooms.run(place, DATABASE, (str(found / line[0]), *line[1:])))


def _server(home: Path) -> tuple[str, ...]:
    told = ("-D", str(home / "data"), "-l", str(home / "log"), "-t", f"{_JOINED_S:.0f}")
    return (*told, "-o", _SETTINGS.format(home))


def _home(place: Place) -> Path:
    return place.root(DATABASE) / "postgresql"


def _as_postgres(place: Place, program: str, *words: str) -> None:
    found = max(Path("/usr/lib/postgresql").glob("*/bin"))
    line = ("runuser", "-u", "postgres", "--", str(found / program), *words)
    subprocess.run(
        rooms.inside(place, DATABASE, line),
        cwd="/",
        check=True,
        stdin=subprocess.DEVNULL,
        # A server would keep what it is given, and its reader would wait for its end.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
