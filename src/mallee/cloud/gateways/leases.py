"""Who may lead guests to the world for some seconds: the cloud's side of leases.

A lease is given in a transaction, for it must not be older than a decision that somebody else is in
charge; that decision needs a host to be silent for longer than any lease lasts. Nothing is written
but what is new: that a host has taken a term, or has ended.
Called by the agents' endpoint. Who is in charge is decided by `charge`.
"""

from msgspec.structs import replace

from mallee.cloud.state import records, store
from mallee.model.network.gateways import WORLD, LeaseAsked


def ask(tx: store.Tx, host_id: str, front_end: str, asked: LeaseAsked) -> bool:
    """Tell whether a host may lead to the world; `front_end` is who hears it, of several."""
    record = tx.get(records.GATEWAY, WORLD)
    if record is None:
        return False
    doc = record.doc
    if doc.host_id != host_id:
        if doc.former_id == host_id and not asked.holds and asked.term >= doc.term:
            tx.write(record, replace(doc, former_id="", free_at=0.0))
        return False
    host = tx.get(records.HOST, host_id)
    if host is None or host.seen is None or host.seen.is_silent:
        return False
    if host.seen.front_end != front_end:
        # Another front end decides whether it is silent: it must hear of the host first.
        return False
    if doc.former_id and tx.now < doc.free_at:
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
        new = replace(new, former_id="", free_at=0.0)
    if new != doc:
        tx.write(record, new)
    return True
