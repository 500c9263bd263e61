"""Whoever is cut off or stopped with the writers' lock in his hands keeps it for seconds: the
server is told to wait for nobody without end, whatever he was in the middle of."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from botocore.exceptions import ClientError
from psycopg import pq

from mallee.cloud.state import (
    database,
    leaserows,
    postgresql,
    records,
    statements,
    store,
    writer,
)
from mallee.cloud.state.tx import Change
from mallee.kit import clock
from tests import postgresql as servers
from tests import wholecloud
from tests.cloud import running

pytestmark = pytest.mark.postgres

SOON_S = 120.0
TEMPLATE = records.LAUNCH_TEMPLATE
CUT_OFF = "127.0.0.9"
"""The server's address for who is cut off; the others reach it at its first."""
_CUT = f"""
table ip standstill {{
  chain out {{
    type filter hook output priority 0
    ip daddr {CUT_OFF} drop
    ip saddr {CUT_OFF} drop
  }}
}}
"""
BRIEF = postgresql.Patience(silent_s=2, idle_s=2)
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE pid = %s AND state = 'active' AND wait_event = 'ClientRead'"""

_STOPS = """
import os, signal, sys
import psycopg
from mallee.cloud.state import postgresql, statements

class Stop(str):
    pass

class Stops(psycopg.adapt.Dumper):
    def dump(self, obj):
        print("stops", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
        return obj.encode()

psycopg.adapters.register_dumper(Stop, Stops)
postgresql.USUAL = postgresql.Patience(idle_s=2)
session = postgresql.Engine(sys.argv[1]).open()
session.begin()
session.look(statements.LOCK_REV)
claim = {"space": "space", "owner": "stopped", "amount": 1}
keys = ("first", "second", Stop("third"))
session.put(statements.PUT_CLAIM, [{**claim, "key": key} for key in keys])
"""


@pytest.fixture
def tcp() -> Iterator[tuple[str, str]]:
    """The URLs of an empty database: for others, and for who will be cut off."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with servers.server(f"127.0.0.1,{CUT_OFF}", port):
        where = "postgresql+psycopg://mallee@{}:{}/postgres"
        yield where.format("127.0.0.1", port), where.format(CUT_OFF, port)


def take(url: str) -> None:
    """Take something in a store of its own, as another front end would."""
    opened = store.Store.open(url, clock=clock.SYSTEM)
    with closing(opened):
        opened.transact(lambda tx: tx.claim("space", "key", "another"))


def take_soon(url: str) -> None:
    """The same, without waiting for it for ever."""
    thread = threading.Thread(target=take, args=(url,), daemon=True)
    thread.start()
    thread.join(SOON_S)
    assert not thread.is_alive(), "the lock is held without end"


@pytest.mark.host
def test_who_is_cut_off_within_what_he_says_keeps_the_lock_for_seconds(
    tcp: tuple[str, str],
) -> None:
    others, own = tcp
    take(others)
    with ExitStack() as stack:
        held = postgresql.make_engine(sa.make_url(own), BRIEF).connect()
        stack.callback(held.invalidate)
        driver = held.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        # What a cable lets through of a message, its end is lost.
        said = driver.pgconn
        said.enter_pipeline_mode()
        for line in ("BEGIN", statements.LOCK_REV):
            said.send_query_params(line.encode(), None)
        said.send_flush_request()
        said.flush()
        look = stack.enter_context(psycopg.connect(_plain(others), autocommit=True))

        def is_waited_for() -> bool:
            found = look.execute(WAITING, [said.backend_pid]).fetchone()
            return found == (1,)

        wholecloud.wait_until(is_waited_for, SOON_S, "the server to wait for the rest")
        assert said.transaction_status == pq.TransactionStatus.ACTIVE
        subprocess.run(("nft", "-f", "-"), input=_CUT, text=True, check=True)
        stack.callback(subprocess.run, ("nft", "delete", "table", "ip", "standstill"), check=True)
        take_soon(others)


def test_who_is_stopped_while_he_writes_many_rows_keeps_the_lock_for_seconds(
    postgresql_url: str,
) -> None:
    take(postgresql_url)
    with subprocess.Popen(
        (sys.executable, "-c", _STOPS, postgresql_url), stdout=subprocess.PIPE
    ) as stopped:
        try:
            assert stopped.stdout is not None
            assert stopped.stdout.readline() == b"stops\n"
            os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WNOWAIT)
            take_soon(postgresql_url)
        finally:
            stopped.send_signal(signal.SIGKILL)


def test_who_waits_for_the_lock_in_vain_says_so(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "USUAL", postgresql.Patience(lock_s=1))
    monkeypatch.setattr(writer, "RETRY_FOR_S", 0.0)
    take(postgresql_url)
    with psycopg.connect(_plain(postgresql_url)) as held:
        held.execute(statements.LOCK_REV.encode())
        with pytest.raises(store.Unavailable, match="another process holds it"):
            take(postgresql_url)
    take(postgresql_url)


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody wait for long for what is said once; who may ask again asks on."""
    monkeypatch.setattr(postgresql, "USUAL", postgresql.Patience(connect_s=2, answer_s=2))


@contextmanager
def standing_still(socket: Path) -> Generator[None]:
    """Have the server stand still meanwhile, and nobody ask again for long."""
    with pytest.MonkeyPatch.context() as patched, servers.standing_still(socket):
        patched.setattr(writer, "RETRY_FOR_S", 1.0)
        yield


@pytest.mark.usefixtures("brisk")
def test_who_writes_to_a_server_that_stands_still_is_told_that_nothing_was_done(
    postgresql_socket: Path, postgresql_url: str
) -> None:
    with closing(store.Store.open(postgresql_url, clock=clock.SYSTEM)) as opened:
        with standing_still(postgresql_socket), pytest.raises(store.Unavailable) as told:
            opened.transact(lambda tx: tx.claim("space", "key", "lost"))
        assert not isinstance(told.value, store.Unsettled)
        opened.transact(lambda tx: tx.claim("space", "key", "found"))


@pytest.mark.usefixtures("brisk")
def test_what_a_server_took_that_stands_still_is_done_once(
    postgresql_socket: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {
        "LaunchTemplateName": "once",
        "LaunchTemplateData": {"InstanceType": "t3.nano"},
        "ClientToken": "once",
    }
    flush = database.Database.flush
    with running.fresh(database_url=postgresql_url) as cloud, ExitStack() as standing:
        ec2 = cloud.client("ec2")

        def stand(its: database.Database, changes: Sequence[Change], *more: Any) -> None:
            flush(its, changes, *more)
            if any(getattr(one.subject, "kind", None) is TEMPLATE for one in changes):
                monkeypatch.setattr(database.Database, "flush", flush)
                standing.enter_context(standing_still(postgresql_socket))

        monkeypatch.setattr(database.Database, "flush", stand)
        with pytest.raises(ClientError, match=r"\(Unavailable\).*has not said whether it is done"):
            ec2.create_launch_template(**asked)
        with pytest.raises(ClientError, match="nothing was changed"):
            ec2.create_launch_template(**asked)
        standing.close()
        made = ec2.create_launch_template(**asked)["LaunchTemplate"]["LaunchTemplateId"]
        found = ec2.describe_launch_templates()["LaunchTemplates"]
        assert [one["LaunchTemplateId"] for one in found] == [made]


def test_who_is_stopped_while_he_renews_takes_no_other_s_leases(postgresql_url: str) -> None:
    take(postgresql_url)
    other = leaserows.Rows(postgresql_url, "other", 8.0)
    url = sa.make_url(postgresql_url)
    with postgresql.make_engine(url, leaserows.PATIENCE).connect() as stopped:
        stopped.execute(sa.text(leaserows.QUEUE))
        renewed = other.renew(frozenset({"work"}))
        assert (renewed.held, renewed.alive) == ({"work"}, {"other"})
        stopped.invalidate()
    other.close()


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")
