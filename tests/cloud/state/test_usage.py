"""What accounts use follows from their records, whatever became of these."""

import functools
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.cloud.state.usage import Usage
from mallee.kit import clock
from mallee.model.compute.instances import Instance, InstanceSeen, Phase, Power
from mallee.model.identity import quotas
from mallee.model.identity.quotas import ADDRESSES, Share
from mallee.model.network.networks import Address

ACCOUNTS = ("1", "2")
MAKERS = ("", "AIDA1", "AROA1")


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[store.Store]:
    opened = store.Store.open(f"sqlite:///{tmp_path}/state.db", clock=clock.SYSTEM)
    yield opened
    opened.close()


def address(number: int, maker: str = "") -> Address:
    return Address(id=f"a{number}", public_ip=f"203.0.113.{number}", made_by=maker)


def instance(power: Power, **changes: object) -> Instance:
    made = Instance(
        id="i-1",
        reservation_id="r-1",
        launch_index=0,
        image_id="ami-1",
        type_name="m1.small",
        vcpus=2,
        memory_mib=512,
        disk_gib=3,
        zone="z",
        host_id="h",
        vpc_id="v",
        subnet_id="s",
        interface_ids=("e",),
        launched_at=0.0,
        wanted_since=0.0,
        power=power,
    )
    return replace(made, **changes)


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[str, str, str] | None]:
    step = st.tuples(st.sampled_from("abc"), st.sampled_from(ACCOUNTS), st.sampled_from(MAKERS))
    return draw(st.lists(st.one_of(step, st.none()), max_size=30))


@given(changes())
def test_usage_is_what_a_count_gives(steps: list[tuple[str, str, str] | None]) -> None:
    usage, there = Usage(), dict[str, Record[Address, None]]()
    for number, step in enumerate(steps):
        if step is None:
            gone = there.pop(next(iter(there)), None) if there else None
            usage.change(gone, None)
            continue
        id, account, maker = step
        new = Record(records.ADDRESS, account, id, number, address(number, maker), None)
        usage.change(there.get(id), new)
        there[id] = new
    for account in ACCOUNTS:
        made = [record.doc.made_by for record in there.values() if record.account == account]
        counted = {Share(None, maker): {ADDRESSES: made.count(maker)} for maker in made if maker}
        if made:
            counted[quotas.ALL] = {ADDRESSES: len(made)}
        assert usage.of(account) == counted


def test_usage_is_undone_with_its_transaction(kept: store.Store) -> None:
    kept.transact(lambda tx: tx.insert(records.ADDRESS, "1", "a1", address(1)))

    def fail(tx: store.Tx) -> None:
        tx.insert(records.ADDRESS, "1", "a2", address(2))
        first = tx.get(records.ADDRESS, "a1")
        assert first is not None
        tx.delete(first)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        kept.transact(fail)
    assert kept.transact(lambda tx: dict(tx.usage("1"))) == {quotas.ALL: {ADDRESSES: 1}}
    assert kept.view.usage("1") == {quotas.ALL: {ADDRESSES: 1}}


def test_usage_is_there_after_a_start_of_what_was_before_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    first = store.Store.open(url, clock=clock.SYSTEM)
    first.transact(lambda tx: tx.insert(records.ADDRESS, "1", "a1", address(1, "AIDA1")))
    first.close()
    second = store.Store.open(url, clock=clock.SYSTEM)
    assert second.view.usage("1")[Share(None, "AIDA1")] == {ADDRESSES: 1}
    second.close()


def test_an_account_without_anything_uses_nothing(kept: store.Store) -> None:
    kept.transact(lambda tx: tx.insert(records.ADDRESS, "1", "a1", address(1)))

    def delete(tx: store.Tx) -> None:
        record = tx.get(records.ADDRESS, "a1")
        assert record is not None
        tx.delete(record)

    kept.transact(delete)
    assert kept.view.usage("1") == {}


def test_an_instance_counts_in_its_zone_and_for_its_maker() -> None:
    usage = Usage()
    doc = instance(Power.RUNNING, made_by="AIDA1")
    usage.change(None, Record(records.INSTANCE, "1", "i-1", 1, doc, None))
    found = usage.of("1")
    shares = {quotas.ALL, Share("z"), Share(None, "AIDA1"), Share("z", "AIDA1")}
    assert set(found) == shares
    assert {amounts[quotas.VCPUS] for amounts in found.values()} == {2}


@pytest.mark.parametrize("power", Power)
@pytest.mark.parametrize("phase", [None, *Phase])
def test_an_instance_counts_as_running_until_it_surely_does_not(
    power: Power, phase: Phase | None
) -> None:
    seen = None if phase is None else InstanceSeen(launch=1, phase=phase)
    amounts = dict(quotas.of_instance(instance(power), seen).amounts)
    rests = power is not Power.RUNNING and phase in (Phase.OFF, Phase.FAILED, Phase.GONE)
    assert amounts[quotas.INSTANCES] == 1
    assert amounts[quotas.DISK] == 3
    assert amounts.get(quotas.VCPUS, 0) == (0 if rests else 2)
    assert quotas.of_instance(instance(power, gone_at=1.0), seen) == quotas.NOTHING


def test_two_processes_at_once_never_go_beyond_what_one_may(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    stores = [store.Store.open(url, clock=clock.SYSTEM) for _ in range(2)]
    most, each = 25, 40

    def add(tx: store.Tx, id: str) -> bool:
        if tx.usage("1").get(quotas.ALL, {}).get(ADDRESSES, 0) >= most:
            return False
        tx.insert(records.ADDRESS, "1", id, address(1))
        return True

    def fill(number: int) -> int:
        ids = [f"a{number}-{one}" for one in range(each)]
        return sum(stores[number].transact(functools.partial(add, id=id)) for id in ids)

    with futures.ThreadPoolExecutor(2) as pool:
        added = list(pool.map(fill, range(2)))
    assert sum(added) == most
    for opened in stores:
        assert opened.transact(lambda tx: tx.usage("1")[quotas.ALL]) == {ADDRESSES: most}
        opened.close()
