"""`mallee events list|schedule|cancel|reports`: what will be done to instances, what ails them."""

import datetime
from typing import Any

from mallee.box import steps
from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"
_COLUMNS = ("event", "account", "instance", "code", "not before", "not after", "state")


def list_events(*, root: Root = DEFAULT) -> None:
    """List the events of all accounts; those that are over stay for a week."""
    _show(client.call(Layout(root), _SERVICE, "ListEvents"))


def schedule(
    code: str,
    *instances: str,
    at: str,
    host: str | None = None,
    until: str | None = None,
    deadline: str | None = None,
    description: str | None = None,
    root: Root = DEFAULT,
) -> None:
    """Schedule an event of instances, or of everything that a host carries.

    Parameters
    ----------
    code
        `instance-reboot`, `instance-stop`, `instance-retirement`: the cloud does it at its time.
        `system-reboot`, `system-maintenance`: owners are told, the host's administrators do it.
    instances
        Their ids.
    at
        When, such as `2026-12-01T03:00`, in UTC; an owner's event window may make it later.
    host
        Instead of instances: the id of a host.
    until
        When it is over; needed for what is done to a host.
    deadline
        Until when owners may move it; without it they may not.
    description
        What owners read.
    """
    times = {"NotBefore": at, "NotAfter": until, "Deadline": deadline}
    asked: dict[str, Any] = {name: _time(text) for name, text in times.items() if text is not None}
    asked["EventCode"] = code
    if instances:
        asked["InstanceIds"] = list(instances)
    if host is not None:
        asked["HostId"] = host
    if description is not None:
        asked["Description"] = description
    _show(client.call(Layout(root), _SERVICE, "ScheduleEvent", asked))


def cancel(event: str, *, root: Root = DEFAULT) -> None:
    """Take an event back."""
    _show(client.call(Layout(root), _SERVICE, "CancelEvent", {"EventId": event}))


def reports(*, root: Root = DEFAULT) -> None:
    """List what owners reported of the health of their instances."""
    found = client.call(Layout(root), _SERVICE, "ListStatusReports")["Reports"]
    words.table(
        ("reported", "account", "instances", "status", "reasons", "words"),
        [
            (
                str(each["ReportedAt"]),
                each["AccountId"],
                " ".join(each["InstanceIds"]),
                each["Status"],
                " ".join(each["ReasonCodes"]),
                each.get("Description", ""),
            )
            for each in found
        ],
    )


def _time(text: str) -> datetime.datetime:
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise steps.Failed(f"{text} is no time", "give one such as 2026-12-01T03:00") from error
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def _show(answer: dict[str, Any]) -> None:
    words.table(_COLUMNS, [_row(each) for each in answer["Events"]])


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    return (
        each["EventId"],
        each["AccountId"],
        each["InstanceId"],
        each["EventCode"],
        str(each["NotBefore"]),
        str(each.get("NotAfter", "")),
        each["State"],
    )
