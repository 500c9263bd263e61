"""The look at the host's way to the world goes on, whatever becomes of what it writes down."""

import asyncio
import errno
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.kit import files
from mallee.model.layout import Layout
from mallee.model.network.gateways import GatewayWanted
from mallee.node.gateways import lookout, nexthops
from mallee.node.gateways.outlook import Hop, Look
from tests.node import wants

WITHIN_S = 60.0


async def test_a_full_disk_ends_no_look(root_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def no_room(path: Path, _: object) -> None:
        written.append(path.name)
        raise OSError(errno.ENOSPC, "no space left on the disk", str(path))

    def one_more() -> tuple[Hop, ...]:
        return (Hop("eth0", f"198.51.100.{len(written) + 1}"),)

    def well(_hop: Hop, _links: nexthops.Links) -> Look:
        return Look.WELL

    def none() -> dict[str, dict[str, Any]]:
        return {}

    monkeypatch.setattr(lookout, "RENEW_S", 0.01)
    monkeypatch.setattr(files, "write_json", no_room)
    monkeypatch.setattr(nexthops, "fetch", one_more)
    monkeypatch.setattr(nexthops, "fetch_links", none)
    monkeypatch.setattr(nexthops, "look", well)
    gateway = GatewayWanted("host-0123456789abcdef0", 1)
    wanted = replace(wants.make_host(1), egress=True, gateway=gateway)
    looking = lookout.Lookout(Layout(root_dir), lambda: wanted)
    running = asyncio.create_task(looking.run())
    async with asyncio.timeout(WITHIN_S):
        while len(written) < 3 and not running.done():
            await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
