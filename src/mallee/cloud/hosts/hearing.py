"""What agents report, and when they were last heard.

Reports go into the store's *seen* columns, and only what changed does: an idle cloud writes
nothing. When an agent spoke last is known to the second in memory; the store learns of it when a
host falls silent or speaks again, so that placement, in its transaction, passes over silent hosts.
Called by `hosts` (`observe`) and by the daemon (`watch`).
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from mallee.cloud.hosts import standings
from mallee.cloud.hosts.moves import migrating, moving
from mallee.cloud.hosts.slices import pinslices
from mallee.cloud.modes import lanleases
from mallee.cloud.state import leases, records, store
from mallee.cloud.state.records import HostSeen, Record
from mallee.kit import clock, logs
from mallee.model.compute import instances
from mallee.model.compute.instances import InstanceSeen
from mallee.model.hosts.hosts import AGENT_SILENT_AFTER_S, Host, HostFacts, SyncRequest
from mallee.model.storage.snapshots import SnapshotSeen
from mallee.model.storage.volumes import VolumeSeen

LOOK_EVERY_S = 0.5
AWAY_AFTER_S = 5.0
"""A process that did not look for so long was stopped, or its machine was: hosts are not silent for
that."""
_FREE_DISK_STEP_BYTES = 1 << 30
"""Free disk is kept in such steps: it changes with every log line, and nobody decides by less."""

_FOREIGN_NAMED = 8
_ID_LENGTH_MAX = 32

_log = logs.get(__name__)


class Hearing:
    """Who was heard when. Belongs to the event loop's thread."""

    def __init__(
        self,
        opened: store.Store,
        clock: clock.Clock,
        own: str = "",
        present: leases.Leases | None = None,
    ) -> None:
        """`own`: the id of this front end, of those that are `present`."""
        self._store = opened
        self._clock = clock
        self._own = own
        self._present = present or leases.Alone()
        self._gone_at: dict[str, float] = {}
        """Since when front ends are known to be away, by id."""
        # After a start every host has the whole time again: it was us who did not listen.
        self._began_at = clock.monotonic()
        self._heard: dict[str, float] = {}
        self._listened: dict[str, float] = {}
        """The same in monotonic seconds: whoever sets the machine's clock silences nobody."""

    @property
    def heard(self) -> Mapping[str, float]:
        """By host id: seconds since the epoch of its agent's last call to this process."""
        return self._heard

    @property
    def own(self) -> str:
        """The id of this front end; empty: it is alone."""
        return self._own

    def may_promise(self) -> bool:
        """Tell whether every other front end knows that this one is there, and waits for it."""
        return self._present.is_known()

    def why_no_promise(self) -> str:
        """Return why this front end may promise nothing now; empty: it may (`may_promise`)."""
        if not self._present.is_there():
            return "this front end does not reach the database"
        if not self.may_promise():
            return (
                "this front end did not reach the database a moment ago: it promises nothing "
                f"before it has been there for {leases.LIFE_S:g} s, for all others to know"
            )
        return ""

    async def observe(self, host: Record[Host, HostSeen], report: SyncRequest) -> None:
        """Note that the host spoke, and store what it sees, as far as that is new."""
        self.note(host.id)
        now = self._heard[host.id]
        report_of = _Heard(report, self._own, now)
        if _is_overtaken(host, report):
            return
        view = self._store.view
        _log_foreign(view, host.id, report)
        news = (
            _instances_seen(view, host.id, report)
            or _volumes_seen(view, host.id, report)
            or moving.left(view, host.id, report.volumes or {})
            or _snapshots_seen(view, host.id, report)
            or pinslices.news(view, host.id, report.pins)
        )
        if _host_seen(host, report_of) is None and not news:
            return
        await self._store.run(lambda tx: _store_report(tx, host.id, report_of))

    def note(self, host_id: str) -> None:
        """Note that the agent of a host is there, whichever front end it reports to."""
        self._heard[host_id] = self._clock.now()
        self._listened[host_id] = self._clock.monotonic()

    async def watch(self) -> None:
        """Write down who falls silent; runs until cancelled."""
        looked_at = self._clock.monotonic()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._clock.monotonic() - looked_at > AWAY_AFTER_S:
                # This process stood still, and listened to nobody.
                self._began_at = self._clock.monotonic()
                self._listened.clear()
            looked_at = self._clock.monotonic()
            silent = self._newly_silent()
            if silent:
                try:
                    told = {id: (at, self._reports_to(id)) for id, at in silent.items()}
                    await self._store.run(lambda tx, told=told: _store_silence(tx, told))
                except store.Unavailable as error:
                    _log.error("silence not stored", hosts=sorted(silent), problem=str(error))

    def _reports_to(self, host_id: str) -> str:
        host = self._store.view.get(records.HOST, host_id)
        return host.seen.front_end if host is not None and host.seen is not None else ""

    def _last_heard(self, host: Record[Host, HostSeen]) -> float:
        """Return when a host was last heard, in monotonic seconds, as far as that is this front
        end's to say."""
        hears = host.seen.front_end if host.seen is not None else ""
        present = self._present.alive()
        if present is None or hears in (self._own, ""):
            self._gone_at.pop(hears, None)
            return self._listened.get(host.id, self._began_at)
        if hears in present:
            self._gone_at.pop(hears, None)
            return math.inf
        # Who heard it is away: it has the whole time to find another.
        return self._gone_at.setdefault(hears, self._clock.monotonic())

    def _newly_silent(self) -> dict[str, float]:
        if not self._present.is_there():
            # What is known of the others is old.
            return {}
        monotonic = self._clock.monotonic()
        silent: dict[str, float] = {}
        for host in self._store.view.list(records.HOST):
            if host.seen is None or host.seen.is_silent:
                continue
            silence_s = monotonic - self._last_heard(host)
            if silence_s > AGENT_SILENT_AFTER_S:
                silent[host.id] = self._clock.now() - silence_s
        return silent


@dataclass(frozen=True, slots=True)
class _Heard:
    """A report, and who heard it when."""

    report: SyncRequest
    by: str
    at: float


def _store_report(tx: store.Tx, host_id: str, heard: _Heard) -> None:
    report = heard.report
    host = tx.get(records.HOST, host_id)
    if host is None or _is_overtaken(host, report):
        return
    seen = _host_seen(host, heard) or host.seen
    if seen is not None:
        number = max(seen.report, report.number)
        tx.observe(host, msgspec.structs.replace(seen, report=number))
        standings.note(tx, host_id)
    for instance_id, instance_seen in _instances_seen(tx, host_id, report).items():
        instance = tx.get(records.INSTANCE, instance_id)
        if instance is not None:
            tx.observe(instance, instance_seen)
            lanleases.note(tx, instance, instance_seen)
    for volume_id, volume_seen in _volumes_seen(tx, host_id, report).items():
        volume = tx.get(records.VOLUME, volume_id)
        if volume is not None:
            tx.observe(volume, volume_seen)
    moving.forget(tx, host_id, report.volumes or {})
    for snapshot_id, snapshot_seen in _snapshots_seen(tx, host_id, report).items():
        snapshot = tx.get(records.SNAPSHOT, snapshot_id)
        if snapshot is not None:
            tx.observe(snapshot, snapshot_seen)
    for id, pins_seen in pinslices.news(tx, host_id, report.pins).items():
        restore = tx.get(records.FAST_RESTORE, id)
        if restore is not None:
            tx.observe(restore, pins_seen)


def _store_silence(tx: store.Tx, silent: Mapping[str, tuple[float, str]]) -> None:
    for host_id, (heard_at, by) in silent.items():
        host = tx.get(records.HOST, host_id)
        # Meanwhile it may have found another front end.
        if host is not None and host.seen is not None and host.seen.front_end == by:
            _log.warning("host is silent", host=host_id, name=host.doc.name)
            seen = msgspec.structs.replace(host.seen, is_silent=True, heard_at=heard_at)
            tx.observe(host, seen)
            standings.note(tx, host_id)


def _host_seen(host: Record[Host, HostSeen], heard: _Heard) -> HostSeen | None:
    """Return what is to be stored of the host, or None when nothing of it is new."""
    report = heard.report
    facts = report.facts or (host.seen.facts if host.seen else None)
    if facts is None:
        return None
    known = host.seen or HostSeen(facts=facts)
    seen = HostSeen(
        facts=_coarse(facts),
        leftovers=report.leftovers,
        heard_at=heard.at,
        front_end=heard.by,
        report=known.report,
    )
    # What may have been lost is still on its way, perhaps: it must find that it is too late.
    is_new = report.is_anew and report.number > known.report
    if msgspec.structs.replace(seen, heard_at=known.heard_at) == host.seen and not is_new:
        return None
    return seen


def _is_overtaken(host: Record[Host, HostSeen], report: SyncRequest) -> bool:
    """Tell whether a report comes after a newer one of the same host: it is no news any more."""
    return 0 < report.number < (host.seen.report if host.seen is not None else 0)


def _coarse(facts: HostFacts) -> HostFacts:
    free_bytes = facts.free_disk_bytes // _FREE_DISK_STEP_BYTES * _FREE_DISK_STEP_BYTES
    return msgspec.structs.replace(facts, free_disk_bytes=free_bytes)


def _instances_seen(
    view: store.View | store.Tx, host_id: str, report: SyncRequest
) -> dict[str, InstanceSeen]:
    """Return what is new of the instances that are the host's to report about."""
    news: dict[str, InstanceSeen] = {}
    for instance_id, seen in (report.seen or {}).items():
        instance = view.get(records.INSTANCE, instance_id)
        if instance is None:
            continue
        if instance.doc.host_id != host_id:
            given = migrating.heard(instance, host_id, seen)
            if given is not None and given != instance.seen:
                news[instance_id] = given
            continue
        joined = instances.keep_reach(instance.seen, seen)
        if instance.seen != joined:
            news[instance_id] = joined
    return news


def _volumes_seen(
    view: store.View | store.Tx, host_id: str, report: SyncRequest
) -> dict[str, VolumeSeen]:
    """Return what is new of the volumes that the host keeps."""
    news: dict[str, VolumeSeen] = {}
    for volume_id, seen in (report.volumes or {}).items():
        volume = view.get(records.VOLUME, volume_id)
        heard = None if volume is None else moving.heard(volume, host_id, seen)
        if volume is not None and heard is not None and volume.seen != heard:
            news[volume_id] = heard
    return news


def _snapshots_seen(
    view: store.View | store.Tx, host_id: str, report: SyncRequest
) -> dict[str, SnapshotSeen]:
    """Return what is new of the snapshots whose cuts the host has, while they are wanted."""
    news: dict[str, SnapshotSeen] = {}
    for snapshot_id, seen in (report.snapshots or {}).items():
        snapshot = view.get(records.SNAPSHOT, snapshot_id)
        is_its = snapshot is not None and snapshot.doc.host_id == host_id and snapshot.doc.cut
        if snapshot is not None and is_its and snapshot.seen != seen:
            news[snapshot_id] = seen
    return news


def _log_foreign(view: store.View, host_id: str, report: SyncRequest) -> None:
    """Say in one line of what a host reports that is not its own: its words may be without end."""
    foreign: list[str] = []
    for instance_id in report.seen or {}:
        instance = view.get(records.INSTANCE, instance_id)
        if instance is None or host_id not in migrating.hosts_of(instance):
            foreign.append(instance_id)
    if foreign:
        some = [id[:_ID_LENGTH_MAX] for id in foreign[:_FOREIGN_NAMED]]
        _log.warning("report of foreign instances", host=host_id, number=len(foreign), some=some)
