"""The role credentials of this host's guests: fetched, renewed, kept over a restart, forgotten.

One loop, which runs when what is wanted changes and when something is due (`plan.credentials`). The
file holds what guests have in hand anyway and root alone can read; lost, all is fetched again. An
agent without its cloud goes on with what it holds. Called by `daemon` (`run`), `sync` (`poke`) and
the metadata service (`paths`), all in one event loop.
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import msgspec

from mallee.kit import files, logs
from mallee.kit.clock import Clock
from mallee.model.hosts.hosts import CredentialsAnswer, CredentialsRequest, InstanceWanted
from mallee.model.layout import Layout
from mallee.node import cloud
from mallee.node.ledger import Ledger
from mallee.node.metadata import rolepaths
from mallee.node.plan.guests import credentials as plan
from mallee.node.plan.guests.credentials import Held

FIRST_RETRY_S = 0.5
LAST_RETRY_S = 30.0
ASKED_AT_ONCE = 200
"""Instances that one question is about."""

log = logs.get(__name__)


class Source(Protocol):
    """Who gives credentials: the cloud."""

    async def fetch_credentials(self, asked: CredentialsRequest) -> CredentialsAnswer:
        """Return the credentials; raises `CloudAway` and `Refused`."""
        ...


class Keeper:
    """What the guests of this host hold."""

    def __init__(self, layout: Layout, source: Source, ledger: Ledger, clock: Clock) -> None:
        """Read what an earlier agent kept."""
        self._path = layout.node / "credentials.json"
        self._source = source
        self._ledger = ledger
        self._clock = clock
        self._poked = asyncio.Event()
        self._held = self._read()

    def poke(self) -> None:
        """Look again: something else is wanted."""
        self._poked.set()

    def paths(self, instance: InstanceWanted) -> Mapping[str, str]:
        """Return what the metadata service tells an instance of its role."""
        if instance.profile is None:
            return {}
        held = self._held.get(instance.id)
        if held is None or held.credentials.role_id != instance.profile.role_id:
            return rolepaths.paths(instance.profile, None)
        return rolepaths.paths(instance.profile, held.credentials)

    async def run(self) -> None:
        """Keep the credentials fresh until cancelled."""
        retry_s = FIRST_RETRY_S
        while True:
            self._poked.clear()
            try:
                await self._apply(self._plan())
                wait_s, retry_s = self._patience_s(), FIRST_RETRY_S
            except (cloud.CloudAway, cloud.Refused) as error:
                log.warning("no credentials", error=str(error), retry_s=retry_s)
                wait_s, retry_s = retry_s, min(retry_s * 2, LAST_RETRY_S)
            try:
                async with asyncio.timeout(wait_s):
                    await self._poked.wait()
            except TimeoutError:
                continue

    def _plan(self) -> plan.Plan:
        wanted = self._ledger.wanted
        instances = wanted.instances if wanted else ()
        return plan.plan(instances, self._held, self._clock.now())

    def _patience_s(self) -> float | None:
        """Return how long nothing is to be done; what the cloud had no answer to is asked again."""
        left = self._plan()
        if left.fetch:
            return plan.LOOK_AGAIN_S
        return None if left.wake_at is None else left.wake_at - self._clock.now()

    async def _apply(self, todo: plan.Plan) -> None:
        for id in todo.forget:
            del self._held[id]
        for start in range(0, len(todo.fetch), ASKED_AT_ONCE):
            ids = todo.fetch[start : start + ASKED_AT_ONCE]
            answer = await self._source.fetch_credentials(CredentialsRequest(ids))
            now = self._clock.now()
            for id in ids:
                given = answer.credentials.get(id)
                if given is not None:
                    self._held[id] = Held(given, now)
        if todo.forget or todo.fetch:
            await asyncio.to_thread(self._keep, msgspec.json.encode(self._held))

    def _keep(self, held: bytes) -> None:
        try:
            files.write_atomically(self._path, held)
        except OSError as error:
            # In memory they are as good; the ledger reports a disk that takes nothing.
            log.warning("credentials not kept", error=str(error))

    def _read(self) -> dict[str, Held]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Held])
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("credentials unreadable", error=str(error))
            return {}
