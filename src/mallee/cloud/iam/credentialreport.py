"""The credential report: a table of all users with their passwords, devices, keys, certificates.

It is made whole when it is asked for, if the last one is older than four hours, and kept until the
next. The first line is `<root_account>`: what stands in its place here is the account's
administrator, who has a line of his own too. Called through the action table.
"""

import csv
import io
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, mfa, passwords, users
from mallee.cloud.identity import lastuse
from mallee.cloud.state import records
from mallee.model.identity.uses import CredentialReport

FRESH_S = 4 * 3600.0

_KEY = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
COLUMNS = (
    *("user", "arn", "user_creation_time"),
    *("password_enabled", "password_last_used", "password_last_changed"),
    *("password_next_rotation", "mfa_active"),
    *(f"access_key_{number}_{name}" for number in (1, 2) for name in _KEY),
    *(f"cert_{number}_{name}" for number in (1, 2) for name in ("active", "last_rotated")),
)
_NOT_THERE = "N/A"
_NEVER = "no_information"


def generate(call: WriteCall, request: Request) -> Result:
    """Make a report, unless there is a fresh one."""
    record = call.tx.get(records.CREDENTIAL_REPORT, call.account)
    if record is not None and call.now - record.doc.created_at < FRESH_S:
        return {"State": "COMPLETE"}
    report = CredentialReport(created_at=call.now, packed=zlib.compress(_table(call).encode()))
    if record is None:
        call.tx.insert(records.CREDENTIAL_REPORT, call.account, call.account, report)
    else:
        call.tx.write(record, report)
    return {
        "State": "STARTED",
        "Description": "No report exists. Starting a new report generation task",
    }


def get(call: Call, request: Request) -> Result:
    """Show the last report; raise `ReportNotPresent`, `ReportExpired`."""
    record = call.view.get(records.CREDENTIAL_REPORT, call.account)
    if record is None:
        raise errors.CredentialReportNotPresent
    if call.now - record.doc.created_at >= FRESH_S:
        raise errors.CredentialReportExpired
    return {
        "Content": zlib.decompress(record.doc.packed),
        "ReportFormat": "text/csv",
        "GeneratedTime": record.doc.created_at,
    }


def _table(call: Call) -> str:
    text = io.StringIO()
    written = csv.writer(text, lineterminator="\n")
    written.writerow(COLUMNS)
    found = sorted(call.view.list(records.USER, call.account), key=lambda user: user.doc.name)
    for user in found:
        if users.is_administrator(call, user):
            written.writerow(
                ("<root_account>", f"arn:aws:iam::{call.account}:root", *_of(call, user))
            )
    for user in found:
        written.writerow((user.doc.name, entities.arn(user), *_of(call, user)))
    return text.getvalue().rstrip("\n")


def _of(call: Call, user: users.UserRecord) -> tuple[str, ...]:
    return (
        _time(user.doc.created_at),
        *_password(call, user),
        _flag(bool(mfa.of_user(call.view, user.id))),
        *_two(_keys(call, user), len(_KEY)),
        *_two(_certificates(call, user), 2),
    )


def _password(call: Call, user: users.UserRecord) -> tuple[str, ...]:
    profile = passwords.profile_of(call.view, user.id)
    if profile is None:
        return ("false", _NOT_THERE, _NOT_THERE, _NOT_THERE)
    last = lastuse.last(call.uses.of(call.view, lastuse.PASSWORD + user.id))
    ends_at = passwords.expires_at(call.view, user.account, profile.doc)
    return (
        "true",
        _time(last[1].at) if last else _NEVER,
        _time(profile.doc.changed_at),
        _time(ends_at) if ends_at is not None else _NOT_THERE,
    )


def _keys(call: Call, user: users.UserRecord) -> Iterator[tuple[str, ...]]:
    found = call.view.by(records.ACCESS_KEY, "user", user.id)
    for key in sorted(found, key=lambda one: (one.doc.created_at, one.id)):
        last = lastuse.last(call.uses.of(call.view, key.id))
        used = (_time(last[1].at), last[1].region, last[0]) if last else (_NOT_THERE,) * 3
        yield (_flag(key.doc.status == "Active"), _time(key.doc.created_at), *used)


def _certificates(call: Call, user: users.UserRecord) -> Iterator[tuple[str, ...]]:
    found = call.view.by(records.SIGNING_CERTIFICATE, "user", user.id)
    for one in sorted(found, key=lambda one: (one.doc.created_at, one.id)):
        yield (_flag(one.doc.status == "Active"), _time(one.doc.created_at))


def _two(found: Iterator[tuple[str, ...]], width: int) -> tuple[str, ...]:
    """Return the cells of two things, where there may be fewer."""
    nothing = ("false", *(_NOT_THERE for _ in range(width - 1)))
    first, second = (*found, nothing, nothing)[:2]
    return (*first, *second)


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _time(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).isoformat()


def _row(name: str, does: Write | Read) -> Action:
    honours: frozenset[Any] = frozenset()
    return Action(service="iam", name=name, does=does, honours=honours)


ACTIONS: tuple[Action, ...] = (
    _row("GenerateCredentialReport", Write(handle=generate)),
    _row("GetCredentialReport", Read(handle=get)),
)
