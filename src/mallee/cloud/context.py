"""The context of a request: what conditions of policies may ask about it, key by key.

A *context key* has a value only where it is true: of the caller, the connection, the tags that are
asked for, and the thing that the permission is checked against. Keys are in lower case. Most
policies ask for none, so values are found when a condition asks, and not before.
Called by `authorize`. Not its business: what a condition makes of a value (`aws.policy`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from mallee.aws.policy.texts import Values
from mallee.cloud import http, things
from mallee.cloud.action import Action, Pass
from mallee.cloud.call import Call, Request
from mallee.cloud.state import records
from mallee.model.instancetypes import DEFAULT_NAME

_METADATA_TOKENS = "required"
"""What an instance gets that says nothing about its metadata options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing to be allowed: the action of a call, on one resource."""

    call: Call
    row: Action
    http: http.Request
    asked: Request
    resource: str = "*"
    """Its ARN, or `*`."""
    create_action: str | None = None
    """For `ec2:CreateTags`: the action that makes what is tagged."""
    passed: Pass | None = None
    """For `iam:PassRole`: what is passed to whom."""


class Context(Mapping[str, Values]):
    """The values of one question, found when asked for."""

    __slots__ = ("_question",)

    def __init__(self, question: Question) -> None:
        self._question = question

    def __getitem__(self, key: str) -> Values:
        found = _FINDERS.get(key)
        if found is not None:
            value = found(self._question)
        else:
            name, _, rest = key.partition("/")
            under = _FAMILIES.get(name) if rest else None
            value = under(self._question, rest) if under else None
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys that have a value, without those of tags."""
        return (key for key, find in _FINDERS.items() if find(self._question) is not None)

    def __len__(self) -> int:
        """Count what iteration gives."""
        return sum(1 for _ in self)


Finder = Callable[[Question], Values | None]


# --- the caller and his connection ---


def _principal_tag(question: Question, name: str) -> str | None:
    user = question.call.view.get(records.USER, question.call.principal.user_id)
    return _folded(user.doc.tags, name) if user else None


def _current_time(question: Question) -> str:
    return datetime.fromtimestamp(question.call.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _user_name(question: Question) -> str | None:
    return question.call.principal.user_name or None


# --- what is asked for ---


def _request_tags(question: Question) -> dict[str, str]:
    """Return the tags that the request puts on the question's resource."""
    asked = cast(Mapping[str, Any], question.asked)
    tags: list[Any] = list(asked.get("Tags") or ())
    kind = things.kind_of(question.resource)
    for specification in asked.get("TagSpecifications") or ():
        if specification.get("ResourceType") == kind and question.resource.endswith("/*"):
            tags += specification.get("Tags") or ()
    return {tag.get("Key") or "": tag.get("Value") or "" for tag in tags}


def _request_tag(question: Question, name: str) -> str | None:
    return _folded(_request_tags(question), name)


def _tag_keys(question: Question) -> Values | None:
    keys = (*_request_tags(question), *(question.asked.get("TagKeys") or ()))
    return keys or None


def _member(*path: str) -> Callable[[Question], str | None]:
    """Return what finds a member of the request."""

    def find(question: Question) -> str | None:
        value: Any = question.asked
        for name in path:
            value = value.get(name) if value else None
        return None if value is None else str(value)

    return find


# --- the thing ---


def _doc(question: Question) -> Any:
    return things.find(question.call.view, question.call.account, question.resource)


def _resource_tag(question: Question, name: str) -> str | None:
    tags: Mapping[str, str] | None = getattr(_doc(question), "tags", None)
    return _folded(tags or {}, name)


def _field(name: str) -> Finder:
    def find(question: Question) -> str | None:
        value = getattr(_doc(question), name, None)
        return value if isinstance(value, str) else None

    return find


def _instance_type(question: Question) -> str | None:
    if things.kind_of(question.resource) != "instance":
        return None
    if question.resource.endswith("/*"):
        return question.asked.get("InstanceType") or DEFAULT_NAME
    return getattr(_doc(question), "type_name", None)


def _vpc(question: Question) -> str | None:
    id = getattr(_doc(question), "vpc_id", None)
    call = question.call
    return f"arn:aws:ec2:{call.settings.region}:{call.account}:vpc/{id}" if id else None


def _subnet(question: Question) -> str | None:
    id = getattr(_doc(question), "subnet_id", None)
    call = question.call
    return f"arn:aws:ec2:{call.settings.region}:{call.account}:subnet/{id}" if id else None


def _metadata_tokens(question: Question) -> str | None:
    if things.kind_of(question.resource) != "instance":
        return None
    if question.resource.endswith("/*"):
        return _member("MetadataOptions", "HttpTokens")(question) or _METADATA_TOKENS
    metadata = getattr(_doc(question), "metadata", None)
    return getattr(metadata, "http_tokens", None)


def _boundary(question: Question) -> str | None:
    asked: str | None = question.asked.get("PermissionsBoundary")
    return asked or getattr(_doc(question), "boundary", None)


def _passed_to(question: Question) -> str | None:
    return question.passed.service if question.passed else None


def _associated(question: Question) -> Values | None:
    return (question.passed.associated_arns or None) if question.passed else None


def _region(question: Question) -> str:
    return question.call.settings.region


_FINDERS: Mapping[str, Finder] = {
    "aws:currenttime": _current_time,
    "aws:epochtime": lambda question: str(int(question.call.now)),
    "aws:principalaccount": lambda question: question.call.account,
    "aws:principalarn": lambda question: question.call.principal.arn,
    "aws:principalisawsservice": lambda _: "false",
    "aws:principaltype": lambda _: "User",
    "aws:referer": lambda question: question.http.headers.get("referer"),
    "aws:requestedregion": _region,
    "aws:resourceaccount": lambda question: things.account_of(question.resource),
    # The front door speaks plain HTTP; what stands before it is not known to be believed.
    "aws:securetransport": lambda _: "false",
    "aws:sourceip": lambda question: question.http.peer or None,
    "aws:tagkeys": _tag_keys,
    "aws:useragent": lambda question: question.http.headers.get("user-agent"),
    "aws:userid": lambda question: question.call.principal.user_id,
    "aws:username": _user_name,
    "aws:viaawsservice": lambda _: "false",
    "ec2:availabilityzone": _field("zone"),
    "ec2:createaction": lambda question: question.create_action,
    "ec2:instancetype": _instance_type,
    "ec2:metadatahttptokens": _metadata_tokens,
    "ec2:region": _region,
    "ec2:subnet": _subnet,
    "ec2:vpc": _vpc,
    "iam:associatedresourcearn": _associated,
    "iam:passedtoservice": _passed_to,
    "iam:permissionsboundary": _boundary,
    "iam:policyarn": _member("PolicyArn"),
    "sts:externalid": _member("ExternalId"),
    "sts:rolesessionname": _member("RoleSessionName"),
}

_FAMILIES: Mapping[str, Callable[[Question, str], str | None]] = {
    "aws:principaltag": _principal_tag,
    "aws:requesttag": _request_tag,
    "aws:resourcetag": _resource_tag,
    "ec2:resourcetag": _resource_tag,
    "iam:resourcetag": _resource_tag,
}
"""Keys that go on after a slash with the key of a tag, which is compared without regard to case."""


def _folded(tags: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in tags.items() if key.lower() == name), None)
