"""What changed is looked at next, what waits for its time every round, everything in the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.cloud.hosts.placing.place import Capacity
from mallee.cloud.reconcile import instances, restless
from mallee.cloud.state import records, store
from mallee.model.compute.instances import Phase
from tests.cloud import clouds
from tests.handclock import HandClock

COUNT = 12


@pytest.fixture
def opened(root_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[store.Store]:
    monkeypatch.setattr(restless, "WALK_AT_ONCE", 5)
    for one in clouds.open_store(root_dir, HandClock()):
        one.transact(lambda tx: clouds.add_host(tx, "host-1", Capacity(64, 65536, 1000)))
        for number in range(COUNT):
            one.transact(lambda tx, number=number: clouds.launch(tx, number))
        yield one


def _known() -> restless.Restless:
    return restless.Restless(records.INSTANCE, instances.concerned)


def test_the_first_look_is_at_everything(opened: store.Store) -> None:
    assert len(list(_known().candidates(opened.view))) == COUNT


def test_a_few_are_looked_at_each_round_and_all_in_the_end(opened: store.Store) -> None:
    known = _known()
    list(known.candidates(opened.view))
    rounds = [set(known.candidates(opened.view)) for _ in range(3)]
    assert all(0 < len(one) < COUNT for one in rounds)
    assert len(set[str]().union(*rounds)) == COUNT


def test_what_changed_and_what_waits_is_looked_at_at_once(
    opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = _known()
    list(known.candidates(opened.view))
    monkeypatch.setattr(restless, "WALK_AT_ONCE", 0)
    known.note("i-3", is_restless=True)
    opened.transact(lambda tx: clouds.see(tx, "i-7", Phase.RUNNING))
    assert set(known.candidates(opened.view)) == {"i-3", "i-7"}
    assert set(known.candidates(opened.view)) == {"i-3"}
    known.note("i-3", is_restless=False)
    assert set(known.candidates(opened.view)) == set()


def test_when_a_host_falls_silent_all_that_it_carries_is_looked_at(
    opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = _known()
    list(known.candidates(opened.view))
    monkeypatch.setattr(restless, "WALK_AT_ONCE", 0)
    opened.transact(lambda tx: clouds.silence(tx, "host-1"))
    assert len(list(known.candidates(opened.view))) == COUNT
    assert set(known.candidates(opened.view)) == set()
