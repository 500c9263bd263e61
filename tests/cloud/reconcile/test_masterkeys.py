"""A rotation of the master key comes to its end from wherever it was left, and loses nothing."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mallee.cloud.identity import sealed
from mallee.cloud.reconcile import runner
from mallee.cloud.reconcile.identity import masterkeys
from mallee.cloud.state import records, store
from mallee.kit import secretbox
from mallee.model.identity import sessions
from mallee.model.identity.accounts import AccessKey
from mallee.model.identity.masterkeys import IN_FLIGHT_S, Rotation, RotationSeen
from mallee.model.layout import Layout
from tests.cloud import clouds
from tests.handclock import HandClock

SECRETS = {f"AKIA{number}": os.urandom(20) for number in range(7)}


@dataclass
class World:
    """A store with sealed secrets, its key file, and the reconciler under test."""

    opened: store.Store
    layout: Layout
    box: secretbox.SecretBox
    clock: HandClock

    async def settle(self) -> None:
        ring = masterkeys.Keyring(self.layout, self.box)
        await runner.settle_all(masterkeys.reconciler(self.opened, ring, self.clock))

    def want(self, id: str = "rotation-1", ends_sessions: bool = False) -> str:
        wanted = Rotation(
            id=id,
            replaces=self.box.newest,
            requested_at=self.clock.now(),
            ends_sessions=ends_sessions,
        )
        self.opened.transact(lambda tx: tx.insert(records.KEY_ROTATION, "", id, wanted))
        return self.box.newest

    def restart(self) -> None:
        """What a process that was killed and started again knows."""
        self.box = secretbox.load_or_create(self.layout.master_key)

    def seen(self, id: str = "rotation-1") -> RotationSeen:
        record = self.opened.view.get(records.KEY_ROTATION, id)
        assert record is not None
        assert record.seen is not None
        return record.seen

    def secrets(self) -> dict[str, bytes]:
        """What a fresh process opens."""
        box = secretbox.load_or_create(self.layout.master_key)
        keys = self.opened.view.list(records.ACCESS_KEY)
        return {key.id: box.open(key.doc.sealed_secret) for key in keys}


class Killed(Exception):
    """The process is no more."""


def add_key(opened: store.Store, id: str, sealed_secret: bytes) -> None:
    key = AccessKey(id=id, sealed_secret=sealed_secret, user_id="", created_at=0.0)
    opened.transact(lambda tx: tx.insert(records.ACCESS_KEY, clouds.ACCOUNT, id, key))


@pytest.fixture
def world(root_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(masterkeys, "RECORDS_AT_ONCE", 3)
    clock = HandClock()
    layout = Layout(root_dir)
    layout.cloud.mkdir()
    for opened in clouds.open_store(root_dir, clock):
        box = secretbox.load_or_create(layout.master_key)
        for id, secret in SECRETS.items():
            add_key(opened, id, box.seal(secret))
        yield World(opened, layout, box, clock)


async def test_everything_is_sealed_anew_at_once(world: World) -> None:
    former = world.want()
    await world.settle()
    assert world.box.newest != former
    assert sealed.older(sealed.sealing(world.opened.view), world.box) == []
    assert world.secrets() == SECRETS


async def test_the_old_key_outlives_every_session_that_it_sealed(world: World) -> None:
    former, token = world.want(), world.box.seal(b"a session")
    await world.settle()
    world.clock.time += sessions.LIFE_S_MAX - 1
    await world.settle()
    assert world.box.open(token) == b"a session"
    world.clock.time += 1
    await world.settle()
    assert former not in world.box.key_ids
    assert former not in secretbox.load_or_create(world.layout.master_key).key_ids
    assert world.seen().ended_at == world.clock.time
    assert world.secrets() == SECRETS


async def test_a_rotation_that_ends_sessions_waits_for_no_session(world: World) -> None:
    former, token = world.want(ends_sessions=True), world.box.seal(b"a session")
    await world.settle()
    world.clock.time += IN_FLIGHT_S - 1
    await world.settle()
    assert former in world.box.key_ids, "a request may hold what it sealed under the old key"
    world.clock.time += 1
    await world.settle()
    assert former not in world.box.key_ids
    with pytest.raises(secretbox.Unsealable):
        world.box.open(token)
    assert world.secrets() == SECRETS


async def test_a_second_rotation_takes_the_older_keys_along(world: World) -> None:
    first = world.want()
    await world.settle()
    world.clock.time += 10
    second = world.want("rotation-2", ends_sessions=True)
    await world.settle()
    world.clock.time += IN_FLIGHT_S
    await world.settle()
    assert {first, second}.isdisjoint(world.box.key_ids)
    await world.settle()
    assert world.seen("rotation-1").ended_at, "it has nothing to wait for any more"
    assert len(world.box.key_ids) == 1
    assert world.secrets() == SECRETS


@pytest.mark.parametrize("steps", range(10))
async def test_killed_after_any_step_it_goes_on(
    world: World, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between two steps, and in a step between the file and the store."""
    former = world.want(ends_sessions=True)
    left = iter(range(steps))
    run, rotate, forget = store.Store.run, secretbox.rotate, secretbox.forget

    def die_or(do: object) -> object:
        def step(*arguments: object) -> object:
            if next(left, None) is None:
                raise Killed
            return do(*arguments)  # type: ignore[operator]

        return step

    monkeypatch.setattr(store.Store, "run", die_or(run))
    monkeypatch.setattr(secretbox, "rotate", die_or(rotate))
    monkeypatch.setattr(secretbox, "forget", die_or(forget))
    await world.settle()
    monkeypatch.undo()
    world.restart()
    assert world.secrets() == SECRETS
    await world.settle()
    world.clock.time += IN_FLIGHT_S
    await world.settle()
    assert former not in world.box.key_ids
    assert len(world.box.key_ids) == 1
    assert world.seen().ended_at
    assert world.secrets() == SECRETS


async def test_what_is_sealed_while_it_runs_is_sealed_anew_before_a_key_is_forgotten(
    world: World,
) -> None:
    late = world.box.seal(b"late")
    world.want()
    await world.settle()

    add_key(world.opened, "AKIALATE", late)
    world.clock.time += sessions.LIFE_S_MAX
    await world.settle()
    assert world.seen().ended_at
    assert world.secrets() == {**SECRETS, "AKIALATE": b"late"}


async def test_a_secret_that_cannot_be_opened_keeps_the_old_key(world: World) -> None:
    add_key(world.opened, "AKIABAD", b"x" * 40)
    former = world.want(ends_sessions=True)
    world.clock.time += IN_FLIGHT_S
    await world.settle()
    assert former in world.box.key_ids
    assert not world.seen().resealed_at
