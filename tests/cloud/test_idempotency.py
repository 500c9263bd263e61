"""The same request sent twice is done once, whoever was killed in between."""

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mallee.aws import errors
from mallee.cloud import actions, idempotency
from mallee.cloud.action import Action, Write
from mallee.cloud.call import WriteCall
from mallee.cloud.state import records, store
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender
from tests.handclock import HandClock

SCOPE = ("111122223333", "ec2:RunInstances")
ASKED = {"ClientToken": "one", "ImageId": "ami-1", "MinCount": 1}


@dataclasses.dataclass
class Shop:
    """A store, and a counter of what was really done."""

    clock: HandClock
    store: store.Store
    done: int = 0

    def ask(self, scope: tuple[str, str], asked: Mapping[str, Any]) -> str:
        def do() -> str:
            self.done += 1
            return f"result {self.done}"

        return self.store.transact(lambda tx: idempotency.once(tx, scope, asked, do))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    clock = HandClock()
    opened = store.Store.open(f"sqlite:///{tmp_path}/state.db", clock=clock)
    yield Shop(clock, opened)
    opened.close()


def test_same_token_and_parameters_are_done_once(shop: Shop) -> None:
    first = shop.ask(SCOPE, ASKED)
    assert shop.ask(SCOPE, dict(reversed(ASKED.items()))) == first
    assert shop.done == 1


def test_dry_run_is_no_other_parameter(shop: Shop) -> None:
    shop.ask(SCOPE, ASKED)
    shop.ask(SCOPE, {**ASKED, "DryRun": False})
    assert shop.done == 1


def test_other_parameters_are_refused(shop: Shop) -> None:
    shop.ask(SCOPE, ASKED)
    for other in ({**ASKED, "MinCount": 2}, {**ASKED, "KeyName": "k"}, {"ClientToken": "one"}):
        with pytest.raises(errors.IdempotentParameterMismatch):
            shop.ask(SCOPE, other)


def test_token_means_nothing_to_others(shop: Shop) -> None:
    shop.ask(SCOPE, ASKED)
    shop.ask(("444455556666", SCOPE[1]), ASKED)
    shop.ask((SCOPE[0], "ec2:AllocateAddress"), ASKED)
    assert shop.done == 3


def test_without_a_token_everything_is_done(shop: Shop) -> None:
    for asked in ({}, {"ClientToken": ""}, {"ImageId": "ami-1"}):
        shop.ask(SCOPE, asked)
        shop.ask(SCOPE, asked)
    assert shop.done == 6


def test_failure_may_be_tried_again_with_its_token(shop: Shop) -> None:
    def fail() -> str:
        raise errors.InsufficientInstanceCapacity("memory")

    with pytest.raises(errors.InsufficientInstanceCapacity):
        shop.store.transact(lambda tx: idempotency.once(tx, SCOPE, ASKED, fail))
    assert shop.ask(SCOPE, ASKED) == "result 1"


def test_token_is_forgotten_after_its_time(shop: Shop) -> None:
    shop.ask(SCOPE, ASKED)
    shop.clock.time += idempotency.KEPT_S - 1
    shop.ask(SCOPE, ASKED)
    assert shop.store.transact(idempotency.sweep) == 0
    shop.clock.time += 2
    assert shop.ask(SCOPE, {**ASKED, "MinCount": 2}) == "result 2"
    shop.clock.time += idempotency.KEPT_S + 1
    assert shop.store.transact(idempotency.sweep) == 1
    assert shop.store.view.list(records.CLIENT_TOKEN) == []


# --- through the front door ---


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    done: list[str] = []

    def create(call: WriteCall, request: Mapping[str, Any]) -> dict[str, Any]:
        done.append(call.account)
        return {"VolumeId": f"vol-{len(done):017x}"}

    row = Action(
        service="ec2",
        name="CreateVolume",
        does=Write(handle=create),
        honours=frozenset({"AvailabilityZone", "Size"}),
    )
    monkeypatch.setitem(actions.TABLE, ("ec2", "CreateVolume"), row)
    return done


def _create(sender: Sender, size: str = "1") -> str:
    asked = {"AvailabilityZone": "us-east-1a", "Size": size, "ClientToken": "retried"}
    return sender.ask("ec2", "CreateVolume", **asked).text.partition("<volumeId>")[2][:21]


def test_answer_is_the_same_after_a_restart(cloud: RunningCloud, counted: list[str]) -> None:
    first = _create(Sender(cloud.port, cloud.admin))
    assert first.startswith("vol-")
    cloud.restart()
    sender = Sender(cloud.port, cloud.admin)
    assert _create(sender) == first
    assert len(counted) == 1
    asked = {"AvailabilityZone": "us-east-1a", "Size": "2", "ClientToken": "retried"}
    assert sender.ask("ec2", "CreateVolume", **asked).code == "IdempotentParameterMismatch"


async def test_retry_that_crosses_its_first_attempt_is_done_once(
    cloud: RunningCloud, sender: Sender, counted: list[str]
) -> None:
    asked = {"AvailabilityZone": "us-east-1a", "ClientToken": "crossing"}
    answers = await asyncio.gather(
        *(asyncio.to_thread(sender.ask, "ec2", "CreateVolume", **asked) for _ in range(20))
    )
    assert {answer.status for answer in answers} == {200}
    assert len({answer.text.partition("<volumeId>")[2][:21] for answer in answers}) == 1
    assert len(counted) == 1
