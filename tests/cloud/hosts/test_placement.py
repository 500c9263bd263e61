"""Room on hosts is claimed in the transaction, never overrun, and given back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.aws import errors
from mallee.cloud.hosts.placing import placement
from mallee.cloud.hosts.placing.placement import Reservation
from mallee.cloud.state import store
from mallee.model.hosts.hosts import Capacity
from tests.cloud import clouds
from tests.handclock import HandClock


@pytest.fixture
def opened(root_dir: Path) -> Iterator[store.Store]:
    yield from clouds.open_store(root_dir, HandClock())


def reservation(*ids: str, count_min: int = 1, memory_mib: int = 512) -> Reservation:
    return Reservation(
        zone=clouds.ZONE,
        instance_ids=ids,
        vcpus=1,
        memory_mib=memory_mib,
        disk_gib=1,
        count_min=count_min,
    )


def test_room_is_held_until_it_is_released(opened: store.Store) -> None:
    opened.transact(lambda tx: clouds.add_host(tx, "host-1"))
    placed = opened.transact(lambda tx: placement.reserve(tx, reservation("i-1", "i-2")))
    assert placed == {"i-1": "host-1", "i-2": "host-1"}
    assert placement.used(opened.view, "host-1") == Capacity(2, 1024, 2)
    for _ in range(2):
        opened.transact(lambda tx: placement.release(tx, "host-1", "i-1"))
        assert placement.used(opened.view, "host-1") == Capacity(1, 512, 1)


def test_as_many_as_have_room_are_placed(opened: store.Store) -> None:
    opened.transact(lambda tx: clouds.add_host(tx, "host-1", Capacity(8, 1024, 100)))
    placed = opened.transact(lambda tx: placement.reserve(tx, reservation("i-1", "i-2", "i-3")))
    assert list(placed) == ["i-1", "i-2"]


def test_no_capacity_names_what_is_short_where(opened: store.Store) -> None:
    opened.transact(lambda tx: clouds.add_host(tx, "host-1", Capacity(8, 1024, 100)))
    opened.transact(lambda tx: clouds.add_host(tx, "host-2", is_silent=True))
    with pytest.raises(errors.InsufficientInstanceCapacity) as short:
        opened.transact(lambda tx: placement.reserve(tx, reservation("i-1", memory_mib=2048)))
    assert "Host name-host-1 is short of memory (needs 2048 MiB, 1024 of 1024 MiB free)." in str(
        short.value
    )
    assert "Host name-host-2 is silent" in str(short.value)
    assert placement.used(opened.view, "host-1") == Capacity(0, 0, 0)


def test_nothing_is_placed_for_nobody(opened: store.Store) -> None:
    for number in range(130):
        opened.transact(lambda tx, number=number: clouds.add_host(tx, f"host-{number}"))
    assert opened.transact(lambda tx: placement.reserve(tx, reservation(count_min=0))) == {}


def test_a_zone_without_hosts_says_so(opened: store.Store) -> None:
    with pytest.raises(errors.InsufficientInstanceCapacity, match="has no hosts yet"):
        opened.transact(lambda tx: placement.reserve(tx, reservation("i-1")))


def test_fewer_than_the_least_takes_nothing(opened: store.Store) -> None:
    opened.transact(lambda tx: clouds.add_host(tx, "host-1", Capacity(1, 1024, 100)))
    with pytest.raises(errors.InsufficientInstanceCapacity, match="there is room for 1"):
        opened.transact(lambda tx: placement.reserve(tx, reservation("i-1", "i-2", count_min=2)))
    assert placement.used(opened.view, "host-1") == Capacity(0, 0, 0)


def test_a_stopped_instance_keeps_only_its_disk_and_takes_its_room_again(
    opened: store.Store,
) -> None:
    opened.transact(lambda tx: clouds.add_host(tx, "host-1", Capacity(1, 512, 10)))
    id = opened.transact(lambda tx: clouds.launch(tx, 1))
    opened.transact(lambda tx: placement.pause(tx, "host-1", id))
    assert placement.used(opened.view, "host-1") == Capacity(0, 0, 2)
    for _ in range(2):
        opened.transact(lambda tx: placement.resume(tx, clouds.get(tx, id)))
        assert placement.used(opened.view, "host-1") == Capacity(1, 512, 2)


def test_resuming_without_room_says_what_is_short(opened: store.Store) -> None:
    opened.transact(lambda tx: clouds.add_host(tx, "host-1", Capacity(1, 512, 10)))
    id = opened.transact(lambda tx: clouds.launch(tx, 1))
    opened.transact(lambda tx: placement.pause(tx, "host-1", id))
    opened.transact(lambda tx: clouds.launch(tx, 2))
    with pytest.raises(errors.InsufficientInstanceCapacity, match="short of vcpus"):
        opened.transact(lambda tx: placement.resume(tx, clouds.get(tx, id)))
