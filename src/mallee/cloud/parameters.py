"""The parameters of a request: read from query and body, and refused when they would be ignored.

`read` runs before anything is believed of the request, the others when it is decoded. What a row of
the action table does not honour is refused by name, so that nobody believes to have set what nobody
looked at.
Not its business: their types and constraints (the codec), their meaning (the handlers).
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from mallee.aws import errors
from mallee.aws.signature import canonical
from mallee.cloud import http
from mallee.cloud.action import Action, Listing, Pages

MAX_PARAMETERS = 10_000
WORDS_LENGTH_MAX = 255
"""Characters of a description: EC2's model does not say it, and each is kept in memory."""
_OF_EVERY_ACTION = frozenset({"DryRun", "ClientToken"})
_OF_EVERY_LISTING = frozenset({"Filter", "Filters", "MaxResults", "NextToken"})


def read(request: http.Request) -> list[tuple[str, str]]:
    """Return query and form in the order given; raise `MalformedQueryString`.

    They are split as for the signature, so that nothing is obeyed that was not signed.
    """
    if request.query.count("&") + request.body.count(b"&") > MAX_PARAMETERS:
        raise errors.MalformedQueryString(f"more than {MAX_PARAMETERS} parameters")
    parameters = [*canonical.split_query(request.query), *canonical.form_of(request)]
    for name, value in parameters:
        # What is not UTF-8 was decoded to lone surrogates, which nothing may ever encode again.
        if not (name.isascii() and value.isascii()) and not _is_text(name + value):
            raise errors.MalformedQueryString("a name or value is not UTF-8")
    return parameters


def refuse_ignored(action: Action, request: Mapping[str, Any]) -> None:
    """Raise `UnsupportedOperation` for the first member that the action would ignore."""
    if request.keys() <= action.honours and "TagSpecifications" not in request:
        return
    for path in _ignored(request, "", _honoured(action)):
        raise errors.UnsupportedOperation(
            f"The parameter {path} of {action.name} is not supported by this cloud."
        )
    for specification in request.get("TagSpecifications") or ():
        kind = specification.get("ResourceType")
        if kind not in action.creates:
            raise errors.InvalidParameterValue(
                f"'{kind}' is not a valid taggable resource type for this operation."
            )


def refuse_long(action: Action, request: Mapping[str, Any]) -> None:
    """Raise `InvalidParameterValue` for a description that is longer than EC2 takes any."""
    if action.service == "ec2":
        for name in _long(request, ""):
            raise errors.InvalidParameterValue(
                f"The parameter {name} of {action.name} has at most {WORDS_LENGTH_MAX} characters."
            )


def _long(value: Any, name: str) -> Iterator[str]:
    """Yield the names of descriptions below `value` that are too long."""
    if isinstance(value, list):
        for item in cast(list[Any], value):
            yield from _long(item, name)
    elif isinstance(value, Mapping):
        for member, below in cast(Mapping[str, Any], value).items():
            yield from _long(below, name if member == "Value" else member)
    elif isinstance(value, str) and len(value) > WORDS_LENGTH_MAX and name.endswith("Description"):
        yield name


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _honoured(action: Action) -> frozenset[str]:
    honoured = action.honours | _OF_EVERY_ACTION
    if isinstance(action.does, Listing):
        honoured |= _OF_EVERY_LISTING
    if isinstance(action.does, Pages):
        honoured |= {"Marker", action.does.words.size}
    if action.creates:
        honoured |= {"TagSpecifications"}
    return honoured


def _ignored(value: Any, path: str, honoured: frozenset[str]) -> Iterator[str]:
    """Yield the dotted paths below `value` that no honoured path covers."""
    if isinstance(value, list):
        for item in cast(list[Any], value):
            yield from _ignored(item, path, honoured)
    elif isinstance(value, Mapping) and (not path or _any_below(path, honoured)):
        for name, member in cast(Mapping[str, Any], value).items():
            below = f"{path}.{name}" if path else name
            if below not in honoured:
                yield from _ignored(member, below, honoured)
    else:
        yield path


def _any_below(path: str, honoured: frozenset[str]) -> bool:
    return any(known.startswith(path + ".") for known in honoured)
