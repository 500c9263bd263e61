"""Keys are rotated and deleted when it is time, also when it passed while nobody looked."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.cloud.identity import sealed
from mallee.cloud.kms import envelopes, managed, materials
from mallee.cloud.reconcile import runner
from mallee.cloud.reconcile.identity import kmskeys
from mallee.cloud.state import records, store
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import DAY_S, Grant, Key, Origin, State
from tests.cloud import clouds
from tests.cloud.clouds import ACCOUNT
from tests.handclock import NOW, HandClock

BOX = secretbox.SecretBox(os.urandom(32))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def opened(tmp_path: Path, clock: HandClock) -> Iterator[store.Store]:
    yield from clouds.open_store(tmp_path, clock)


@pytest.fixture
def key(opened: store.Store) -> Key:
    through = ("s3", "us-east-1")
    return opened.transact(lambda tx: managed.ensure(tx, BOX, ACCOUNT, through)).doc


def current(opened: store.Store, key: Key) -> Key:
    record = opened.view.get(records.KEY, key.id)
    assert record is not None
    return record.doc


def change(opened: store.Store, key: Key, **changes: object) -> None:
    def write(tx: store.Tx) -> None:
        record = tx.get(records.KEY, key.id)
        assert record is not None
        tx.write(record, replace(record.doc, **changes))

    opened.transact(write)


async def test_a_key_is_rotated_when_its_days_are_over(
    opened: store.Store, clock: HandClock, key: Key
) -> None:
    reconciler = kmskeys.reconciler(opened, BOX, clock)
    blob = envelopes.seal(BOX, key, b"x", {})
    clock.time = NOW + 365 * DAY_S - 1
    assert reconciler.keys() == ()
    clock.time += 1
    for _ in range(2):
        await runner.settle_all(reconciler)
    rotated = current(opened, key)
    assert [one.rotation for one in rotated.materials] == ["", "AUTOMATIC"]
    assert rotated.next_rotation_at == clock.time + 365 * DAY_S
    assert envelopes.open_(BOX, rotated, blob, {})[0] == b"x"


async def test_a_key_that_is_off_is_rotated_when_it_is_on(
    opened: store.Store, clock: HandClock, key: Key
) -> None:
    reconciler = kmskeys.reconciler(opened, BOX, clock)
    change(opened, key, is_enabled=False)
    clock.time = NOW + 400 * DAY_S
    assert reconciler.keys() == ()
    change(opened, key, is_enabled=True)
    assert reconciler.keys() == (key.id,)


async def test_a_key_goes_with_its_names_and_grants(
    opened: store.Store, clock: HandClock, key: Key
) -> None:
    grant = Grant(
        id="g",
        key_id=key.id,
        created_at=NOW,
        grantee="AIDA",
        operations=("Encrypt",),
        issuing_account=ACCOUNT,
    )
    opened.transact(lambda tx: tx.insert(records.GRANT, ACCOUNT, grant.id, grant))
    change(opened, key, deletion_at=NOW + 7 * DAY_S, is_enabled=False)
    reconciler = kmskeys.reconciler(opened, BOX, clock)
    clock.time = NOW + 7 * DAY_S - 1
    await runner.settle_all(reconciler)
    assert current(opened, key)
    clock.time += 1
    for _ in range(2):
        await runner.settle_all(reconciler)
    assert opened.view.list(records.KEY) == []
    assert opened.view.list(records.KEY_ALIAS) == []
    assert opened.view.list(records.GRANT) == []


async def test_what_was_brought_is_forgotten_in_time(
    opened: store.Store, clock: HandClock, key: Key
) -> None:
    change(opened, key, origin=Origin.EXTERNAL, rotation_days=None, valid_to=NOW + DAY_S)
    reconciler = kmskeys.reconciler(opened, BOX, clock)
    clock.time = NOW + DAY_S - 1
    assert reconciler.keys() == ()
    clock.time += 1
    for _ in range(2):
        await runner.settle_all(reconciler)
    assert current(opened, key).state is State.PENDING_IMPORT
    assert reconciler.keys() == ()


def test_a_new_master_key_seals_secrets_anew(opened: store.Store, key: Key) -> None:
    before, after = os.urandom(32), os.urandom(32)
    box = secretbox.SecretBox(before)
    material, _ = materials.make(box, key.id, "SYMMETRIC_DEFAULT", NOW)
    change(opened, key, materials=(material,))
    blob = envelopes.seal(box, current(opened, key), b"x", {})
    both = secretbox.SecretBox(after, before)
    opened.transact(lambda tx: sealed.reseal(tx, both, sealed.sealing(tx)))
    only = secretbox.SecretBox(after)
    assert envelopes.open_(only, current(opened, key), blob, {})[0] == b"x"


def test_a_secret_opens_in_no_other_keys_place(opened: store.Store, key: Key) -> None:
    other, _ = materials.make(BOX, "another", "SYMMETRIC_DEFAULT", NOW)
    with pytest.raises(secretbox.Unsealable):
        materials.opened(BOX, replace(key, materials=(other,)))
