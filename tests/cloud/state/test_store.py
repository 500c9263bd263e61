"""The store's laws, on SQLite and on PostgreSQL."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from mallee.cloud.state import records, store
from mallee.model.compute.instances import InstanceSeen, Phase
from tests.cloud.state import samples

OpenStore = Callable[[], store.Store]


async def test_a_reader_sees_what_its_write_returned(opened: store.Store) -> None:
    written = await opened.run(lambda tx: samples.insert(tx, "vpc-1"))
    assert opened.view.get(records.VPC, "vpc-1") == written
    assert opened.view.rev == written.rev


def test_a_blocking_transaction_is_in_the_view_when_it_returns(opened: store.Store) -> None:
    written = opened.transact(lambda tx: samples.insert(tx, "vpc-1"))
    assert opened.view.list(records.VPC) == [written]


async def test_blocking_the_loop_with_a_transaction_is_no_deadlock(opened: store.Store) -> None:
    written = opened.transact(lambda tx: samples.insert(tx, "vpc-1"))
    assert opened.view.list(records.VPC) == [written]


async def test_a_blocking_transaction_of_another_thread_reaches_the_loops_view(
    opened: store.Store,
) -> None:
    await opened.run(lambda tx: None)
    written = await asyncio.to_thread(opened.transact, lambda tx: samples.insert(tx, "vpc-1"))
    assert opened.view.list(records.VPC) == [written]


def test_everything_is_there_after_reopening(open_store: OpenStore) -> None:
    first = open_store()

    def fill(tx: store.Tx) -> None:
        kept = samples.insert(tx, "vpc-1")
        tx.write(kept, samples.doc("vpc-1", "10.1.0.0/16"))
        tx.delete(samples.insert(tx, "vpc-2"))
        tx.claim("space", "key", "owner", 3)

    first.transact(fill)
    first.close()
    second = open_store()
    assert second.view.list(records.VPC) == first.view.list(records.VPC)
    assert second.view.rev == first.view.rev
    assert second.view.owner_of("space", "key") == "owner"
    assert second.view.total("space") == 3


def test_what_fails_changes_nothing(opened: store.Store) -> None:
    opened.transact(lambda tx: samples.insert(tx, "vpc-1"))
    before = opened.view.rev

    def fail(tx: store.Tx) -> None:
        tx.write(samples.newest(tx, "vpc-1"), samples.doc("vpc-1", "10.9.0.0/16"))
        samples.insert(tx, "vpc-2")
        tx.claim("space", "key", "owner")
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        opened.transact(fail)
    assert opened.view.rev == before
    assert [one.doc.cidr for one in opened.view.list(records.VPC)] == ["10.0.0.0/16"]
    # The writer's own index has forgotten it as well.
    opened.transact(lambda tx: samples.insert(tx, "vpc-2"))
    opened.transact(lambda tx: tx.claim("space", "key", "somebody else"))


def test_a_write_with_an_old_record_conflicts(opened: store.Store) -> None:
    old = opened.transact(lambda tx: samples.insert(tx, "vpc-1"))
    opened.transact(lambda tx: tx.write(old, samples.doc("vpc-1", "10.1.0.0/16")))
    with pytest.raises(store.Conflict):
        opened.transact(lambda tx: tx.write(old, samples.doc("vpc-1", "10.2.0.0/16")))
    with pytest.raises(store.Conflict):
        opened.transact(lambda tx: tx.delete(old))
    with pytest.raises(store.Conflict):
        opened.transact(lambda tx: samples.insert(tx, "vpc-1"))


def test_an_equal_write_changes_nothing(opened: store.Store) -> None:
    record = opened.transact(lambda tx: samples.insert(tx, "vpc-1"))
    assert opened.transact(lambda tx: tx.write(record, samples.doc("vpc-1"))) == record
    assert opened.view.rev == record.rev


def test_an_observation_leaves_the_document(opened: store.Store) -> None:
    old = opened.transact(lambda tx: samples.insert_instance(tx, "i-1"))
    changed = opened.transact(lambda tx: tx.write(old, samples.tagged(old.doc)))
    seen = InstanceSeen(launch=1, phase=Phase.RUNNING)
    observed = opened.transact(lambda tx: tx.observe(old, seen))
    assert (observed.doc, observed.seen) == (changed.doc, seen)
    assert opened.transact(lambda tx: tx.observe(old, seen)) == observed


def test_a_document_that_cannot_be_read_again_is_refused(opened: store.Store) -> None:
    bad = samples.doc("vpc-1", cidr=17)  # pyright: ignore[reportArgumentType]
    with pytest.raises(Exception, match="Expected"):
        opened.transact(lambda tx: tx.insert(records.VPC, samples.ACCOUNT, "vpc-1", bad))
    assert opened.view.list(records.VPC) == []
    opened.transact(lambda tx: samples.insert(tx, "vpc-1"))


async def test_one_that_fails_does_not_harm_those_that_share_its_commit(
    opened: store.Store,
) -> None:
    bad = samples.doc("vpc-bad", cidr=17)  # pyright: ignore[reportArgumentType]

    def fail(tx: store.Tx) -> None:
        samples.insert(tx, "vpc-failed")
        raise ValueError("on purpose")

    def poison(tx: store.Tx) -> None:
        tx.insert(records.VPC, samples.ACCOUNT, "vpc-bad", bad)

    good = [lambda tx, id=f"vpc-{n}": samples.insert(tx, id) for n in range(20)]
    ends = await asyncio.gather(
        *(opened.run(fn) for fn in (*good[:10], fail, poison, *good[10:])), return_exceptions=True
    )
    failed = [end for end in ends if isinstance(end, Exception)]
    assert len(failed) == 2
    assert isinstance(failed[0], ValueError)
    assert {one.id for one in opened.view.list(records.VPC)} == {f"vpc-{n}" for n in range(20)}


def test_a_claim_has_one_owner(opened: store.Store) -> None:
    opened.transact(lambda tx: tx.claim("space", "key", "one"))
    opened.transact(lambda tx: tx.claim("space", "key", "one", 4))
    with pytest.raises(store.Taken) as taken:
        opened.transact(lambda tx: tx.claim("space", "key", "two"))
    assert taken.value.owner == "one"
    assert opened.view.total("space") == 4
    opened.transact(lambda tx: tx.release_owner("one"))
    assert opened.view.total("space") == 0
    assert opened.view.held("space") == {}
    opened.transact(lambda tx: tx.claim("space", "key", "two"))
    assert opened.view.held("space") == {"key": "two"}


def test_parallel_takers_never_take_one_key_twice(opened: store.Store) -> None:
    wins: list[tuple[str, str]] = []

    def take_many(owner: str) -> None:
        for key in range(25):
            try:
                opened.transact(lambda tx, key=key: tx.claim("space", str(key), owner))
                wins.append((str(key), owner))
            except store.Taken:
                continue

    takers = [threading.Thread(target=take_many, args=(f"owner-{n}",)) for n in range(4)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert len(wins) == 25
    assert dict(wins) == opened.view.held("space")


async def test_waiting_ends_with_the_next_change(opened: store.Store) -> None:
    rev = opened.view.rev
    waiter = asyncio.create_task(opened.wait_changed(rev, 30))
    written = await opened.run(lambda tx: samples.insert(tx, "vpc-1"))
    assert await waiter == written.rev
    assert await opened.wait_changed(rev, 30) == written.rev


async def test_waiting_ends_when_the_time_is_over(opened: store.Store) -> None:
    assert await opened.wait_changed(opened.view.rev, 0.001) == opened.view.rev


def test_the_log_tells_every_change_in_order(opened: store.Store) -> None:
    first = opened.transact(lambda tx: samples.insert_instance(tx, "i-1"))
    opened.transact(lambda tx: samples.insert(tx, "vpc-1"))
    opened.transact(lambda tx: tx.observe(first, InstanceSeen(launch=1, phase=Phase.RUNNING)))
    last = opened.transact(
        lambda tx: tx.write(samples.instance(tx, "i-1"), samples.tagged(first.doc))
    )
    opened.transact(lambda tx: tx.delete(samples.instance(tx, "i-1")))
    told = opened.history(records.INSTANCE, "i-1")
    assert [change.op.value for change in told] == ["insert", "observe", "write", "delete"]
    assert [change.rev for change in told] == sorted(change.rev for change in told)
    assert told[0].subject == first
    assert told[2].subject == last


def test_a_closed_store_takes_nothing(opened: store.Store) -> None:
    opened.close()
    opened.close()
    with pytest.raises(store.Unavailable):
        opened.transact(lambda tx: None)


def test_two_stores_on_one_database_see_each_other(open_store: OpenStore) -> None:
    one, two = open_store(), open_store()
    written = one.transact(lambda tx: samples.insert(tx, "vpc-1"))
    assert two.transact(lambda tx: tx.get(records.VPC, "vpc-1")) == written
    assert two.view.get(records.VPC, "vpc-1") == written
    with pytest.raises(store.Conflict):
        two.transact(lambda tx: samples.insert(tx, "vpc-1"))


async def test_another_stores_commit_wakes_who_waits(open_store: OpenStore) -> None:
    one, two = open_store(), open_store()
    waiter = asyncio.create_task(two.wait_changed(two.view.rev, 30))
    written = await asyncio.to_thread(one.transact, lambda tx: samples.insert(tx, "vpc-1"))
    assert await waiter == written.rev
    assert two.view.get(records.VPC, "vpc-1") == written
