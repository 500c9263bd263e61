"""The agents' long polls: calls that are held until there is something newer to want of a host.

A call brings what the agent knows already; it is answered when the host's slice is newer, when
somebody asks something of the host, when the agent's patience ends, or when this process does.
Called by `door` for each `/v1/sync`, and by its loop that lets calls go.
Not its business: what a slice holds (`slices`), and what becomes of reports (`hearing`).
"""

import asyncio

from mallee.cloud.hosts import refusals, standings
from mallee.cloud.hosts.doors import asks
from mallee.cloud.hosts.slices.slices import Slices
from mallee.cloud.state import records
from mallee.cloud.state.store import Store
from mallee.kit import logs
from mallee.model.hosts.hosts import AsksAnswer, HostWanted, SyncAnswer, SyncRequest

HOLD_S_MAX = 10.0
"""A call is held shorter than `AGENT_SILENT_AFTER_S`, so that a held agent is not a silent one."""
GATHERED_S = 0.25
"""How long a host that has just been told something waits for more of its VPCs' neighbours: each
launch concerns all hosts of its VPC, and a hundred launches are told to them as a few."""

_log = logs.get(__name__)


class Calls:
    """The calls that are held. Belongs to the event loop's thread."""

    def __init__(self, store: Store, slices: Slices, questions: asks.Asks) -> None:
        self._store = store
        self._slices = slices
        self._asks = questions
        self._closing = asyncio.Event()
        self._ahead: set[str] = set()
        self._held: dict[str, set[asyncio.Future[None]]] = {}
        """By host: calls that are held until something concerns it."""

    def close(self) -> None:
        """Let all calls go, and hold none any more; their agents call again."""
        self._closing.set()

    async def watch(self) -> None:
        """Let calls go when a change concerns their hosts; runs until cancelled."""
        now = asyncio.get_running_loop().time
        told_at: dict[str, float] = {}
        while True:
            rev = self._store.view.rev
            told_at = {id: at for id, at in told_at.items() if now() < at + GATHERED_S}
            has_waiting = False
            for host_id in self._slices.hosts_concerned(self._store.view):
                if host_id in told_at and self._slices.may_wait(host_id):
                    has_waiting = True
                    continue
                self._let_go(host_id)
                told_at[host_id] = now()
                # One host after the other, and in between whoever else waits for us.
                await asyncio.sleep(0)
            await self._store.wait_changed(rev, GATHERED_S if has_waiting else HOLD_S_MAX)

    async def answer(self, host_id: str, report: SyncRequest) -> SyncAnswer:
        """Wait until there is something that the agent does not know, or its patience ends."""
        if report.known_generation > self._store.view.rev:
            # It was told by another front end what has not come to our ears yet.
            await self._store.catch_up()
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + min(max(report.wait_s, 0.0), HOLD_S_MAX)
        while True:
            rev = self._store.view.rev
            wanted = self.wanted(host_id)
            questions = self._asks.take(host_id)
            newer = wanted.generation > report.known_generation
            self._notice_older(host_id, report.known_generation, rev)
            left_s = ends_at - loop.time()
            if newer or questions or left_s <= 0 or self._closing.is_set():
                kept = None
                if newer and report.takes_parts:
                    wanted, kept = self._slices.news(
                        self._store.view, host_id, report.known_generation
                    )
                return SyncAnswer(
                    wanted=wanted if newer else None,
                    kept=kept,
                    asks=questions,
                    heard=self._heard(host_id),
                )
            await self._wait(host_id, left_s)

    async def asks(self, host_id: str) -> AsksAnswer:
        """Wait until something is asked of a host that reports to another front end."""
        questions = self._asks.take(host_id)
        if not questions and not self._closing.is_set():
            await self._wait(host_id, HOLD_S_MAX, is_for_asks=True)
            questions = self._asks.take(host_id)
        return AsksAnswer(questions)

    def wanted(self, host_id: str) -> HostWanted:
        """Return all that is wanted of a host; raise `Refused` when there is none of that id."""
        view = self._store.view
        if not standings.is_member(view.get(records.HOST, host_id)):
            raise refusals.Refused(403, f"host {host_id} is no longer part of this cloud")
        return self._slices.host_wanted(view, host_id)

    def _heard(self, host_id: str) -> int:
        host = self._store.view.get(records.HOST, host_id)
        return host.seen.report if host is not None and host.seen is not None else 0

    def _notice_older(self, host_id: str, known_generation: int, rev: int) -> None:
        """Say once that a host was told what this store never knew, and will take nothing older."""
        if known_generation > rev and host_id not in self._ahead:
            self._ahead.add(host_id)
            _log.error(
                "host is ahead of the store",
                host=host_id,
                known_generation=known_generation,
                rev=rev,
                cure="was an old database put back? The host obeys again once it has joined anew.",
            )

    def _let_go(self, host_id: str) -> None:
        for held in self._held.get(host_id, ()):
            if not held.done():
                held.set_result(None)

    async def _wait(self, host_id: str, timeout_s: float, *, is_for_asks: bool = False) -> None:
        """Wait until something may concern the host, or is asked of it, or we close."""
        held: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        calls = self._held.setdefault(host_id, set())
        if not is_for_asks:
            calls.add(held)
        waits = (
            held,
            asyncio.ensure_future(self._asks.wait_asked(host_id)),
            asyncio.ensure_future(self._closing.wait()),
        )
        try:
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            calls.discard(held)
            if not calls and self._held.get(host_id) is calls:
                del self._held[host_id]
