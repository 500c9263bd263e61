"""The master key, as the cloud's administration rotates it and sees how far that is.

Called through the action table. The work is the reconciler's (`reconcile.masterkeys`); a key itself
is in no answer, only its id.
"""

import datetime
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.admin import rows
from mallee.cloud.call import Request, Result, WriteCall
from mallee.cloud.identity import sealed
from mallee.cloud.reconcile.identity import masterkeys as reconciling
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.identity import masterkeys
from mallee.model.identity.masterkeys import KEYS_MAX, Rotation, RotationSeen

RotationRecord = Record[Rotation, RotationSeen]


def rotate_master_key(call: WriteCall, request: Request) -> Result:
    """Want a rotation; one that has not yet sealed everything anew is the one that is wanted."""
    ends_sessions: bool = request.get("EndSessions", False)
    for rotation in call.tx.list(records.KEY_ROTATION):
        if rotation.seen is None or not rotation.seen.resealed_at:
            if ends_sessions:
                rotation = call.tx.write(rotation, replace(rotation.doc, ends_sessions=True))
            return {"Rotation": _render(call, rotation)}
    if len(call.box.key_ids) >= KEYS_MAX:
        raise errors.LimitExceeded("MasterKeys", KEYS_MAX)
    wanted = Rotation(
        id=ids.make("rotation", call.entropy(ids.ID_BYTES)),
        replaces=call.box.newest,
        requested_at=call.tx.now,
        ends_sessions=ends_sessions,
    )
    made = call.tx.insert(records.KEY_ROTATION, "", wanted.id, wanted)
    return {"Rotation": _render(call, made)}


def describe_master_key(call: WriteCall, request: Request) -> Result:
    """Describe the keys that there are, and every rotation, newest first."""
    rotations = sorted(
        call.tx.list(records.KEY_ROTATION), key=lambda one: one.doc.requested_at, reverse=True
    )
    return {
        "KeyId": call.box.newest,
        "OlderKeyIds": list(call.box.key_ids[1:]),
        "RecordsUnderOlderKeys": len(sealed.older(sealed.sealing(call.tx), call.box)),
        "Rotations": [_render(call, one) for one in rotations],
    }


def _render(call: WriteCall, rotation: RotationRecord) -> dict[str, Any]:
    doc, seen = rotation.doc, rotation.seen
    shown: dict[str, Any] = {
        "RotationId": doc.id,
        "RequestedAt": _time(doc.requested_at),
        "EndsSessions": doc.ends_sessions,
        "ReplacedKeyId": doc.replaces,
        "State": "requested",
    }
    if seen is None:
        return shown
    shown.update(KeyId=seen.key_id, State="resealing")
    if not seen.began_at:
        waits_for = reconciling.waits_for(rotation, reconciling.rings_of(call.tx))
        shown.update(State="spreading", WaitsFor=list(waits_for))
    if seen.resealed_at:
        shown.update(State="waiting", ForgetsAt=_time(masterkeys.forgets_at(doc, seen)))
    if seen.ended_at:
        shown.update(State="ended", ForgetsAt=_time(seen.ended_at))
    return shown


def _time(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators("RotateMasterKey", Write(handle=rotate_master_key), "EndSessions"),
    # A writer because it looks into the box, which readers are not given; it changes nothing.
    rows.of_administrators("DescribeMasterKey", Write(handle=describe_master_key)),
)
