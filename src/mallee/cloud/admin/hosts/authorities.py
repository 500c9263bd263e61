"""The authority that certifies hosts and front ends, as the administration replaces it.

Called through the action table. The work is the reconciler's (`reconcile.authorities`); a key is in
no answer, only ids.
"""

import datetime
from typing import Any

from msgspec.structs import replace

from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import rows
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.reconcile.identity import authorities as replacing
from mallee.cloud.reconcile.identity.authorities import ReplacementRecord
from mallee.cloud.state import records
from mallee.kit import authorities
from mallee.model import ids
from mallee.model.identity.authorities import Replacement, orders

_STATES = ("spreading", "renewing", "distrusting")
"""Of a replacement, by its order."""


def rotate(call: WriteCall, request: Request) -> Result:
    """Want another authority; a replacement that has not ended is the one that is wanted."""
    leaves_behind: bool = request.get("LeaveBehind", False)
    found = replacing.newest(call.tx)
    if found is not None and not (found.seen and found.seen.ended_at):
        if leaves_behind:
            found = call.tx.write(found, replace(found.doc, leaves_behind=True))
        return {"Replacement": _render(call, found)}
    wanted = Replacement(
        id=ids.make("authority", call.entropy(ids.ID_BYTES)),
        requested_at=call.tx.now,
        leaves_behind=leaves_behind,
    )
    made = call.tx.insert(records.AUTHORITY, "", wanted.id, wanted)
    return {"Replacement": _render(call, made)}


def describe(call: Call, request: Request) -> Result:
    """Describe the authorities that are trusted, and every replacement, newest first."""
    found = sorted(
        call.view.list(records.AUTHORITY), key=lambda one: one.doc.requested_at, reverse=True
    )
    return {
        "AuthorityIds": list(authorities.ids_of(call.agents.ca_pem.encode())),
        "Replacements": [_render(call, one) for one in found],
    }


def _render(call: Call | WriteCall, found: ReplacementRecord) -> dict[str, Any]:
    doc, seen = found.doc, found.seen
    shown: dict[str, Any] = {
        "ReplacementId": doc.id,
        "RequestedAt": _time(doc.requested_at),
        "LeavesBehind": doc.leaves_behind,
        "State": "requested",
    }
    if seen is None:
        return shown
    shown |= {"FormerId": seen.former, "AuthorityId": seen.id}
    if seen.ended_at:
        return shown | {"State": "ended", "EndedAt": _time(seen.ended_at)}
    own = authorities.ids_of(call.agents.ca_pem.encode())
    view = call.tx if isinstance(call, WriteCall) else call.view
    return shown | {
        "State": _STATES[orders(seen).index(seen.order)],
        "WaitsFor": list(replacing.waits_for(view, found, own)),
    }


def _time(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators("RotateAuthority", Write(handle=rotate), "LeaveBehind"),
    rows.of_administrators("DescribeAuthority", Read(handle=describe)),
)
