"""Who may lead guests to the world for some seconds: the cloud's side of leases.

A lease is given in a transaction, for it must not be older than a decision that somebody else is in
charge; that decision needs a host to be silent for longer than any lease lasts. Nothing is written
but what is new: that a host has taken a term, or has ended.
Called by the agents' endpoint. Who is in charge is decided by `charge`.
"""

from msgspec.structs import replace

from mallee.cloud.hosts import standings
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.network.gateways import HANDED_OVER_S, WORLD, Charge, LeaseAsked

ChargeRecord = Record[Charge, None]


def ask(tx: store.Tx, host_id: str, front_end: str, asked: LeaseAsked) -> bool:
    """Tell whether a host may lead to the world; `front_end` is who hears it, of several."""
    record = tx.get(records.GATEWAY, WORLD)
    if record is None:
        return False
    doc = record.doc
    if doc.host_id != host_id:
        _note_end(tx, record, host_id, asked)
        return False
    host = tx.get(records.HOST, host_id)
    if host is None or host.seen is None or host.seen.is_silent:
        return False
    if host.seen.front_end != front_end:
        # Another front end decides whether it is silent: it must hear of the host first.
        return False
    if doc.former_id and _is_awaited(tx, record):
        return False
    if doc.known_standby_id is None and asked.term < doc.term:
        # It would hold by a term of when it was in charge before, with nobody to take over.
        return False
    new = doc
    if not doc.is_known and asked.taken == doc.term:
        new = replace(doc, is_known=True, known_standby_id=doc.standby_id, granted_standby_id=None)
    elif not doc.is_known and asked.term == doc.term:
        # The answer may not arrive: then it goes on by the term before.
        new = replace(doc, granted_standby_id=doc.standby_id)
    if doc.former_id:
        new = replace(new, former_id="", free_at=0.0, former_standbys=())
    if new != doc:
        tx.write(record, new)
    return True


def _note_end(tx: store.Tx, record: ChargeRecord, host_id: str, asked: LeaseAsked) -> None:
    """Write down that a host which leads nobody knows that: the former one, or who lets it go
    on."""
    doc = record.doc
    if asked.holds or asked.term < doc.term:
        return
    if doc.former_id == host_id:
        tx.write(record, replace(doc, former_id="", free_at=0.0, former_standbys=()))
    elif host_id in doc.former_standbys:
        _release(tx, record, {host_id})


def _is_awaited(tx: store.Tx, record: ChargeRecord) -> bool:
    """Tell whether the host before may still lead, by a lease or by somebody's promise."""
    doc = record.doc
    # Who is in charge itself promises nobody: it knows.
    others = set(doc.former_standbys) - {doc.host_id}
    gone = {id for id in others if not standings.is_member(tx.get(records.HOST, id))}
    if gone:
        _release(tx, record, gone)
    return bool(others) or tx.now < doc.free_at


def _release(tx: store.Tx, record: ChargeRecord, ids: set[str]) -> None:
    """Wait for the former host no longer than for the last promise that these may have made."""
    left = tuple(id for id in record.doc.former_standbys if id not in ids)
    free_at = max(record.doc.free_at, tx.now + HANDED_OVER_S)
    tx.write(record, replace(record.doc, former_standbys=left, free_at=free_at))
