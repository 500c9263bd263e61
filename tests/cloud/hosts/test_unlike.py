"""Hosts of one zone that are not alike: in how they are, what they have, and how they run guests.

What is new comes to a host that is broken when no other has room; guests see a processor that all
hosts can show between which they may go.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.ec2.images import tasks
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.placing import cpubaselines, diskroom, placement
from mallee.cloud.hosts.placing.diskroom import Where
from mallee.cloud.hosts.placing.placement import Reservation
from mallee.cloud.state import records, store
from mallee.model.hosts.cpus import Cpu
from mallee.model.hosts.hosts import Capacity
from mallee.model.hosts.standing import Role, Standing
from tests.cloud import clouds
from tests.handclock import HandClock

OLD = Cpu("old", {"qemu64": 20, "Penryn": 30})
NEW = Cpu("new", {"qemu64": 20, "Penryn": 30, "Westmere": 35})
NEWEST = Cpu("newest", {"qemu64": 20, "Penryn": 30, "Westmere": 35, "Haswell": 50})
WHERE = Where(clouds.ZONE, clouds.ACCOUNT)


@pytest.fixture
def opened(root_dir: Path) -> Iterator[store.Store]:
    yield from clouds.open_store(root_dir, HandClock())


def add(opened: store.Store, id: str, capacity: Capacity | None = None, **facts: object) -> None:
    """Add a host of which its agent says this too."""

    def make(tx: store.Tx) -> None:
        host = clouds.add_host(tx, id, capacity)
        assert host.seen is not None
        tx.observe(host, replace(host.seen, facts=replace(host.seen.facts, **facts)))

    opened.transact(make)


def change(opened: store.Store, id: str, **wanted: object) -> None:
    """Have something else wanted of a host."""

    def write(tx: store.Tx) -> None:
        host = tx.get(records.HOST, id)
        assert host is not None
        tx.write(host, replace(host.doc, **wanted))

    opened.transact(write)


def place(opened: store.Store, *ids: str, memory_mib: int = 512) -> dict[str, str]:
    wanted = Reservation(
        zone=clouds.ZONE, instance_ids=ids, vcpus=1, memory_mib=memory_mib, disk_gib=1
    )
    return opened.transact(lambda tx: placement.reserve(tx, wanted))


def keep(opened: store.Store, id: str, size_gib: int) -> str:
    return opened.transact(lambda tx: diskroom.reserve(tx, WHERE, id, size_gib))


def seen_processor(opened: store.Store, host_id: str) -> str:
    return cpubaselines.of(opened.view, host_id)


# --- hosts that are broken ---


def test_instances_come_to_a_broken_host_when_no_other_has_room(opened: store.Store) -> None:
    add(opened, "ails", Capacity(64, 1 << 16, 1000), acceleration="kvm", problems=("A disk.",))
    add(opened, "well", Capacity(2, 1024, 100))
    assert standings.is_ailing(opened.view.list(records.HOST)[0])
    placed = place(opened, "i-1", "i-2", "i-3")
    assert placed == {"i-1": "well", "i-2": "well", "i-3": "ails"}


def test_a_cloud_of_one_host_goes_on_when_it_is_broken(opened: store.Store) -> None:
    add(opened, "only", problems=("One volume cannot be read.",))
    assert place(opened, "i-1") == {"i-1": "only"}
    assert keep(opened, "vol-1", 1) == "only"
    assert opened.transact(lambda tx: tasks.choose_host(tx, clouds.ACCOUNT)) == "only"


def test_of_many_hosts_those_that_are_broken_are_not_looked_at_first(opened: store.Store) -> None:
    for number in range(150):
        add(opened, f"host-{number:03}", problems=() if number == 77 else ("A disk.",))
    assert set(place(opened, *(f"i-{number}" for number in range(8))).values()) == {"host-077"}


def test_volumes_and_tasks_come_to_a_broken_host_last(opened: store.Store) -> None:
    add(opened, "ails", Capacity(8, 8192, 1000), problems=("A disk.",))
    add(opened, "well", Capacity(8, 8192, 100))
    assert opened.transact(lambda tx: tasks.choose_host(tx, clouds.ACCOUNT)) == "well"
    assert keep(opened, "vol-1", 90) == "well"
    assert keep(opened, "vol-2", 20) == "ails"
    with pytest.raises(errors.InsufficientVolumeCapacity, match="has 980 GiB left"):
        keep(opened, "vol-3", 2000)


# --- hosts of different sizes ---


def test_what_fits_one_host_alone_comes_there(opened: store.Store) -> None:
    add(opened, "small", Capacity(8, 1024, 100))
    add(opened, "large", Capacity(2, 1 << 16, 100))
    assert place(opened, "i-1", memory_mib=2048) == {"i-1": "large"}
    with pytest.raises(errors.InsufficientInstanceCapacity) as short:
        place(opened, "i-2", memory_mib=1 << 17)
    assert "name-small is short of memory" in str(short.value)
    assert "name-large is short of memory" in str(short.value)


# --- hosts with different processors ---


def test_a_guest_sees_what_its_host_has_while_all_are_alike(opened: store.Store) -> None:
    add(opened, "one", cpu=NEW)
    assert seen_processor(opened, "one") == ""
    add(opened, "two", cpu=NEW)
    assert seen_processor(opened, "two") == ""


def test_every_host_that_joins_may_lower_what_guests_of_its_zone_see(opened: store.Store) -> None:
    add(opened, "newest", cpu=NEWEST)
    assert seen_processor(opened, "newest") == ""
    add(opened, "new", cpu=NEW)
    assert {seen_processor(opened, id) for id in ("newest", "new")} == {"Westmere"}
    add(opened, "old", cpu=OLD)
    assert {seen_processor(opened, id) for id in ("newest", "new", "old")} == {"Penryn"}


@pytest.mark.parametrize(
    "wanted",
    [{"standing": Standing.RETIRED}, {"roles": (Role.STORAGE,)}, {"zone": "us-east-1b"}],
)
def test_hosts_to_which_no_guest_goes_do_not_count(
    opened: store.Store, wanted: dict[str, object]
) -> None:
    add(opened, "new", cpu=NEW)
    add(opened, "old", cpu=OLD)
    change(opened, "old", **wanted)
    assert seen_processor(opened, "new") == ""


@pytest.mark.parametrize("standing", [Standing.MAINTENANCE, Standing.DISABLED, Standing.DRAINING])
def test_hosts_that_come_back_count(opened: store.Store, standing: Standing) -> None:
    add(opened, "new", cpu=NEW)
    add(opened, "old", cpu=OLD)
    change(opened, "old", standing=standing)
    opened.transact(lambda tx: clouds.silence(tx, "old"))
    assert seen_processor(opened, "new") == "Penryn"


def test_a_host_that_emulates_lowers_nothing_of_those_that_do_not(opened: store.Store) -> None:
    add(opened, "fast", acceleration="kvm", cpu=NEWEST)
    add(opened, "slow", acceleration="tcg", cpu=OLD)
    assert seen_processor(opened, "fast") == ""
    assert seen_processor(opened, "slow") == ""
    assert place(opened, "i-1") == {"i-1": "fast"}
    add(opened, "quick", acceleration="kvm", cpu=NEW)
    assert seen_processor(opened, "fast") == "Westmere"
    assert seen_processor(opened, "slow") == ""


def test_of_a_host_that_does_not_say_what_it_can_show_no_model_is_asked(
    opened: store.Store,
) -> None:
    add(opened, "newest", cpu=NEWEST)
    add(opened, "new", cpu=NEW)
    add(opened, "mute", cpu=None)
    assert seen_processor(opened, "mute") == ""
    assert seen_processor(opened, "new") == "Westmere"
