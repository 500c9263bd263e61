"""What agents report is believed of their own host only, and stored when it is new."""

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mallee.cloud.hosts import hearing
from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model.compute.instances import Instance, InstanceSeen, Phase, Reach
from mallee.model.hosts.hosts import Host, SyncRequest
from tests.cloud.agent import FACTS
from tests.cloud.journal import of
from tests.handclock import HandClock


@dataclasses.dataclass
class Setting:
    """A store with two hosts, an instance on the first, and who listens to them."""

    store: store.Store
    hearing: hearing.Hearing

    async def report(self, host_id: str, **report: Any) -> None:
        host = self.store.view.get(records.HOST, host_id)
        assert host is not None
        request = SyncRequest(known_generation=0, wait_s=0, **report)
        await self.hearing.observe(host, request)

    def seen(self, instance_id: str = "i-1") -> InstanceSeen | None:
        record = self.store.view.get(records.INSTANCE, instance_id)
        assert record is not None
        return record.seen


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    opened = store.Store.open(f"sqlite:///{tmp_path}/state.db", clock=clock.SYSTEM)
    opened.transact(_populate)
    yield Setting(opened, hearing.Hearing(opened, clock.SYSTEM))
    opened.close()


def _populate(tx: store.Tx) -> None:
    for id in ("host-1", "host-2"):
        host = Host(id=id, name=id, zone="us-east-1a", certificate_serial="1", joined_at=0)
        tx.insert(records.HOST, "", id, host)
    instance = Instance(
        id="i-1",
        reservation_id="r-1",
        launch_index=0,
        image_id="ami-1",
        type_name="t2.nano",
        vcpus=1,
        memory_mib=512,
        disk_gib=1,
        zone="us-east-1a",
        host_id="host-1",
        vpc_id="vpc-1",
        subnet_id="subnet-1",
        interface_ids=(),
        launched_at=0,
        wanted_since=0,
    )
    tx.insert(records.INSTANCE, "111122223333", "i-1", instance)


RUNNING = InstanceSeen(launch=1, phase=Phase.RUNNING)
STOPPED = InstanceSeen(launch=1, phase=Phase.OFF)


async def test_report_of_its_own_instance_is_believed(setting: Setting) -> None:
    await setting.report("host-1", facts=FACTS, seen={"i-1": RUNNING})
    assert setting.seen() == RUNNING


async def test_report_of_a_foreign_instance_is_ignored_and_logged(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = of(monkeypatch, hearing)
    await setting.report("host-1", facts=FACTS, seen={"i-1": RUNNING})
    await setting.report("host-2", facts=FACTS, seen={"i-1": STOPPED, "i-2": RUNNING})
    assert setting.seen() == RUNNING
    assert [(line["host"], line["some"]) for line in journal.lines] == [("host-2", ["i-1", "i-2"])]


async def test_a_host_fills_no_log_with_what_is_not_its_own(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = of(monkeypatch, hearing)
    claimed = {f"i-{number}{'x' * 10_000}": RUNNING for number in range(500)}
    await setting.report("host-2", facts=FACTS, seen=claimed)
    [line] = journal.lines
    assert line["number"] == 500
    assert len(str(line)) < 1000


async def test_what_is_not_new_is_not_written(setting: Setting) -> None:
    await setting.report("host-1", facts=FACTS, seen={"i-1": RUNNING})
    rev = setting.store.view.rev
    await setting.report("host-1", facts=FACTS, seen={"i-1": RUNNING})
    await setting.report("host-1")
    assert setting.store.view.rev == rev
    await setting.report("host-1", leftovers=("a tap",))
    assert setting.store.view.rev == rev + 1


async def test_host_that_says_no_facts_yet_takes_nothing(setting: Setting) -> None:
    await setting.report("host-1")
    host = setting.store.view.get(records.HOST, "host-1")
    assert host is not None
    assert host.seen is None
    assert "host-1" in setting.hearing.heard


async def test_report_of_nothing_changed_keeps_what_was_seen(setting: Setting) -> None:
    await setting.report("host-1", facts=FACTS, seen={"i-1": RUNNING})
    await setting.report("host-1", seen=None)
    assert setting.seen() == RUNNING


async def test_an_agent_that_begins_anew_takes_back_no_judgement(setting: Setting) -> None:
    reach = Reach(answers=False, since=7.0)
    judged = InstanceSeen(launch=1, phase=Phase.RUNNING, reach=reach)
    await setting.report("host-1", facts=FACTS, seen={"i-1": judged})
    rev = setting.store.view.rev
    await setting.report("host-1", facts=FACTS, seen={"i-1": RUNNING})
    assert setting.seen() == judged
    assert setting.store.view.rev == rev


async def test_report_that_was_overtaken_is_no_news(setting: Setting) -> None:
    off, on = (InstanceSeen(launch=1, phase=phase) for phase in (Phase.OFF, Phase.RUNNING))
    await setting.report("host-1", facts=FACTS, seen={"i-1": on}, number=5)
    await setting.report("host-1", seen={"i-1": off}, number=6)
    await setting.report("host-1", seen={"i-1": on}, number=5)
    assert setting.seen() == off


async def test_report_is_overtaken_by_one_that_tells_nothing_new(setting: Setting) -> None:
    off, on = (InstanceSeen(launch=1, phase=phase) for phase in (Phase.OFF, Phase.RUNNING))
    await setting.report("host-1", facts=FACTS, seen={"i-1": on}, number=4)
    # Its 5 was not answered, so it tells again how things are: as they were.
    await setting.report("host-1", facts=FACTS, seen={"i-1": on}, number=6, is_anew=True)
    await setting.report("host-1", seen={"i-1": off}, number=5)
    assert setting.seen() == on


async def test_reports_of_two_processes_have_one_order(setting: Setting) -> None:
    off, on = (InstanceSeen(launch=1, phase=phase) for phase in (Phase.OFF, Phase.RUNNING))
    other = Setting(setting.store, hearing.Hearing(setting.store, clock.SYSTEM))
    await setting.report("host-1", facts=FACTS, seen={"i-1": on}, number=5)
    await other.report("host-1", seen={"i-1": off}, number=7)
    await setting.report("host-1", seen={"i-1": on}, number=6)
    assert setting.seen() == off


class Present:
    """The front ends that are there."""

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)
        self.is_cut_off = False
        self.is_new = False

    def holds(self, name: str) -> bool:
        return True

    def alive(self) -> frozenset[str]:
        return self.names

    def is_there(self) -> bool:
        return not self.is_cut_off

    def is_known(self) -> bool:
        return not self.is_cut_off and not self.is_new


@pytest.fixture
def two(setting: Setting) -> tuple[Setting, Setting, Present, HandClock]:
    """Two front ends of one cloud, who is there, and their clock."""
    present, time = Present("fe-1", "fe-2"), HandClock()
    first, second = (
        Setting(setting.store, hearing.Hearing(setting.store, time, name, present))
        for name in ("fe-1", "fe-2")
    )
    return first, second, present, time


async def silent_for(setting: Setting, time: HandClock, seconds: float) -> bool:
    """Let time pass; tell whether a front end writes down that the host is silent."""
    time.time += seconds
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hearing, "LOOK_EVERY_S", 0.0)
        watching = asyncio.create_task(setting.hearing.watch())
        for _ in range(3):
            await asyncio.sleep(0.01)
        # What it writes is written before this is.
        await setting.store.run(lambda tx: None)
        watching.cancel()
    host = setting.store.view.get(records.HOST, "host-1")
    assert host is not None
    assert host.seen is not None
    return host.seen.is_silent


async def test_host_that_another_front_end_hears_is_not_silent(
    two: tuple[Setting, Setting, Present, HandClock],
) -> None:
    first, second, _, time = two
    await first.report("host-1", facts=FACTS)
    assert not await silent_for(second, time, 60.0)
    assert await silent_for(first, time, 0.0)


async def test_host_of_a_front_end_that_is_gone_has_the_whole_time_to_find_another(
    two: tuple[Setting, Setting, Present, HandClock],
) -> None:
    first, second, present, time = two
    await first.report("host-1", facts=FACTS)
    present.names = frozenset({"fe-2"})
    assert not await silent_for(second, time, 60.0)
    assert not await silent_for(second, time, 14.0)
    assert await silent_for(second, time, 2.0)


async def test_host_that_turns_to_another_front_end_is_its_to_hear(
    two: tuple[Setting, Setting, Present, HandClock],
) -> None:
    first, second, _, time = two
    await first.report("host-1", facts=FACTS)
    time.time += 60.0
    await second.report("host-1")
    assert not await silent_for(first, time, 0.0)
    assert await silent_for(second, time, 16.0)


async def test_front_end_that_is_cut_off_silences_nobody(
    two: tuple[Setting, Setting, Present, HandClock],
) -> None:
    first, _, present, time = two
    await first.report("host-1", facts=FACTS)
    present.is_cut_off = True
    assert not await silent_for(first, time, 60.0)
    present.is_cut_off = False
    assert await silent_for(first, time, 0.0)


async def test_why_a_front_end_promises_nothing_is_what_it_lacks(
    two: tuple[Setting, Setting, Present, HandClock],
) -> None:
    first, _, present, _ = two
    assert first.hearing.why_no_promise() == ""
    present.is_new = True
    assert "a moment ago" in first.hearing.why_no_promise()
    present.is_cut_off = True
    assert first.hearing.why_no_promise() == "this front end does not reach the database"


async def test_process_that_stood_still_calls_nobody_silent(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = HandClock()
    heard = Setting(setting.store, hearing.Hearing(setting.store, time))
    await heard.report("host-1", facts=FACTS)
    monkeypatch.setattr(hearing, "LOOK_EVERY_S", 0.0)
    watching = asyncio.create_task(heard.hearing.watch())
    await asyncio.sleep(0.01)
    # All at once: it is the watching that was away.
    time.time += 60.0
    await asyncio.sleep(0.01)
    host = setting.store.view.get(records.HOST, "host-1")
    assert host is not None
    assert host.seen is not None
    assert not host.seen.is_silent
    for _ in range(16):
        time.time += 1.0
        await asyncio.sleep(0.01)
    await setting.store.run(lambda tx: None)
    host = setting.store.view.get(records.HOST, "host-1")
    assert host is not None
    assert host.seen is not None
    assert host.seen.is_silent
    watching.cancel()
