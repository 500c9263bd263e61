"""A private PostgreSQL server for the session, and an empty database on each engine for a test."""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from mallee.cloud.state import store
from mallee.kit import clock

_SETTINGS = "-c listen_addresses= -c max_connections=60 -c unix_socket_directories={home}"
_names = itertools.count()

OpenStore = Callable[[], store.Store]


@pytest.fixture(scope="session")
def postgresql_socket() -> Iterator[Path]:
    """Start a server of our own on a unix socket; return the socket's directory."""
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
    pg_ctl = [found[-1] / "pg_ctl", "-D", home / "data", "-w", "-l", home / "log"]
    try:
        subprocess.run(initdb, **as_user)  # pyright: ignore[reportCallIssue, reportArgumentType]
        subprocess.run([*pg_ctl, "-o", _SETTINGS.format(home=home), "start"], **as_user)  # pyright: ignore
        yield home
        subprocess.run([*pg_ctl, "-m", "immediate", "stop"], **as_user)  # pyright: ignore
    finally:
        shutil.rmtree(home)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, root_dir: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{root_dir}/state.db"
        return
    yield request.getfixturevalue("postgresql_url")


@pytest.fixture
def postgresql_url(postgresql_socket: Path) -> Iterator[str]:
    """The URL of an empty database of PostgreSQL's."""
    name = f"test_{next(_names)}"
    with psycopg.connect(
        host=str(postgresql_socket), user="mallee", dbname="postgres", autocommit=True
    ) as to:
        to.execute(f"CREATE DATABASE {name}")  # pyright: ignore[reportArgumentType, reportCallIssue]
        yield f"postgresql+psycopg://mallee@/{name}?host={postgresql_socket}"
        to.execute(f"DROP DATABASE {name} WITH (FORCE)")  # pyright: ignore[reportArgumentType, reportCallIssue]


@pytest.fixture
def open_store(url: str) -> Iterator[OpenStore]:
    """Opens stores on the test's database; they are closed after it."""
    opened: list[store.Store] = []

    def open_one() -> store.Store:
        opened.append(store.Store.open(url, clock=clock.SYSTEM))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def opened(open_store: OpenStore) -> store.Store:
    """A store on the test's database."""
    return open_store()
