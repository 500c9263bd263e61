"""Front ends, as the cloud's administration sees them: invited, described, taken out.

Called through the action table. How a machine becomes one is the business of `cloud.frontends`.
"""

import datetime
from typing import Any

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import rows
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.frontends import joining, presence
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.configuration import sharing
from mallee.model.hosts.frontends import FrontEnd, FrontEndSeen


def create_token(call: WriteCall, request: Request) -> Result:
    """Make a token with which one machine may become a front end within the hour."""
    if call.agents.present() is None:
        raise errors.UnsupportedOperation(presence.ALONE)
    return {
        "Token": joining.create_token(call.tx, call.entropy),
        "CaCertificate": call.agents.ca_pem,
        "Port": call.agents.port,
    }


def describe(call: Call, request: Request) -> Result:
    """Describe all front ends, by name; a cloud on SQLite has one, of which nothing is kept."""
    found = sorted(call.view.list(records.FRONT_END), key=lambda one: one.doc.name)
    return {"FrontEnds": [_render(call, one) for one in found]}


def remove(call: WriteCall, request: Request) -> Result:
    """Take a front end out that is not there any more; agents turn to the others."""
    record = call.tx.get(records.FRONT_END, request["FrontEndId"])
    if record is None:
        raise errors.NoSuchResource("front end", request["FrontEndId"])
    if record.id in (call.agents.present() or ()):
        raise errors.IncorrectState(
            f"The front end {record.doc.name} is there. Stop it first, on its machine: mallee down."
        )
    call.tx.delete(record)
    return {}


def _render(call: Call, record: Record[FrontEnd, FrontEndSeen]) -> dict[str, Any]:
    doc = record.doc
    return {
        "FrontEndId": doc.id,
        "Name": doc.name,
        "AgentsUrl": doc.agents_url,
        "IsPresent": doc.id in (call.agents.present() or ()),
        "ServesObjects": doc.serves_objects,
        "SettingsDiffer": bool(doc.settings) and sharing.differs(call.settings, doc.settings),
        "JoinDate": datetime.datetime.fromtimestamp(doc.joined_at, datetime.UTC),
    }


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators("CreateFrontEndToken", Write(handle=create_token)),
    rows.of_administrators("DescribeFrontEnds", Read(handle=describe)),
    rows.of_administrators("RemoveFrontEnd", Write(handle=remove), "FrontEndId"),
)
