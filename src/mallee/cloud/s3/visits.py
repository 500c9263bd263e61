"""A visit: one request to S3 with what the stages found out about it, for errors and the trail.

The trail is told of what was done to buckets, and of what was refused; puts and gets of objects are
too many, as CloudTrail sees it too. Called by the pipeline. Not its business: writing (`trail`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from mallee.aws import errors
from mallee.cloud import http
from mallee.cloud.action import Action, Serve, Write
from mallee.cloud.call import Principal, Request
from mallee.cloud.identity import authorize
from mallee.cloud.s3.objects.sight import Sight
from mallee.cloud.s3.serving.bodies import Source
from mallee.cloud.trail import events

FORBIDDEN = 403


@dataclass(slots=True, kw_only=True)
class Visit:
    """A request, and what the stages found out about it so far."""

    request: http.Request
    source: Source
    id: str
    began_at: float
    """Monotonic seconds."""
    sight: Sight
    operation: str = ""
    bucket: str = ""
    key: str = ""
    principal: Principal | None = None
    outcome: authorize.Outcome | None = None
    row: Action | None = None
    asked: Request = None
    error: str = ""
    """The code of what was answered, where that was an error."""
    is_page: bool = False
    """Whether it is about a page of a website."""


@dataclass(frozen=True, slots=True)
class End:
    """How a visit ended."""

    status: int
    error: errors.AwsError | None
    at: float
    """Seconds since the epoch."""
    took_s: float


def event_of(visit: Visit, end: End) -> events.Event | None:
    """Return what the trail says of a visit; None: nothing."""
    error = end.error
    is_refused = visit.outcome is not None and visit.outcome.refusal is not None
    is_change = error is None and not visit.key and _changes(visit.row)
    if not (is_refused or end.status == FORBIDDEN or is_change):
        return None
    return events.describe(
        events.Told(
            at=datetime.fromtimestamp(end.at, UTC),
            request_id=visit.id,
            peer=visit.request.peer,
            endpoint=visit.request.endpoint_id,
            agent=visit.request.headers.get("user-agent", ""),
            service="s3",
            action=visit.operation,
            principal=visit.principal,
            outcome=visit.outcome,
            asked=visit.asked,
            about="",
            made="",
            status=end.status,
            error=error.code if error else "",
            message=error.message if error else "",
            ms=round(end.took_s * 1000, 2),
        )
    )


def _changes(row: Action | None) -> bool:
    does = row.does if row else None
    return isinstance(does, Write) or (isinstance(does, Serve) and does.changes)
