"""The agent's conversation with the cloud: what is seen goes up, what is wanted comes down.

Two loops make the same call. One lets itself be held until the cloud has something newer; the
other speaks at once when something that is seen has changed. Without the cloud both wait ever
longer and the host goes on by its ledger.
Not its business: how calls are made (`cloud`), and what follows from what is wanted (`reconcile`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from mallee.kit import clock, logs
from mallee.kit.clock import Clock
from mallee.model.compute.instances import InstanceSeen
from mallee.model.hosts.hosts import HostFacts, SyncAnswer, SyncRequest
from mallee.model.layout import Layout
from mallee.model.storage.fastrestores import PinSeen
from mallee.model.storage.snapshots import SnapshotSeen
from mallee.model.storage.volumes import VolumeSeen
from mallee.node import cloud, membership, silence
from mallee.node.ledger import Ledger
from mallee.node.membership import Membership
from mallee.node.questions import Questions
from mallee.node.reconcile import Reconciler

HELD_S = 10.0
FIRST_RETRY_S = 0.1
LAST_RETRY_S = 5.0
LOOK_AGAIN_S = 1.0
LOOK_FOR_TOKEN_S = 0.5

_FOR_NOW = (cloud.CloudAway, cloud.Refused, OSError)
"""What ends one call: there is nobody, or this host's disk takes nothing."""

log = logs.get(__name__)


@dataclass(slots=True)
class _Told:
    """What the cloud was told last, so as not to repeat it."""

    seen: dict[str, InstanceSeen] | None = None
    volumes: dict[str, VolumeSeen] | None = None
    snapshots: dict[str, SnapshotSeen] | None = None
    pins: dict[str, PinSeen] | None = None
    facts: HostFacts | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


async def wait_joined(layout: Layout, name: str) -> Membership:
    """Return which cloud this host belongs to; join it, if it does not yet, when told with what."""
    retry_s = FIRST_RETRY_S
    while (member := membership.read(layout)) is None:
        token = membership.read_token(layout)
        if token is None:
            await asyncio.sleep(LOOK_FOR_TOKEN_S)
            continue
        try:
            member = await cloud.join(layout, token, name)
            silence.forget(layout)
            return member
        except (cloud.CloudAway, cloud.Refused) as error:
            log.warning("not joined", error=str(error), retry_s=retry_s)
            # Whoever has it join looks here, and writes down anew what it shall join by.
            silence.Noted(layout, clock.SYSTEM.now).failed(str(error), _status_of(error))
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, LAST_RETRY_S)
    return member


def _status_of(error: Exception) -> int:
    return error.status if isinstance(error, cloud.Refused) else 0


@dataclass(slots=True)
class Sync:
    """The conversation of one host that has joined."""

    door: cloud.Cloud
    reconciler: Reconciler
    ledger: Ledger
    clock: Clock
    questions: Questions
    facts: Callable[[], HostFacts]
    """Fetches what is said of the host; blocks for short reads."""
    snapshots: Callable[[], dict[str, SnapshotSeen]] = dict
    """What is seen of snapshots on their way to the object store."""
    pins: Callable[[], dict[str, PinSeen]] = dict
    """What is seen of those of which all is kept at hand."""
    took: tuple[Callable[[], None], ...] = ()
    """Are called after a newer generation was taken."""
    noted: silence.Noted | None = None
    """Where it is written down that the cloud is not spoken to."""
    _wants_all: bool = False
    _number: int = 0
    """Of the last report."""

    async def run(self) -> None:
        """Talk until cancelled."""
        told = _Told()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(told))
            group.create_task(self._tell(told))
            group.create_task(self._hear_others())

    async def _listen(self, told: _Told) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            try:
                await self.door.renew_if_due(self.clock.now())
                await self._report(told)
                await self._take(await self._ask(self._request(HELD_S)))
                retry_s = FIRST_RETRY_S
                if self.noted is not None:
                    self.noted.spoken()
            except _FOR_NOW as error:
                log.warning("sync failed", error=str(error), retry_s=retry_s)
                if self.noted is not None:
                    self.noted.failed(str(error), _status_of(error))
                # Whatever was told before may be forgotten there now.
                told.seen = told.volumes = told.snapshots = told.pins = told.facts = None
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LAST_RETRY_S)

    async def _hear_others(self) -> None:
        """Take questions of those front ends to which this host does not report."""
        hearing: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                urls = set(self.door.other_urls)
                for url in urls - hearing.keys():
                    hearing[url] = group.create_task(self._hear(url))
                for url in hearing.keys() - urls:
                    hearing.pop(url).cancel()
                await asyncio.sleep(LOOK_AGAIN_S)

    async def _hear(self, url: str) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            try:
                for ask in await self.door.fetch_asks(url):
                    self.questions.take(ask)
                retry_s = FIRST_RETRY_S
            except (cloud.CloudAway, cloud.Refused):
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LAST_RETRY_S)

    async def _tell(self, told: _Told) -> None:
        version = self.reconciler.version
        while True:
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    version = await self.reconciler.wait_changed(version)
            except TimeoutError:
                # Facts and steps change without a word; telling nothing new costs nothing.
                version = self.reconciler.version
            try:
                await self._report(told)
            except _FOR_NOW:
                # The other loop tells it as soon as it gets through.
                told.seen = told.volumes = told.snapshots = told.pins = None

    async def _report(self, told: _Told) -> None:
        """Tell what is new, if anything is: one at a time, so that no report overtakes another."""
        async with told.lock:
            seen = self.reconciler.seen()
            facts = await asyncio.to_thread(self.facts)
            volumes = self.reconciler.volumes.seen()
            snapshots, pins = self.snapshots(), self.pins()
            now = (seen, volumes, snapshots, pins, facts)
            if now == (told.seen, told.volumes, told.snapshots, told.pins, told.facts):
                return
            # An agent that begins anew counts on from the time, for it has forgotten.
            self._number = max(self._number + 1, int(self.clock.now() * 1000))
            request = msgspec.structs.replace(
                self._request(0.0),
                seen=seen,
                volumes=volumes,
                snapshots=snapshots,
                pins=pins,
                facts=facts,
                number=self._number,
                is_anew=told.seen is None,
            )
            answer = await self._ask(request)
            if answer.heard > self._number:
                # The clock was set back, and so the report was taken for an old one.
                self._number = answer.heard
                raise cloud.CloudAway("the cloud has heard reports of greater numbers")
            told.seen, told.volumes, told.snapshots, told.pins, told.facts = now
        await self._take(answer)

    async def _ask(self, request: SyncRequest) -> SyncAnswer:
        """Make the call; the answer leaves out what the ledger holds already."""
        known = self.ledger.wanted
        parts = msgspec.structs.replace(
            request,
            known_generation=known.generation if known else 0,
            takes_parts=known is not None and not self._wants_all,
        )
        try:
            answer = await self.door.sync(parts, known)
        except cloud.CloudAway:
            # Should parts not fit together, all of it does next time.
            self._wants_all = True
            raise
        self._wants_all = False
        return answer

    def _request(self, wait_s: float) -> SyncRequest:
        return SyncRequest(
            known_generation=self.ledger.generation,
            wait_s=wait_s,
            leftovers=self.reconciler.leftovers,
        )

    async def _take(self, answer: SyncAnswer) -> None:
        # Questions come last: those who ask much must not hold up what others want.
        if answer.wanted is not None:
            await asyncio.to_thread(self.door.learn_urls, answer.wanted.front_ends)
            self.door.learn_authorities(answer.wanted.authorities)
            if await self.reconciler.want(answer.wanted):
                for poke in self.took:
                    poke()
            else:
                log.info("older generation refused", generation=answer.wanted.generation)
        for ask in answer.asks:
            self.questions.take(ask)
