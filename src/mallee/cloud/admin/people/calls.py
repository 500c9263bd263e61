"""Calls as they were made, with the statements that decided: `mallee audit`, `mallee access`.

Called through the action table: `LookupCalls`. An account sees its own calls, if its policies let
the caller, and what others did about it, but not by which policies of theirs; users of the cloud's
own account see those of all accounts, and of strangers.
Not its business: reading files (`trail.search`), and CloudTrail's form of the same (`trail`).
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, Scan
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.trail import cloudevents, search, together
from mallee.cloud.trail.events import Event, Judgement

PAGE_ITEMS = 100


def lookup_calls(call: Call, request: Request, position: str) -> tuple[Result, str]:
    """Return calls, newest first."""
    account: str = request.get("AccountId", "")
    if not call.principal.is_cloud_admin:
        if account not in ("", call.account):
            raise errors.AccessDenied(call.principal.arn, "mallee:LookupCalls", account)
        account = call.account
    now = datetime.fromtimestamp(call.now, UTC)
    id: str = request.get("RequestId", "")
    wanted = search.Wanted(
        since=request.get("StartTime") or datetime.fromtimestamp(0, UTC),
        until=request.get("EndTime") or now + timedelta(days=1),
        count=request.get("MaxResults", PAGE_ITEMS),
        account=account,
        words=(id,) if id else (),
        fits=_Fits(request),
    )
    try:
        found, following = together.look_back(call, wanted, position)
    except search.BadPosition as error:
        raise errors.InvalidNextToken from error
    if the_one := [event for event in found if id and event.request_id == id]:
        # There is one call of an id, and it was found.
        found, following = the_one, ""
    return {"Calls": [render(as_seen(call, event)) for event in found]}, following


def as_seen(call: Call, event: Event) -> Event:
    """Return the call as its reader may see it: which policies decided about somebody of another
    account is that account's to know."""
    is_theirs = event.account not in ("", call.account)
    if not is_theirs or call.principal.is_cloud_admin:
        return event
    return msgspec.structs.replace(event, judged=(), judged_more=0)


class _Fits:
    """Tells whether a call is one of those that the request asks for."""

    def __init__(self, request: Request) -> None:
        self._id: str = request.get("RequestId", "")
        self._user: str = request.get("UserName", "")
        self._action: str = request.get("ActionName", "")
        self._only_refused: bool = request.get("OnlyRefused", False)
        self._only_changes: bool = request.get("OnlyChanges", False)

    def __call__(self, event: Event) -> bool:
        return (
            (not self._id or event.request_id == self._id)
            and (not self._user or self._user in (event.user, cloudevents.user_name(event)))
            and (not self._action or self._action in _names(event))
            and (event.refused or not self._only_refused)
            and not (self._only_changes and (event.is_read or event.error))
        )


def _names(event: Event) -> tuple[str, ...]:
    """Return how an action may be asked for; events of buckets have colons in their own names."""
    return (event.action, f"{event.service}:{event.action}", f"{event.service}:")


def render(event: Event) -> dict[str, Any]:
    """Return a call with its decisions."""
    asked = msgspec.json.encode(event.asked).decode() if event.asked else None
    return {
        "Time": event.at,
        "RequestId": event.request_id,
        "Peer": event.peer,
        "UserAgent": event.agent or None,
        "Service": event.service or None,
        "ActionName": event.action or None,
        "AccountId": event.account or None,
        "Arn": event.user or None,
        "IssuerArn": event.issuer or None,
        "AccessKeyId": event.access_key or None,
        "Status": event.status,
        "ErrorCode": event.error or None,
        "ErrorMessage": event.message or None,
        "Milliseconds": event.ms,
        "Refused": event.refused,
        "Waiver": event.waiver or None,
        "Parameters": asked,
        "Made": list(event.made),
        "Count": event.more or None,
        "Decisions": [render_judgement(one) for one in event.judged],
        "DecisionsLeftOut": event.judged_more or None,
    }


def render_judgement(one: Judgement) -> dict[str, Any]:
    """Return a decision and the statement that made it."""
    return {
        "Permission": one.permission,
        "Resource": one.resource,
        "Verdict": one.verdict,
        "PolicyKind": one.kind or None,
        "Policy": one.policy or None,
        "Sid": one.sid or None,
        "Position": one.position if one.position >= 0 else None,
        "Missing": list(one.missing),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="LookupCalls",
        does=Scan(look=lookup_calls),
        honours=frozenset(
            {
                *("AccountId", "UserName", "ActionName", "RequestId", "OnlyRefused"),
                *("OnlyChanges", "StartTime", "EndTime", "MaxResults", "NextToken"),
            }
        ),
    ),
)
