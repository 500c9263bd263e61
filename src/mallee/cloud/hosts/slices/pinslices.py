"""What of snapshots a host's slice tells it to keep at hand, and what it says of that.

Called by `slices`, `passes` and `hearing`. Every host of a zone keeps the snapshots of which some
account wants fast restores there: once, whoever wants them.
"""

from msgspec.structs import replace

from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.store import Tx, View
from mallee.model.storage.fastrestores import FastRestore, FastRestoreSeen, PinSeen, PinWanted

FastRecord = Record[FastRestore, FastRestoreSeen]


def wanted(view: View | Tx, host_id: str) -> tuple[PinWanted, ...]:
    """Return what a host keeps at hand, what was asked for first before the rest."""
    host = view.get(records.HOST, host_id)
    if host is None:
        return ()
    found: dict[str, PinWanted] = {}
    active = (one for one in of_zone(view, host.doc.zone) if not one.doc.disabling_at)
    for record in sorted(active, key=lambda one: (one.doc.enabling_at, one.id)):
        snapshot = view.get(records.SNAPSHOT, record.doc.snapshot_id)
        if snapshot is not None and snapshot.doc.content is not None:
            pin = PinWanted(snapshot_id=snapshot.id, content=snapshot.doc.content)
            found.setdefault(snapshot.id, pin)
    return tuple(found.values())


def of_zone(view: View | Tx, zone: str) -> list[FastRecord]:
    """Return the fast restores of a zone."""
    return list(view.by(records.FAST_RESTORE, "zone", zone))


def may_read(view: View, host_id: str, account: str) -> bool:
    """Tell whether something that the host keeps at hand is of blocks of an account."""
    return any(one.content.account == account for one in wanted(view, host_id))


def news(
    view: View | Tx, host_id: str, told: dict[str, PinSeen] | None
) -> dict[str, FastRestoreSeen]:
    """Return what is new of what a host keeps at hand, by fast restore."""
    host = view.get(records.HOST, host_id)
    if told is None or host is None:
        return {}
    found: dict[str, FastRestoreSeen] = {}
    for record in of_zone(view, host.doc.zone):
        before = record.seen or FastRestoreSeen()
        pin = told.get(record.doc.snapshot_id)
        hosts = {id: one for id, one in before.hosts.items() if id != host_id}
        if pin is not None:
            hosts[host_id] = pin
        if hosts != before.hosts:
            found[record.id] = replace(before, hosts=hosts)
    return found
