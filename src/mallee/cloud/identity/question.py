"""A question: may this caller do this action of a request to this one thing.

A request is as many questions as it names things and needs permissions. Made by `authorize`; asked
about by every *context key* (`context`, and `contextkeys` of each service), which finds its value
in it. Not its business: the answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mallee.aws.policy.texts import Values
from mallee.cloud import http, things
from mallee.cloud.action import Action, Pass
from mallee.cloud.call import Call, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing to be allowed: the action of a call, on one resource."""

    call: Call
    row: Action
    http: http.Request
    asked: Request
    sent: Request = None
    """What the caller sent, where `asked` says more (`Action.completes`)."""
    resource: str = "*"
    """Its ARN, or `*`."""
    permission: str = ""
    """Which one is asked for, where a row needs several."""
    via: str = ""
    """The service that asks in the caller's name (`s3.us-east-1.amazonaws.com`)."""
    create_action: str | None = None
    """For `ec2:CreateTags`: the action that makes what is tagged."""
    passed: Pass | None = None
    """For `iam:PassRole`: what is passed to whom."""
    existing_tags: Callable[[], Mapping[str, str]] | None = None
    """For S3: finds the tags of the stored object that it is about; None: they are no condition."""


Finder = Callable[[Question], Values | None]
"""Finds the value of a context key; None: the question has no such key."""


def thing(question: Question) -> Any:
    """Return the document of what the question's ARN names; None when it is not there.

    Only what has a policy of its own is looked for in other accounts: there it says who may.
    """
    account = question.call.account
    if question.row.resource_policy is not None:
        account = things.account_of(question.resource) or account
    return things.find(question.call.view, account, question.resource)


def member(*path: str) -> Callable[[Question], str | None]:
    """Return what finds a member of the request."""

    def find(question: Question) -> str | None:
        value: Any = question.asked
        for name in path:
            value = value.get(name) if value else None
        return None if value is None else str(value)

    return find
