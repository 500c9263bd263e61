"""What is public: open to whoever comes, by a policy or an access control list.

A policy is public when one of its statements allows something to everybody, and no condition of it
narrows down who that is to fixed values, as AWS defines it for its Block Public Access. Pure.
Called by `policies`, `acls` and `accessblocks`.
"""

import functools
from ipaddress import ip_network

from mallee.aws import policy

_NARROWING = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
    }
)
"""Condition keys whose fixed values say who may."""
_BROADEST = {4: 8, 6: 32}
"""By IP version: the shortest prefix of a range that is not everybody."""
_POSITIVE = frozenset({"stringequals", "stringlike", "arnequals", "arnlike"})


@functools.lru_cache(maxsize=256)
def is_public(text: str) -> bool:
    """Tell whether a policy is public."""
    document = policy.parse(text, policy.Kind.RESOURCE)
    return any(_is_open(statement) for statement in document.statements)


def _is_open(statement: policy.Statement) -> bool:
    if statement.effect is not policy.Effect.ALLOW:
        return False
    everybody = any(entry.value == "*" for entry in statement.principals)
    if not (everybody or statement.but_principals):
        return False
    return not any(_narrows(condition) for condition in statement.conditions)


def _narrows(condition: policy.Condition) -> bool:
    operator, key = condition.operator.lower(), condition.key.lower()
    if key == "aws:sourceip":
        return operator == "ipaddress" and all(map(_is_narrow, condition.values))
    if key not in _NARROWING or operator not in _POSITIVE:
        return False
    return not any(_is_variable(key, value) for value in condition.values)


def _is_variable(key: str, value: str) -> bool:
    """Tell whether a value leaves open who is meant: an ARN with its account fixed does not."""
    if "${" in value:
        return True
    if key.endswith("arn") and value.count(":") >= 5:
        account = value.split(":")[4]
        return not (account.isdigit() and len(account) == 12)
    return "*" in value or "?" in value


def _is_narrow(value: str) -> bool:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= _BROADEST[network.version]
