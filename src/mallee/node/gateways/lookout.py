"""The loop that looks at the host's own way to the world, and tells the cloud what it sees.

A host that is heard may still lead nobody anywhere: its cable to the world is cut, or the router
beyond is dead. What is seen is told with the facts of the host; who leads then is the cloud's
(`cloud.gateways.charge`). Hosts look whose guests have a way to the world that a gateway leads.
Wired by `daemon`.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from mallee.kit import files, logs, process
from mallee.kit.clock import SYSTEM, Clock
from mallee.model.hosts.hosts import HostFacts, HostWanted
from mallee.model.layout import Layout
from mallee.model.network.classic import LAN
from mallee.model.network.gateways import RENEW_S, WaySeen
from mallee.node.gateways import landmarks, nexthops
from mallee.node.gateways.outlook import Hop, Look, Outlook

log = logs.get(__name__)


class Lookout:
    """Lives in the agent's loop; looks in worker threads."""

    def __init__(
        self, layout: Layout, wanted: Callable[[], HostWanted | None], clock: Clock = SYSTEM
    ) -> None:
        self._memory = layout.node / "nexthops.json"
        self._landmarks = layout.node / "landmarks.json"
        self._wanted = wanted
        self._clock = clock
        told: list[list[str]] = files.read_json(self._memory) or []
        answered: list[str] = files.read_json(self._landmarks) or []
        self._outlook = Outlook(
            frozenset(Hop(device, address) for device, address in told),
            landmarks=frozenset(answered),
        )

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            wanted = self._wanted()
            if wanted is not None and is_looked_at(wanted):
                await self._look(wanted.landmarks)
            else:
                self._outlook.seen = WaySeen()
            await asyncio.sleep(RENEW_S)

    def joined(self, facts: HostFacts) -> HostFacts:
        """Return what is said of the host with how its way to the world stands."""
        return msgspec.structs.replace(facts, way=self._outlook.seen)

    async def _look(self, named: tuple[str, ...]) -> None:
        before, outlook = self._outlook.seen, self._outlook
        known, answered = outlook.known, outlook.landmarks
        try:
            hops = await asyncio.to_thread(nexthops.fetch)
            links = await asyncio.to_thread(nexthops.fetch_links)
        except (process.Failed, process.TimedOut, OSError) as error:
            log.warning("the way to the world cannot be looked at", error=str(error))
            return
        looks = await asyncio.gather(
            *(asyncio.to_thread(nexthops.look, one, links) for one in hops)
        )
        found = dict(zip(hops, looks, strict=True))
        outlook.ailing = {hop.device: nexthops.ailing_ports(hop.device, links) for hop in hops}
        devices = [hop.device for hop, look in found.items() if look is Look.WELL]
        heard = await asyncio.to_thread(landmarks.answering, named, devices)
        beyond = {one: one in heard for one in named}
        outlook.note(found, self._clock.monotonic(), beyond)
        if outlook.known != known:
            told = sorted((hop.device, hop.address) for hop in outlook.known)
            await self._keep(self._memory, told)
        if outlook.landmarks != answered:
            await self._keep(self._landmarks, sorted(outlook.landmarks))
        if outlook.seen.state is not before.state:
            log.info("the way to the world", state=outlook.seen.state.value, why=outlook.seen.why)

    async def _keep(self, path: Path, told: object) -> None:
        try:
            await asyncio.to_thread(files.write_json, path, told)
        except OSError as error:
            # This agent knows it all the same.
            log.warning("not written down", path=str(path), error=str(error))


def is_looked_at(wanted: HostWanted) -> bool:
    """Tell whether guests have a way to the world that a gateway leads."""
    is_lan = wanted.mode is not None and wanted.mode.kind in LAN
    return wanted.gateway is not None and wanted.egress and not is_lan
