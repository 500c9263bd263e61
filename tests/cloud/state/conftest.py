"""A private PostgreSQL server for the session, and a fresh database of each kind for each test."""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

_names = itertools.count()


def _server_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@pytest.fixture(scope="session")
def postgresql_socket() -> Iterator[Path]:
    """Start a server of our own on a unix socket; return the socket's directory."""
    binaries = _server_binaries()
    if binaries is None:
        pytest.skip("the PostgreSQL server is not installed")
    home = Path(tempfile.mkdtemp(prefix="mallee-pg-", dir="/tmp"))
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    os.chown(home, user.pw_uid, user.pw_gid)
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    options = identity if os.geteuid() == 0 else {}
    data = home / "data"
    initdb = [binaries / "initdb", "-D", data, "-U", "mallee", "-A", "trust", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=home, **options)
    settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={home}"]
    settings += ["-c", "max_connections=60", "-c", "log_min_messages=fatal"]
    log = (home / "log").open("w")
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, *settings], cwd=home, stdout=log, stderr=log, **options
    )
    try:
        _wait_until_it_answers(home, server)
        yield home
    finally:
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
        server.send_signal(2)
        server.wait(30)
        log.close()
        shutil.rmtree(home)


def _wait_until_it_answers(socket: Path, server: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            with psycopg.connect(host=str(socket), user="mallee", dbname="postgres"):
                return
        except psycopg.OperationalError:
            if server.poll() is not None:
                raise
            # The server says when it listens only by listening.
            with pytest.MonkeyPatch.context():
                server.__class__.wait  # noqa: B018
    raise TimeoutError("the PostgreSQL server does not answer")
