"""Client tokens are forgotten when they are old, and not before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.cloud import idempotency
from mallee.cloud.reconcile import runner
from mallee.cloud.reconcile.identity import tokens
from mallee.cloud.state import records, store
from mallee.cloud.state.records import IdempotencyRecord
from tests.cloud import clouds
from tests.handclock import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def opened(root_dir: Path, clock: HandClock) -> Iterator[store.Store]:
    yield from clouds.open_store(root_dir, clock)


async def test_old_tokens_are_swept(opened: store.Store, clock: HandClock) -> None:
    def remember(tx: store.Tx) -> None:
        token = IdempotencyRecord(parameters_hash="", result="", created_at=tx.now)
        tx.insert(records.CLIENT_TOKEN, clouds.ACCOUNT, str(tx.now), token)

    opened.transact(remember)
    clock.time += idempotency.KEPT_S
    opened.transact(remember)
    reconciler = tokens.reconciler(opened, clock)
    clock.time += 1
    await runner.settle_all(reconciler)
    assert [token.id for token in opened.view.list(records.CLIENT_TOKEN)] == [str(clock.time - 1)]
    assert reconciler.keys() == ()
