"""How far tasks are, and why: imports, exports, and replacements of root volumes.

A task follows from what its host says of it; one that came to nothing keeps why. Pure over a view.
Called by `states` for the state with its sentence, and by `troubles` for what stands against it.
"""

from typing import Any

from mallee.cloud.ec2.images import bundleinstances, conversions, exporting, importing
from mallee.cloud.ec2.storage import rootreplacements
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.storage import transfers

Reader = store.View | store.Tx


def coming_in(record: Record[Any, Any]) -> tuple[str, str]:
    """Return the state of an import, and why it is in it."""
    return importing.status_of(record), importing.message_of(record) or "what it shall make is made"


def converting(record: Record[Any, Any]) -> tuple[str, str]:
    """Return the state of an import of volumes, and why it is in it."""
    state = conversions.state_of(record)
    return state, importing.message_of(record) or "what it shall make is made"


def bundling(record: Record[Any, Any]) -> tuple[str, str]:
    """Return the state of a bundle that is made, and why it is in it."""
    return bundleinstances.state_of(record), bundleinstances.message_of(record)


def going_out(record: Record[Any, Any]) -> tuple[str, str]:
    """Return the state of an export, and why it is in it."""
    return exporting.status_of(record), exporting.message_of(record) or "its file is in the bucket"


def replacing(record: Record[Any, Any]) -> tuple[str, str]:
    """Return the state of a replacement of a root volume, and why it is in it."""
    doc, state = record.doc, rootreplacements.state_of(record)
    if doc.completed_at is None:
        return state, f"{doc.instance_id} has not been seen to run from {doc.volume_id} yet"
    if doc.has_failed:
        return state, f"{doc.instance_id} could not be had to run from {doc.volume_id}"
    return state, f"{doc.instance_id} ran from {doc.volume_id}"


def trouble(view: Reader, record: Record[Any, Any]) -> tuple[str, str] | None:
    """Return what stands against an import or export, and the cure; None: nothing."""
    doc: transfers.Task = record.doc
    if doc.ended_at is not None:
        if doc.failure and doc.cancelled_at is None:
            return doc.failure, "put right what it says, then ask for it anew"
        return None
    if not doc.host_id:
        return "no host is heard that could do it", "wait for one: `mallee hosts` shows them"
    host = view.get(records.HOST, doc.host_id)
    if host is None or host.seen is None or host.seen.is_silent:
        return "nothing is heard of the host that carries it", "wait: another host takes over"
    return None
