"""Encrypted volumes on a host: keys are asked for when they are needed, and are on no disk."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from mallee.model.storage.snapshots import CutAsked, CutsMade
from mallee.model.storage.volumes import Phase as VolumePhase
from mallee.model.storage.volumes import VolumeWanted
from mallee.node.do.storage import layers, volumes
from mallee.node.plan.guests import domain
from tests.fakes.keys import key_of
from tests.node import wants
from tests.node.stands import Stand
from tests.node.volumes import test_volumes as plain
from tests.node.volumes.test_volumes import ID, OTHER, has, is_ready, wait_volume, want

stand = plain.stand
UUID = domain.uuid_of(wants.make_instance().id)


def volume(id: str = ID, **changes: object) -> VolumeWanted:
    return plain.volume(id, key_id=key_of(id).id, **changes)


def face(stand: Stand, id: str = ID) -> layers.Layer:
    return layers.read_file(plain.path(stand, id))


def kept(stand: Stand) -> list[Path]:
    """Files that have a volume's key in them, in any of its forms."""
    key = key_of(ID)
    forms = (key.secret, key.secret.hex().encode(), layers.passphrase_of(key))
    files = [path for path in stand.layout.root.rglob("*") if path.is_file()]
    return [path for path in files if any(form in path.read_bytes() for form in forms)]


async def test_the_life_of_an_encrypted_volume(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume(), slots={ID: 1})
        await stand.wait(1, has(ID))
        assert face(stand).is_encrypted
        await want(stand, volume(size_gib=2), slots={ID: 1})
        await wait_volume(agent, lambda seen: seen.size_gib == 2)
        await want(stand, volume(size_gib=2))
        await stand.wait(1, has())
        await want(stand, volume(size_gib=3))
        await wait_volume(agent, lambda seen: seen.size_gib == 3 and is_ready(seen))
        assert not kept(stand)
        await want(stand, volume(size_gib=3, is_deleted=True))
        await wait_volume(agent, lambda seen: seen.phase is VolumePhase.GONE)
        assert volumes.there(stand.layout) == frozenset()


async def test_it_is_cut_and_merged_with_a_guest_and_without(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume(), volume(OTHER), slots={ID: 1})
        await stand.wait(1, has(ID))
        await wait_volume(agent, is_ready, OTHER)
        for number in (1, 2):
            named = {ID: f"snap-{number:017x}", OTHER: f"snap-{number + 2:017x}"}
            asked = CutAsked(named, asked_at=float(number))
            made = await agent.volumes.cut(msgspec.json.encode(asked).decode())
            assert msgspec.json.decode(made, type=CutsMade).cuts[ID].number == number
        spoken: dict[str, Any] = {
            "dropped_cuts": tuple(f"snap-{number:017x}" for number in range(1, 5))
        }
        await want(stand, volume(**spoken), volume(OTHER, **spoken), slots={ID: 1})
        async with asyncio.timeout(plain.WITHIN_S):
            for id, left in ((ID, 2), (OTHER, 1)):
                while len(layers.numbers(volumes.directory_of(stand.layout, id))) > left:
                    await asyncio.sleep(0.02)
                    agent.volumes.poke()
        assert face(stand).is_encrypted
        assert face(stand, OTHER).is_encrypted


async def test_a_volume_whose_key_cannot_be_used_says_so(stand: Stand) -> None:
    stand.keys.refused[ID] = "the key is disabled: it opens no volume"
    async with stand.agent() as agent:
        await want(stand, volume())
        failed = await wait_volume(agent, lambda seen: seen.phase is VolumePhase.FAILED)
        assert failed.cause is not None
        assert failed.cause.code == "Client.InvalidKMSKey.InvalidState"
        assert "is disabled" in failed.cause.message
        stand.keys.refused.clear()
        agent.volumes.poke()
        await wait_volume(agent, is_ready)


async def test_a_guest_is_not_started_without_its_key_and_says_why(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume())
        await wait_volume(agent, is_ready)
        stand.keys.refused[ID] = "the key is disabled: it opens no volume"
        await want(stand, volume(), slots={ID: 1})
        seen = await stand.wait(1, lambda seen: seen.cause is not None)
        assert seen.cause is not None
        assert seen.cause.code == "Client.InvalidKMSKey.InvalidState"


async def test_a_cloud_that_is_away_is_waited_for(stand: Stand) -> None:
    stand.keys.is_away = True
    async with stand.agent() as agent:
        await want(stand, volume(), slots={ID: 1})
        failed = await wait_volume(agent, lambda seen: seen.cause is not None)
        assert failed.cause is not None
        assert failed.cause.code == "Server.InternalError"
        stand.keys.is_away = False
        agent.volumes.poke()
        await stand.wait(1, has(ID))


async def test_a_host_that_was_restarted_asks_for_its_keys_again(stand: Stand) -> None:
    async with stand.agent():
        await want(stand, volume(), slots={ID: 1})
        await stand.wait(1, has(ID))
    before = len(stand.keys.asked)
    stand.hypervisor.destroy(UUID)
    async with stand.agent():
        await want(stand, volume(), slots={ID: 1})
        await stand.wait(1, lambda seen: has(ID)(seen) and seen.restarts > 0)
    assert len(stand.keys.asked) > before
    assert not kept(stand)


async def test_a_guest_that_runs_needs_no_key(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume(), slots={ID: 1})
        await stand.wait(1, has(ID))
        stand.keys.refused[ID] = "the key is disabled: it opens no volume"
    before = len(stand.keys.asked)
    async with stand.agent() as agent:
        await want(stand, volume(), slots={ID: 1})
        await stand.wait(1, has(ID))
        await wait_volume(agent, is_ready)
    assert len(stand.keys.asked) == before
