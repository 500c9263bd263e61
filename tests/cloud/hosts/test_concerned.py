"""A change concerns the hosts that carry what it is about, and no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.cloud.hosts.slices import concerned, slices
from mallee.cloud.state import records, store
from mallee.model.compute.instances import Phase
from mallee.model.hosts.hosts import Capacity
from tests.cloud import clouds
from tests.handclock import HandClock

SHOWN = frozenset(kind.name for kind in slices.SHOWN)


@pytest.fixture
def opened(root_dir: Path) -> Iterator[store.Store]:
    """A VPC with a guest on the one host, and none on the other."""
    for one in clouds.open_store(root_dir, HandClock()):
        one.transact(lambda tx: clouds.add_host(tx, "host-1", Capacity(64, 65536, 1000)))
        one.transact(lambda tx: clouds.launch(tx, 1))
        one.transact(lambda tx: clouds.add_host(tx, "host-2"))
        yield one


def about(opened: store.Store, rev: int) -> list[dict[str, concerned.Concern] | None]:
    """What each change since a revision concerns."""
    news = opened.view.news(rev)
    assert news
    return [concerned.hosts(opened.view, one, SHOWN) for one in news]


def test_what_is_seen_concerns_nobody(opened: store.Store) -> None:
    rev = opened.view.rev
    opened.transact(lambda tx: clouds.see(tx, "i-1", Phase.RUNNING))
    assert about(opened, rev) == [{}]


def test_a_group_concerns_who_carries_its_vpc(opened: store.Store) -> None:
    rev = opened.view.rev
    opened.transact(lambda tx: clouds.add_group(tx, "sg-9"))
    [found] = about(opened, rev)
    assert found == {"host-1": concerned.Concern(vpc_ids={"vpc-1"}, instance_ids={"i-1"})}


def test_an_instance_concerns_its_host_alone(opened: store.Store) -> None:
    rev = opened.view.rev

    def tag(tx: store.Tx) -> None:
        instance = clouds.get(tx, "i-1")
        tx.write(instance, replace(instance.doc, tags={"a": "b"}))

    opened.transact(tag)
    [found] = about(opened, rev)
    assert found is not None
    assert found.keys() == {"host-1"}


def test_an_interface_that_goes_concerns_the_host_that_had_it(opened: store.Store) -> None:
    rev = opened.view.rev

    def take(tx: store.Tx) -> None:
        interface = tx.get(records.INTERFACE, "eni-1")
        assert interface is not None
        tx.delete(interface)

    opened.transact(take)
    [found] = about(opened, rev)
    assert found == {"host-1": concerned.Concern(vpc_ids={"vpc-1"}, instance_ids={"i-1"})}


def test_only_who_is_concerned_is_named_until_he_asks(opened: store.Store) -> None:
    kept = slices.Slices(slices.Settings())
    for host in ("host-1", "host-2"):
        kept.host_wanted(opened.view, host)
    opened.transact(lambda tx: clouds.add_group(tx, "sg-9"))
    assert kept.hosts_concerned(opened.view) == ("host-1",)
    kept.host_wanted(opened.view, "host-1")
    assert kept.hosts_concerned(opened.view) == ()


def test_a_new_neighbour_may_wait_and_whatever_else_concerns_a_host_may_not(
    opened: store.Store,
) -> None:
    kept = slices.Slices(slices.Settings())
    for host in ("host-1", "host-2"):
        kept.host_wanted(opened.view, host)

    def fill(tx: store.Tx) -> None:
        tx.claim("host/host-1/memory_mib", "another", "another", 65536 - 512)

    opened.transact(fill)
    opened.transact(lambda tx: clouds.launch(tx, 2))
    assert set(kept.hosts_concerned(opened.view)) == {"host-1", "host-2"}
    assert {id for id in ("host-1", "host-2") if kept.may_wait(id)} == {"host-1"}
    opened.transact(lambda tx: clouds.add_group(tx, "sg-9"))
    assert "host-1" in kept.hosts_concerned(opened.view)
    assert not kept.may_wait("host-1")


def test_now_and_then_all_of_a_slice_is_computed_anew(
    opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = slices.Slices(slices.Settings())
    before = kept.host_wanted(opened.view, "host-1")
    # Whatever is not noticed in time is noticed then.
    monkeypatch.setattr(concerned, "hosts", lambda view, news, shown, gateway: {})
    opened.transact(lambda tx: clouds.add_group(tx, "sg-1a", source="sg-2"))

    def wear(tx: store.Tx) -> None:
        interface = tx.get(records.INTERFACE, "eni-1")
        assert interface is not None
        tx.write(interface, replace(interface.doc, group_ids=("sg-1a",)))

    opened.transact(wear)
    assert kept.host_wanted(opened.view, "host-1") is before
    told = [kept.host_wanted(opened.view, "host-1") for _ in range(slices.ANEW_AFTER)]
    assert told[-1] != before
