"""The trail as CloudTrail shows it: an account's own calls of the last 90 days.

Called through the action table. What AWS calls a trail, the delivery of events to a bucket, is not
there: there are none to describe, and none can be made. Which statement decided is not in what
CloudTrail tells (`mallee:LookupCalls` tells it, which is a permission of its own).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Scan
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.trail import cloudevents, search, together
from mallee.cloud.trail.events import Event

KEPT = timedelta(days=90)
PAGE_ITEMS = 50

Fits = Callable[[Event], bool]

_FITS: dict[str, Callable[[str], Fits]] = {
    "EventId": lambda value: lambda event: event.request_id == value,
    "EventName": lambda value: lambda event: event.action == value,
    "ReadOnly": lambda value: lambda event: event.is_read is (value == "true"),
    "Username": lambda value: lambda event: cloudevents.user_name(event) == value,
    "ResourceType": lambda value: (
        lambda event: any(kind == value for kind, _ in cloudevents.resources(event))
    ),
    "ResourceName": lambda value: (
        lambda event: any(name == value for _, name in cloudevents.resources(event))
    ),
    "EventSource": lambda value: lambda event: cloudevents.source(event) == value,
    "AccessKeyId": lambda value: lambda event: event.access_key == value,
}
_WORD_FOR_WORD = frozenset({"EventId", "EventName", "Username", "ResourceName", "AccessKeyId"})
"""Attributes whose value stands in the line as it is, if it is plain."""


def lookup_events(call: Call, request: Request, position: str) -> tuple[Result, str]:
    """Return the account's calls, newest first."""
    now = datetime.fromtimestamp(call.now, UTC)
    since, until = request.get("StartTime"), request.get("EndTime")
    if since is not None and until is not None and since > until:
        raise errors.InvalidTimeRange
    fits, words = _attribute(request)
    wanted = search.Wanted(
        since=max(since or now - KEPT, now - KEPT),
        until=until or now + timedelta(days=1),
        count=request.get("MaxResults", PAGE_ITEMS),
        account=call.account,
        words=words,
        fits=fits,
    )
    try:
        found, following = together.look_back(call, wanted, position)
    except search.BadPosition as error:
        raise errors.InvalidNextToken from error
    shown = [cloudevents.render(event, call.account, call.settings.region) for event in found]
    return {"Events": shown}, following


def _attribute(request: Request) -> tuple[Fits, tuple[str, ...]]:
    """Return the test that the request asks for, and what each line that passes contains."""
    asked = request.get("LookupAttributes") or ()
    if not asked:
        return lambda event: True, ()
    if len(asked) > 1:
        raise errors.InvalidLookupAttributes("You can use only one lookup attribute.")
    key, value = asked[0]["AttributeKey"], asked[0]["AttributeValue"]
    if key == "ReadOnly" and value not in ("true", "false"):
        raise errors.InvalidLookupAttributes("The value of ReadOnly is true or false.")
    is_plain = value.isascii() and value.isprintable() and not set(value) & {'"', "\\"}
    words = (value,) if key in _WORD_FOR_WORD and is_plain else ()
    return _FITS[key](value), words


def describe_trails(call: Call, request: Request) -> Result:
    """Return no trail: the history of events is there without one."""
    return {"trailList": []}


def list_trails(call: Call, request: Request) -> Result:
    """Return no trail."""
    return {"Trails": []}


def refuse_trail(call: Call, request: Request) -> Result:
    """Say that there is no such trail, whichever it is."""
    name = request.get("Name") or request.get("TrailName")
    arn = name
    if not name.startswith("arn:"):
        arn = f"arn:aws:cloudtrail:{call.settings.region}:{call.account}:trail/{name}"
    raise errors.TrailNotFound(arn, call.account)


def _of_trail(name: str, member: str) -> Action:
    return Action(
        service="cloudtrail",
        name=name,
        does=Read(handle=refuse_trail),
        honours=frozenset({member}),
        resources=lambda call, request: (_arn(call, request[member]),),
    )


def _arn(call: Call, name: str) -> str:
    if name.startswith("arn:"):
        return name
    return f"arn:aws:cloudtrail:{call.settings.region}:{call.account}:trail/{name}"


ACTIONS: tuple[Action, ...] = (
    Action(
        service="cloudtrail",
        name="LookupEvents",
        does=Scan(look=lookup_events),
        honours=frozenset({"LookupAttributes", "StartTime", "EndTime", "MaxResults", "NextToken"}),
    ),
    Action(
        service="cloudtrail",
        name="DescribeTrails",
        does=Read(handle=describe_trails),
        honours=frozenset({"trailNameList", "includeShadowTrails"}),
    ),
    Action(
        service="cloudtrail",
        name="ListTrails",
        does=Read(handle=list_trails),
        honours=frozenset({"NextToken"}),
    ),
    _of_trail("GetTrail", "Name"),
    _of_trail("GetTrailStatus", "Name"),
    _of_trail("GetEventSelectors", "TrailName"),
)
