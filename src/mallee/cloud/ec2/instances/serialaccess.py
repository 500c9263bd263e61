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
from mallee.cloud.ec2 import accountsettings
from mallee.cloud.state import store

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def is_enabled(view: store.View, account: str) -> bool:
    """Tell whether they may."""
    return accountsettings.of(view, account).serial_console


def _switch(
    is_on: bool, call: WriteCall, _: shapes.EnableSerialConsoleAccessRequest
) -> shapes.EnableSerialConsoleAccessResult:
    settings = replace(accountsettings.of(call.tx, call.account), serial_console=is_on)
    accountsettings.write(call.tx, call.account, settings)
    return {"SerialConsoleAccessEnabled": is_on}


def get_status(
    call: Call, _: shapes.GetSerialConsoleAccessStatusRequest
) -> shapes.GetSerialConsoleAccessStatusResult:
    """Tell whether they may."""
    return {
        "SerialConsoleAccessEnabled": is_enabled(call.view, call.account),
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
