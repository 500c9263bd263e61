"""Trust policies of roles: who may take a role on, held so that nobody inherits a name.

A *trust policy* names users and roles by ARN, but a name can be given away: whoever gets the name
of a user who is gone is somebody else. So the ids of the named stand in what is kept (`bind`), as
AWS does it, and ARNs in what is shown (`shown`); the id of who is gone is shown as it is.
Called by IAM's roles, by STS through `of_role`, and by the instances' credentials. Not its
business: the language (`aws.policy`), and whose permission it takes to ask (`authorize`).
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from mallee.aws import errors, policy
from mallee.cloud import things
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind
from mallee.model.identity import identities
from mallee.model.identity.identities import Role

EC2 = "ec2.amazonaws.com"
"""The service that instances get their role's credentials from."""

_NOBODY = (
    '{"Version":"2012-10-17","Statement":'
    '{"Effect":"Deny","Principal":"*","Action":["sts:AssumeRole*","sts:TagSession"]}}'
)
_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{8,}")
_BY_PREFIX: Mapping[str, Kind[Any, None]] = {"AIDA": records.USER, "AROA": records.ROLE}


def bind(view: store.View, text: str, kind: policy.Kind = policy.Kind.TRUST) -> str:
    """Return a trust policy, or a key's, with ids in place of the ARNs of users and roles.

    Raises `MalformedPolicyDocument` for what is no such policy and for who is not there.
    """
    policy.parse(text, kind)
    return _mapped(text, lambda value: bound(view, value))


def shown(view: store.View, text: str) -> str:
    """Return a kept trust policy as it is shown: with the ARNs that the named have today."""
    return _mapped(text, lambda value: named(view, value))


def of_role(role: Role, arn: str) -> policy.Attached:
    """Return a role's trust policy for a decision; one that cannot be read lets nobody in."""
    try:
        compiled = policy.compiled(role.trust, policy.Kind.TRUST)
    except errors.MalformedPolicyDocument:
        compiled = policy.compiled(_NOBODY, policy.Kind.TRUST)
    return policy.Attached(arn, compiled)


def trusts_service(role: Role, arn: str, service: str, context: Mapping[str, Any]) -> bool:
    """Tell whether a service (`ec2.amazonaws.com`) may take the role on."""
    request = policy.Request(
        principal=policy.Principal(policy.PrincipalKind.SERVICE, "", service),
        action="sts:AssumeRole",
        resource=arn,
        resource_account=things.account_of(arn) or "",
        context={"aws:principalisawsservice": "true", "aws:principalservicename": service}
        | dict(context),
    )
    policies = policy.Policies(resource=of_role(role, arn))
    return policy.evaluate(request, policies).is_allowed


def bound(view: store.View, value: str) -> str:
    """Return what is kept of an entry of `Principal.AWS`; raise `MalformedPolicyDocument`."""
    if value == "*":
        return value
    if _ID.fullmatch(value):
        found = _arn_of(view, value) is not None
        return value if found else _nobody(value)
    account = value if value.isdecimal() else things.account_of(value) or ""
    if view.get(records.ACCOUNT, account) is None:
        return _nobody(value)
    kind = things.kind_of(value)
    if kind in ("user", "role"):
        named = things.find(view, account, value)
        if named is None or identities.arn(account, kind, named.path, named.name) != value:
            return _nobody(value)
        return named.id
    return value


def named(view: store.View, value: str) -> str:
    """Return a kept entry as it is shown: with the ARN that the named has today."""
    return _arn_of(view, value) or value


def _nobody(value: str) -> str:
    raise errors.MalformedPolicyDocument(f'Invalid principal in policy: "AWS":"{value}"')


def _arn_of(view: store.View, value: str) -> str | None:
    """Return the ARN of whom an id names; None when it is no id, or of nobody."""
    kind = _BY_PREFIX.get(value[:4]) if _ID.fullmatch(value) else None
    record = view.get(kind, value) if kind is not None else None
    if record is None:
        return None
    return identities.arn(record.account, record.kind.name, record.doc.path, record.doc.name)


def _mapped(text: str, change: Callable[[str], str]) -> str:
    """Return the document with every entry of its `Principal.AWS` changed."""
    document: Any = json.loads(text)
    before = json.dumps(document)
    statements: Any = document["Statement"]
    for statement in cast(list[Any], statements if isinstance(statements, list) else [statements]):
        for element in ("Principal", "NotPrincipal"):
            named: Any = statement.get(element)
            if isinstance(named, dict) and "AWS" in named:
                named["AWS"] = _changed(cast(Any, named["AWS"]), change)
    after = json.dumps(document)
    return text if after == before else after


def _changed(value: str | list[str], change: Callable[[str], str]) -> str | list[str]:
    return change(value) if isinstance(value, str) else [change(one) for one in value]
