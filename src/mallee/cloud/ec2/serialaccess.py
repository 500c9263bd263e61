"""Whether an account's users may open serial consoles at all: a switch, off in a new account.

Called through the action table, and by `admin.consoles`, which opens them. What was said to a
console can be read without it (`console`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.state import records, store
from mallee.model.accountsettings import Ec2Settings

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def settings_of(reader: store.View | store.Tx, account: str) -> Ec2Settings:
    """Return what the account has set, or the defaults."""
    record = reader.get(records.EC2_SETTINGS, account)
    return record.doc if record else Ec2Settings()


def write_settings(tx: store.Tx, account: str, settings: Ec2Settings) -> None:
    """Set them."""
    record = tx.get(records.EC2_SETTINGS, account)
    if record is None:
        tx.insert(records.EC2_SETTINGS, account, account, settings)
    elif record.doc != settings:
        tx.write(record, settings)


def _switch(
    is_on: bool, call: WriteCall, _: shapes.EnableSerialConsoleAccessRequest
) -> shapes.EnableSerialConsoleAccessResult:
    settings = replace(settings_of(call.tx, call.account), serial_console=is_on)
    write_settings(call.tx, call.account, settings)
    return {"SerialConsoleAccessEnabled": is_on}


def get_status(
    call: Call, _: shapes.GetSerialConsoleAccessStatusRequest
) -> shapes.GetSerialConsoleAccessStatusResult:
    """Tell whether they may."""
    return {
        "SerialConsoleAccessEnabled": settings_of(call.view, call.account).serial_console,
        "ManagedBy": "account",
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="EnableSerialConsoleAccess",
        does=Write(handle=partial(_switch, True)),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="DisableSerialConsoleAccess",
        does=Write(handle=partial(_switch, False)),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="GetSerialConsoleAccessStatus",
        does=Read(handle=get_status),
        honours=frozenset(),
    ),
)
