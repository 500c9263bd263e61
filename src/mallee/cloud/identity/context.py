"""The context of a request: what conditions of policies may ask about it, key by key.

A *context key* has a value only where it is true: of the caller, the connection, the tags that are
asked for, and the thing that the permission is checked against. Keys are in lower case. Most
policies ask for none, so values are found when a condition asks, and not before.
Called by `authorize`. Not its business: what a condition makes of a value (`aws.policy`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from mallee.aws.policy.texts import Values
from mallee.cloud import things
from mallee.cloud.ebs import contextkeys as ebs
from mallee.cloud.ec2 import contextkeys as ec2
from mallee.cloud.ec2.connecting import contextkeys as connecting
from mallee.cloud.iam import contextkeys as iam
from mallee.cloud.identity import callerkeys
from mallee.cloud.identity.question import Finder, Question, thing
from mallee.cloud.kms import contextkeys as kms
from mallee.cloud.rbin import contextkeys as rbin
from mallee.cloud.s3.access import contextkeys as s3
from mallee.cloud.sts import contextkeys as sts
from mallee.model.identity.sessions import CallerKind

LENGTH_MAX = 1280
"""Characters of a value: an external id may have 1,224, an ARN of IAM less. To look for wildcards
in more could take long."""

LENGTH_TOGETHER_MAX = 8 * LENGTH_MAX
"""Characters of all values of one key: more than fifty keys of tags have."""


class TooLong(Exception):
    """A policy asks for what is too long to be asked about; the message says what that is."""


def _is_too_long(value: Values) -> bool:
    if isinstance(value, str):
        return len(value) > LENGTH_MAX
    return sum(map(len, value)) > LENGTH_TOGETHER_MAX


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
            if key.startswith(kms.OF_CONTEXT):
                under, rest = kms.of_context, key.removeprefix(kms.OF_CONTEXT)
            value = under(self._question, rest) if under else None
            if value is None:
                value = callerkeys.claim(self._question, key)
        if value is None:
            raise KeyError(key)
        if _is_too_long(value):
            raise TooLong(f"The value of {key}")
        return value

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys that have a value, without those of tags."""
        return (key for key, find in _FINDERS.items() if find(self._question) is not None)

    def __len__(self) -> int:
        """Count what iteration gives."""
        return sum(1 for _ in self)


# --- what is asked for ---


def _request_tags(question: Question) -> dict[str, str]:
    """Return the tags that the request puts on the question's resource."""
    who = question.call.principal
    if who.kind is CallerKind.VOUCHED and who.session is not None:
        # A provider's token is the request: what it says that the session shall have is asked for.
        return dict(who.session.tags)
    asked = cast(Mapping[str, Any], question.asked)
    given: Any = asked.get("Tags") or ()
    if isinstance(given, Mapping):
        # Those of lifecycle policies have no order.
        return {str(key): str(value) for key, value in cast(Mapping[Any, Any], given).items()}
    tags: list[Any] = [*given, *s3.tags_of_bucket(question)]
    kind = things.kind_of(question.resource)
    for specification in asked.get("TagSpecifications") or ():
        if specification.get("ResourceType") == kind and question.resource.endswith("/*"):
            tags += specification.get("Tags") or ()
    # The key store has names of its own for the two.
    return {
        tag.get("Key") or tag.get("TagKey") or "": tag.get("Value") or tag.get("TagValue") or ""
        for tag in tags
    }


def _request_tag(question: Question, name: str) -> str | None:
    return _folded(_request_tags(question), name)


def _tag_keys(question: Question) -> Values | None:
    keys = (*_request_tags(question), *(question.asked.get("TagKeys") or ()))
    return keys or None


# --- the thing ---


def _resource_tag(question: Question, name: str) -> str | None:
    tags: Mapping[str, str] | None = getattr(thing(question), "tags", None)
    return _folded(tags or {}, name)


def _resource_account(question: Question) -> str | None:
    # Names of buckets are nobody's in particular: whose one is, its record says.
    return things.account_of(question.resource) or s3.owner(question)


def _region(question: Question) -> str:
    return question.call.settings.region


_FINDERS: Mapping[str, Finder] = {
    **callerkeys.FINDERS,
    **ebs.FINDERS,
    **ec2.FINDERS,
    **connecting.FINDERS,
    **iam.FINDERS,
    **kms.FINDERS,
    **s3.FINDERS,
    **sts.FINDERS,
    "aws:currenttime": lambda question: callerkeys.written(question.call.now),
    "aws:epochtime": lambda question: str(int(question.call.now)),
    "aws:requestedregion": _region,
    "aws:resourceaccount": _resource_account,
    "aws:tagkeys": _tag_keys,
}

_FAMILIES: Mapping[str, Callable[[Question, str], Values | None]] = {
    **ec2.FAMILIES,
    **rbin.FAMILIES,
    **s3.FAMILIES,
    "aws:principaltag": lambda question, name: _folded(callerkeys.tags_of(question), name),
    "aws:requesttag": _request_tag,
    "aws:resourcetag": _resource_tag,
    "ec2:resourcetag": _resource_tag,
    "iam:resourcetag": _resource_tag,
}
"""Keys that go on after a slash: with the key of a tag, which is compared without regard to case,
or with the name of an attribute."""

KEYS: frozenset[str] = frozenset({*_FINDERS, *_FAMILIES})
"""Every key that a request can have, in lower case, families without what follows the slash; what
identity providers say comes besides."""


def _folded(tags: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in tags.items() if key.lower() == name), None)
