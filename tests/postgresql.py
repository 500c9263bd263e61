"""A private PostgreSQL server for the session, and an empty database on it for a test: fixtures,
which a `conftest.py` takes in by name."""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests import standstills

# What is killed here is processes, which take nothing of the machine's memory of files with them.
_SETTINGS = (
    "-c listen_addresses={} -c port={} -c max_connections=60 -c unix_socket_directories={} "
    "-c fsync=off"
)
_ENDS_S = "300"
"""So long the server may take to start and to end, on a busy machine."""
_USUAL_PORT = 5432
"""Of a server that has a socket alone: its name."""
_names = itertools.count()


@pytest.fixture(scope="session")
def postgresql_socket() -> Iterator[Path]:
    """Start a server of our own on a unix socket; return the socket's directory."""
    with server() as home:
        yield home


@contextmanager
def server(at: str = "", port: int = _USUAL_PORT) -> Generator[Path]:
    """Have a server run on a unix socket, and at these addresses; return the socket's directory."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("the PostgreSQL server is not installed")
    home = Path(tempfile.mkdtemp(prefix="m-pg-"))
    as_user: dict[str, object] = {"cwd": home, "check": True, "capture_output": True}
    if os.geteuid() == 0:
        # The server refuses to run as root.
        user = pwd.getpwnam("postgres")
        os.chown(home, user.pw_uid, user.pw_gid)
        as_user |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    initdb = [found[-1] / "initdb", "-D", "data", "-U", "mallee", "-A", "trust", "--no-sync"]
    pg_ctl = [found[-1] / "pg_ctl", "-D", home / "data", "-w", "-t", _ENDS_S, "-l", home / "log"]
    options = _SETTINGS.format(at, port, home)
    try:
        subprocess.run(initdb, **as_user)  # pyright: ignore[reportCallIssue, reportArgumentType]
        subprocess.run([*pg_ctl, "-o", options, "start"], **as_user)  # pyright: ignore
        try:
            yield home
        finally:
            subprocess.run([*pg_ctl, "-m", "immediate", "stop"], **as_user)  # pyright: ignore
    finally:
        shutil.rmtree(home)


def restart(home: Path) -> None:
    """Kill the server whose sockets are there, and start it: it recovers as after a power cut."""
    [bin, *_] = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    options = _SETTINGS.format("", _USUAL_PORT, home)
    pg_ctl = [bin / "pg_ctl", "-D", home / "data", "-w", "-t", _ENDS_S, "-l", home / "log"]
    user = pwd.getpwnam("postgres")
    as_user: dict[str, object] = {"cwd": home, "check": True, "capture_output": True}
    if os.geteuid() == 0:
        as_user |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    command = [*pg_ctl, "-m", "immediate", "-o", options, "restart"]
    subprocess.run(command, **as_user)  # pyright: ignore[reportCallIssue, reportArgumentType]


@contextmanager
def standing_still(home: Path) -> Generator[None]:
    """Have all processes of the server whose sockets are there stand still meanwhile."""
    first = int((home / "data" / "postmaster.pid").read_text().splitlines()[0])
    with standstills.standing_still(first):
        yield


@pytest.fixture
def postgresql_url(postgresql_socket: Path) -> Iterator[str]:
    """The URL of an empty database of PostgreSQL's."""
    with database(postgresql_socket) as url:
        yield url


@contextmanager
def database(home: Path) -> Generator[str]:
    """Make a database on the server whose sockets are there; return its URL."""
    name = f"test_{next(_names)}"
    _run(home, f"CREATE DATABASE {name}")
    yield f"postgresql+psycopg://mallee@/{name}?host={home}"
    # By another connection: a test may have killed the server meanwhile.
    _run(home, f"DROP DATABASE {name} WITH (FORCE)")


def _run(home: Path, statement: str) -> None:
    server: dict[str, str] = {"host": str(home), "user": "mallee"}
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as to:  # pyright: ignore
        to.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]
