"""The log of changes ends where nobody needs it, and whoever follows it notices what he missed."""

import asyncio

import pytest

from mallee.cloud.reconcile import changes, runner
from mallee.cloud.state import database, records, store
from mallee.kit import clock
from mallee.model.compute.instances import InstanceSeen, Phase
from tests.cloud.state import samples
from tests.cloud.state.conftest import OpenStore

DAY_S = 86400.0


class Later:
    """A clock that is so many days ahead."""

    def __init__(self, days: float) -> None:
        self.days = days

    def now(self) -> float:
        return clock.SYSTEM.now() + self.days * DAY_S

    def monotonic(self) -> float:
        return clock.SYSTEM.monotonic()


def revisions(opened: store.Store, id: str) -> list[int]:
    """The revisions that the log tells of an instance."""
    told = opened.history(records.INSTANCE, id)
    return [change.rev for change in told]


def live(opened: store.Store, id: str) -> None:
    """Have an instance come, be seen, changed and seen again: four changes."""
    first = opened.transact(lambda tx: samples.insert_instance(tx, id))
    opened.transact(lambda tx: tx.observe(first, InstanceSeen(launch=1, phase=Phase.RUNNING)))
    opened.transact(lambda tx: tx.write(samples.instance(tx, id), samples.tagged(first.doc)))
    opened.transact(lambda tx: tx.observe(first, InstanceSeen(launch=2, phase=Phase.RUNNING)))


def test_what_is_old_goes_and_the_newest_stays(
    url: str, opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHANGES_KEPT", 4)
    live(opened, "i-1")
    live(opened, "i-2")
    log = database.Database(url)
    assert log.trim(clock.SYSTEM.now() - DAY_S, 100) == 0
    assert log.trim(clock.SYSTEM.now() + DAY_S, 3) == 3
    assert log.trim(clock.SYSTEM.now() + DAY_S, 3) == 1
    assert log.trim(clock.SYSTEM.now() + DAY_S, 3) == 0
    assert revisions(opened, "i-1") == []
    assert len(revisions(opened, "i-2")) == 4


def test_a_life_of_which_the_beginning_is_forgotten_is_told_from_where_it_is_known(
    url: str, opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHANGES_KEPT", 3)
    live(opened, "i-1")
    assert database.Database(url).trim(clock.SYSTEM.now() + DAY_S, 100) == 1
    told = opened.history(records.INSTANCE, "i-1")
    # The first observation is of a document that nobody knows any more.
    assert [change.op.value for change in told] == ["write", "observe"]
    opened.transact(lambda tx: tx.delete(samples.instance(tx, "i-1")))
    told = opened.history(records.INSTANCE, "i-1")
    assert [change.op.value for change in told] == ["write", "observe", "delete"]


def test_of_a_long_life_the_newest_is_told(
    opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(opened, "i-1")
    everything = opened.history(records.INSTANCE, "i-1")
    monkeypatch.setattr(store, "HISTORY_MAX", 1)
    # Its document was written two changes before.
    assert opened.history(records.INSTANCE, "i-1") == everything[-1:]
    monkeypatch.setattr(store, "HISTORY_MAX", 3)
    assert [one.rev for one in opened.history(records.INSTANCE, "i-1")] == [
        one.rev for one in everything[-3:]
    ]


def test_everything_is_there_after_a_trim_and_goes_on(
    url: str, opened: store.Store, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHANGES_KEPT", 0)
    live(opened, "i-1")
    opened.transact(lambda tx: tx.claim("space", "key", "i-1"))
    assert database.Database(url).trim(clock.SYSTEM.now() + DAY_S, 100) == 5
    other = open_store()
    assert other.view.rev == opened.view.rev
    assert samples.instance(other.view, "i-1") == samples.instance(opened.view, "i-1")
    assert other.view.owner_of("space", "key") == "i-1"
    other.transact(lambda tx: samples.insert(tx, "vpc-1"))
    opened.transact(lambda tx: samples.insert(tx, "vpc-2"))
    assert {one.id for one in opened.view.list(records.VPC)} == {"vpc-1", "vpc-2"}


def test_who_follows_from_before_the_log_begins_says_so_and_shows_nothing_wrong(
    url: str, opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = database.Database(url).load()
    live(opened, "i-1")
    monkeypatch.setattr(database, "CHANGES_KEPT", 2)
    assert database.Database(url).trim(clock.SYSTEM.now() + DAY_S, 100) == 2
    with pytest.raises(store.Unavailable, match="start it anew"):
        list(database.Database(url).poll(asleep))
    assert asleep.rev == 0


async def test_the_log_goes_back_as_far_as_the_trail(
    url: str, opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHANGES_KEPT", 1)
    monkeypatch.setattr(changes, "AT_ONCE", 2)
    await asyncio.to_thread(live, opened, "i-1")
    await runner.settle_all(changes.reconciler(url, 400, Later(399)))
    assert len(opened.history(records.INSTANCE, "i-1")) == 4
    await runner.settle_all(changes.reconciler(url, 400, Later(401)))
    # What is left is an observation alone.
    assert opened.history(records.INSTANCE, "i-1") == []
    live_still = await opened.run(lambda tx: samples.instance(tx, "i-1").rev)
    assert live_still == opened.view.rev
