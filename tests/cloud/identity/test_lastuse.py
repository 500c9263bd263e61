"""Last uses are noted at once, written coarsely, and forgotten with what they are of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.cloud.identity import lastuse
from mallee.cloud.reconcile import runner
from mallee.cloud.reconcile.identity import lastuse as reconcile
from mallee.cloud.state import records, store
from mallee.model.identity.identities import User
from mallee.model.identity.uses import Uses
from tests.cloud import clouds
from tests.handclock import HandClock

ACCOUNT = "111122223333"
NOW = 1_800_000_000.0


@pytest.fixture
def opened(root_dir: Path) -> Iterator[store.Store]:
    for made in clouds.open_store(root_dir, HandClock()):
        user = User(id="AIDA1", name="anna", created_at=NOW)
        made.transact(lambda tx, user=user: tx.insert(records.USER, ACCOUNT, user.id, user))
        yield made


async def settle(opened: store.Store, uses: lastuse.LastUses) -> None:
    await runner.settle_all(reconcile.reconciler(opened, uses))


def at(uses: Uses, service: str = "ec2") -> float:
    return uses.services[service].at


async def test_note_is_known_at_once_and_written_later(opened: store.Store) -> None:
    uses = lastuse.LastUses("here")
    assert uses.of(opened.view, "AIDA1").services == {}
    uses.note(ACCOUNT, "AIDA1", ("ec2", "RunInstances"), NOW)
    assert at(uses.of(opened.view, "AIDA1")) == NOW
    assert opened.view.get(records.USES, "AIDA1") is None
    await settle(opened, uses)
    written = opened.view.get(records.USES, "AIDA1")
    assert written is not None
    assert (at(written.doc), written.account) == (NOW, ACCOUNT)
    assert written.doc.services["ec2"].region == "here"
    assert at(lastuse.LastUses().of(opened.view, "AIDA1")) == NOW


async def test_thousand_calls_cost_one_write_in_a_quarter_of_an_hour(opened: store.Store) -> None:
    uses = lastuse.LastUses()
    revs: set[int] = set()
    for second in range(1000):
        uses.note(ACCOUNT, "AIDA1", ("ec2", "RunInstances"), NOW + second)
        await settle(opened, uses)
        revs.add(opened.view.rev)
    assert at(uses.of(opened.view, "AIDA1")) == NOW + 999
    assert len(revs) == 2


async def test_who_is_gone_is_forgotten(opened: store.Store) -> None:
    uses = lastuse.LastUses()
    uses.note(ACCOUNT, "AIDA1", ("ec2", "RunInstances"), NOW)
    uses.note(ACCOUNT, "AIDA2", ("ec2", "RunInstances"), NOW)
    await settle(opened, uses)
    assert [one.id for one in opened.view.list(records.USES)] == ["AIDA1"]
    user = opened.view.get(records.USER, "AIDA1")
    assert user is not None
    await opened.run(lambda tx: tx.delete(user))
    await settle(opened, uses)
    assert opened.view.list(records.USES) == []
    assert uses.due(opened.view) == ()


async def test_last_is_the_latest_of_all_services(opened: store.Store) -> None:
    uses = lastuse.LastUses()
    uses.note(ACCOUNT, "AIDA1", ("ec2", "RunInstances"), NOW)
    uses.note(ACCOUNT, "AIDA1", ("iam", "GetUser"), NOW + 5)
    uses.note(ACCOUNT, "AIDA1", ("ec2", "DescribeVpcs"), NOW + 1)
    found = lastuse.last(uses.of(opened.view, "AIDA1"))
    assert found is not None
    assert (found[0], found[1].at) == ("iam", NOW + 5)
    assert uses.of(opened.view, "AIDA1").services["ec2"].actions == {
        "RunInstances": NOW,
        "DescribeVpcs": NOW + 1,
    }


async def test_notes_that_are_too_many_are_written_early(
    opened: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    uses = lastuse.LastUses()
    uses.note(ACCOUNT, "AIDA1", ("ec2", "RunInstances"), NOW)
    await settle(opened, uses)
    uses.note(ACCOUNT, "AIDA1", ("ec2", "RunInstances"), NOW + 1)
    assert uses.due(opened.view) == ()
    monkeypatch.setattr(lastuse, "HELD_MAX", 0)
    assert uses.due(opened.view) == ("AIDA1",)
    await settle(opened, uses)
    assert uses.due(opened.view) == ()
