"""What nobody has decided, taken up or thought of for long is forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.cloud.reconcile import runner
from mallee.cloud.reconcile.identity import registrations
from mallee.cloud.state import records, store
from mallee.model.identity.invitations import Registration, State
from tests.cloud import clouds
from tests.handclock import NOW, HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def opened(tmp_path: Path, clock: HandClock) -> Iterator[store.Store]:
    yield from clouds.open_store(tmp_path, clock)


def _insert(tx: store.Tx, id: str, state: State, expires_at: float | None = None) -> None:
    registration = Registration(
        id=id,
        email="a@example.org",
        account_name="a",
        state=state,
        created_at=NOW,
        decided_at=None if state is State.REQUESTED else NOW,
        expires_at=expires_at,
    )
    tx.insert(records.REGISTRATION, "", id, registration)


async def test_only_what_is_over_for_long_goes(opened: store.Store, clock: HandClock) -> None:
    def fill(tx: store.Tx) -> None:
        _insert(tx, "reg-requested", State.REQUESTED)
        _insert(tx, "reg-rejected", State.REJECTED)
        _insert(tx, "reg-accepted", State.ACCEPTED)
        _insert(tx, "reg-open", State.INVITED, expires_at=NOW + registrations.KEPT_S)

    opened.transact(fill)
    reconciler = registrations.reconciler(opened, clock)
    clock.time = NOW + registrations.KEPT_S
    assert reconciler.keys() == ()
    clock.time += 1
    await runner.settle_all(reconciler)
    left = {record.id for record in opened.view.list(records.REGISTRATION)}
    assert left == {"reg-open"}
    clock.time += registrations.KEPT_S
    await runner.settle_all(reconciler)
    assert opened.view.list(records.REGISTRATION) == []
