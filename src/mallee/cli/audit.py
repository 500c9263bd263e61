"""`mallee audit`: who did what, and whether the trail that says so is whole.

The list comes by the cloud's API. Verifying reads the files themselves, with the key that lies
beside them: it works when the cloud does not run, and believes nothing that the cloud says.
"""

import datetime
import json
import re
import time
from typing import Any

from mallee.box import client as api
from mallee.box import steps
from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.kit.chain import keyfile, lines
from mallee.kit.chain import verify as proof
from mallee.model.layout import Layout

_AGO = re.compile(r"(\d+)([smhd])")
_ACCOUNT_ID = re.compile(r"\d{12}")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PAGE = 500
_PAUSE_S = 0.25


def verify(*, root: Root = DEFAULT, through: str = "") -> None:
    """Check every line of the trail. Exit status 1 when one was changed, removed or moved.

    Parameters
    ----------
    through
        A place that was noted before (NUMBER:CODE): proves that nothing was cut off since.
    """
    layout = Layout(root)
    try:
        known = [lines.parse_place(through)] if through else []
        key = keyfile.load(layout.trail_key)
        report = proof.verify(layout.trail, key, known)
    except (ValueError, keyfile.BadKey) as error:
        raise steps.Failed(str(error), "") from error
    except FileNotFoundError as error:
        raise steps.Failed(f"there is no trail: {error.filename}", "mallee up") from error
    except PermissionError as error:
        raise steps.Failed(
            f"{error.filename} is for the machine's owner only", "run this with sudo"
        ) from error
    for note in report.notes:
        words.tell(note)
    for fault in report.faults:
        where = f"{fault.segment}, byte {fault.offset}: " if fault.segment else ""
        words.give(f"{where}{fault.what}")
    if not report.is_whole:
        raise steps.Failed(
            f"the trail is not what was written (faults: {report.fault_count})",
            "keep a copy of the trail directory; compare it with your backups",
        )
    words.give(f"whole: lines {report.first} to {report.last.number} in {report.segments} files")
    words.tell("note this place outside of this machine, to prove later that nothing was cut off:")
    words.give(str(report.last))


def list_calls(
    *,
    root: Root = DEFAULT,
    account: str = "",
    user: str = "",
    action: str = "",
    since: str = "",
    refused: bool = False,
    changes: bool = False,
    limit: int = 50,
    as_json: bool = False,
) -> None:
    """List calls, newest first.

    Parameters
    ----------
    account
        Only calls of this account: its id, or its name while it is there.
    user
        Only calls of this user, session name or ARN.
    action
        Only this action: RunInstances, or iam:CreateUser.
    since
        Not before: 30m, 2h, 7d ago, or a time such as 2026-11-21T08:00:00Z.
    refused
        Only calls that were refused because the caller may not.
    changes
        Only calls that changed something.
    limit
        How many at most.
    as_json
        A JSON object per line, with everything that is known.
    """
    layout = Layout(root)
    asked: dict[str, Any] = {
        "AccountId": _account_id(layout, account),
        "UserName": user,
        "ActionName": action,
        "StartTime": _moment(since),
        "OnlyRefused": refused or None,
        "OnlyChanges": changes or None,
    }
    found = fetch(layout, {name: value for name, value in asked.items() if value}, limit)
    if as_json:
        for call in found:
            words.give(json.dumps(call, default=str))
        return
    words.table(
        ("time", "account", "who", "from", "action", "outcome", "request"),
        [_row(call) for call in found],
    )


def _account_id(layout: Layout, account: str) -> str:
    """Return the id; that of a deleted account has no name any more."""
    if not account or _ACCOUNT_ID.fullmatch(account):
        return account
    found = client.call(layout, "mallee", "DescribeAccount", {"AccountName": account})
    return found["Account"]["AccountId"]


def fetch(layout: Layout, asked: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """Return the calls that fit, newest first, `limit` at most."""
    access = client.access(layout)
    found: list[dict[str, Any]] = []
    token: str | None = None
    while len(found) < limit:
        page = {**asked, "MaxResults": min(limit - len(found), _PAGE)}
        if token:
            page["NextToken"] = token
        answer = _look(access, page)
        found += answer["Calls"]
        token = answer.get("NextToken")
        if not token:
            break
    return found


def _look(access: api.Access, page: dict[str, Any]) -> dict[str, Any]:
    """Return a page; a long trail is asked for as fast as the cloud lets."""
    while True:
        try:
            return api.call(access, "mallee", "LookupCalls", page)
        except api.Refused as refused:
            if refused.code != "Throttling":
                raise
        time.sleep(_PAUSE_S)


def _row(call: dict[str, Any]) -> tuple[str, ...]:
    outcome = call.get("ErrorCode") or "ok"
    if call.get("Count"):
        outcome = f"{outcome} x {call['Count']}"
    return (
        call["Time"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        call.get("AccountId", "-"),
        call.get("Arn", "").rpartition("/")[2] or "-",
        call["Peer"] or "-",
        f"{call.get('Service', '')}:{call.get('ActionName', '')}".strip(":") or "-",
        outcome,
        call["RequestId"],
    )


def _moment(text: str) -> datetime.datetime | None:
    if not text:
        return None
    ago = _AGO.fullmatch(text)
    if ago is not None:
        seconds = int(ago.group(1)) * _UNITS_S[ago.group(2)]
        return datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise steps.Failed(
            f"{text!r} is no time", "give 30m, 2h or 7d, or 2026-11-21T08:00:00Z"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
