"""A host is told of the hosts that it deals with, where they are, and of no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.cloud.hosts.slices import slices
from mallee.cloud.state import records, store
from mallee.model.configuration.settings import Settings
from mallee.model.hosts.hosts import Capacity
from mallee.model.network.carried import PeerWanted
from tests.cloud import clouds
from tests.handclock import HandClock

SMALL = Capacity(1, 1024, 10)


@pytest.fixture
def opened(root_dir: Path) -> Iterator[store.Store]:
    """Three hosts, of which each takes one guest; two have one."""
    for one in clouds.open_store(root_dir, HandClock()):
        for number in (1, 2, 3):
            one.transact(lambda tx, number=number: clouds.add_host(tx, f"host-{number}", SMALL))
            one.transact(lambda tx, number=number: move(tx, f"host-{number}", f"198.18.0.{number}"))
        for number in (1, 2):
            one.transact(lambda tx, number=number: clouds.launch(tx, number))
        yield one


def move(tx: store.Tx, host_id: str, address: str) -> None:
    host = tx.get(records.HOST, host_id)
    assert host is not None
    tx.write(host, replace(host.doc, address=address))


def peer(number: int, address: str = "") -> PeerWanted:
    return PeerWanted(f"host-{number}", f"name-host-{number}", address or f"198.18.0.{number}")


def told(kept: slices.Slices, opened: store.Store) -> dict[str, tuple[PeerWanted, ...]]:
    hosts = ("host-1", "host-2", "host-3")
    return {host: kept.host_wanted(opened.view, host).peers for host in hosts}


def test_hosts_that_share_a_vpc_are_peers_and_no_others(opened: store.Store) -> None:
    kept = slices.Slices(Settings())
    assert told(kept, opened) == {"host-1": (peer(2),), "host-2": (peer(1),), "host-3": ()}
    opened.transact(lambda tx: clouds.launch(tx, 3))
    assert told(kept, opened)["host-1"] == (peer(2), peer(3))


def test_a_host_that_lost_its_last_guest_of_a_vpc_is_a_peer_no_more(opened: store.Store) -> None:
    kept = slices.Slices(Settings())
    told(kept, opened)

    def take(tx: store.Tx) -> None:
        interface = tx.get(records.INTERFACE, "eni-2")
        assert interface is not None
        tx.delete(interface)

    opened.transact(take)
    assert told(kept, opened) == {"host-1": (), "host-2": (), "host-3": ()}


def test_peers_hear_of_another_address_and_no_other_host_does(opened: store.Store) -> None:
    kept = slices.Slices(Settings())
    told(kept, opened)
    opened.transact(lambda tx: move(tx, "host-2", "198.18.9.9"))
    assert set(kept.hosts_concerned(opened.view)) == {"host-1", "host-2"}
    assert told(kept, opened)["host-1"] == (peer(2, "198.18.9.9"),)


def test_a_host_without_an_address_is_nobodys_peer(opened: store.Store) -> None:
    opened.transact(lambda tx: move(tx, "host-2", ""))
    kept = slices.Slices(Settings())
    assert told(kept, opened)["host-1"] == ()
    assert told(kept, opened)["host-2"] == (peer(1),)
