"""A guest whose image has to come to its new host first goes when that is there."""

import asyncio
from pathlib import Path

import pytest

from mallee.model.hosts.hosts import InstanceWanted
from mallee.node.migrating import coming, keeper
from tests.node.migrating import pairs

pytestmark = pytest.mark.host


async def test_a_guest_waits_until_its_image_is_where_it_goes(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = getattr(coming.Comings, "_check_images")  # noqa: B009

    def check(comings: coming.Comings, wanted: InstanceWanted) -> None:
        asked.append(wanted.id)
        real(comings, wanted)

    monkeypatch.setattr(coming.Comings, "_check_images", check)
    monkeypatch.setattr(keeper, "TRIES_MAX", 2)
    async with pairs.running(root_dir) as both:
        await pairs.learn(both.old)
        both.new.blobs.is_away = True
        await both.go()
        async with asyncio.timeout(pairs.WITHIN_S):
            while len(asked) <= keeper.TRIES_MAX:
                await asyncio.sleep(0.05)
        said = await pairs.wait_migration(both.old, lambda said: "not here yet" in said.step)
        assert said.migration is not None
        assert not said.migration.failure
        both.new.blobs.is_away = False
        await pairs.wait_migration(both.old, lambda said: said.is_given)
        await pairs.tell(both.new, "echo it-$secret", b"it-remembered")
