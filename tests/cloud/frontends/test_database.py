"""The database is cut off, held up and killed under front ends that are asked for things: what was
acknowledged is there, nothing is there twice, and no front end needs to be started again."""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import postgresql
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd
from tests.cloud.frontends.test_kill import Client

pytestmark = pytest.mark.postgres

SEED = 30
ROUNDS = 6
SETTLED_S = standing.SETTLED_S


def make_interface(ec2: Any, token: str) -> list[str]:
    """Make an interface, which needs no host."""
    [subnet, *_] = ec2.describe_subnets()["Subnets"]
    asked = {"SubnetId": subnet["SubnetId"], "ClientToken": token, "Description": token}
    return [ec2.create_network_interface(**asked)["NetworkInterface"]["NetworkInterfaceId"]]


def cut(url: str) -> None:
    """End every connection of the front ends."""
    with psycopg.connect(_plain(url), autocommit=True) as to:
        to.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def hold_up(url: str) -> None:
    """Hold the writers' lock for a moment, as a slow disk would."""
    with psycopg.connect(_plain(url)) as to:
        to.execute("SELECT rev FROM revision FOR UPDATE")
        to.execute("SELECT pg_sleep(0.7)")


def test_faults_of_the_database_lose_nothing_and_double_nothing(
    two: list[FrontEnd], postgresql_url: str, postgresql_socket: Path
) -> None:
    faults: list[Callable[[], None]] = [
        lambda: cut(postgresql_url),
        lambda: hold_up(postgresql_url),
        lambda: postgresql.restart(postgresql_socket),
    ]
    clients = [Client(number, two, make_interface) for number in range(3)]
    for client in clients:
        client.start()
    luck = random.Random(SEED)
    made: list[int] = []
    for number in range(ROUNDS):
        # Each fault comes once something was done after the one before.
        made.append(_made(clients))
        _wait_until(lambda: _made(clients) > made[-1] + 1, clients)
        faults[number % len(faults)]()
        time.sleep(luck.uniform(0.0, 0.3))
    for client in clients:
        client.is_over.set()
    for client in clients:
        client.join(SETTLED_S)
        assert client.error is None
    assert all(one.process is not None and one.process.poll() is None for one in two)
    told = {token: ids for client in clients for token, ids in client.made.items()}
    assert [ids for ids in told.values() if len(ids) != 1] == []
    for one in two:
        found: dict[str, list[str]] = {}
        for made_one in one.client().describe_network_interfaces()["NetworkInterfaces"]:
            found.setdefault(made_one["Description"], []).append(made_one["NetworkInterfaceId"])
        assert {token: set(found[token]) for token in told} == told
        assert [ids for ids in found.values() if len(ids) != 1] == []


def _made(clients: list[Client]) -> int:
    return sum(len(client.made) for client in clients)


def _wait_until(is_true: Callable[[], bool], clients: list[Client]) -> None:
    deadline = time.monotonic() + SETTLED_S
    while not is_true():
        assert [one.error for one in clients if one.error] == []
        assert time.monotonic() < deadline, "nothing more is made"
        threading.Event().wait(0.05)


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")
