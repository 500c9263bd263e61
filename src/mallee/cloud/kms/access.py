"""What lets somebody use a key: its policy, and grants. Asked by the stage that decides.

A key's policy must allow, in its own account too; where it only lets its account in, that one's
policies say the rest. A *grant* stands for the allowance of the key's policy and, in the key's own
account, for that of the caller's. No grant helps against a denial, a boundary or a session's
policies. Called through the rows (`rows`). Not its business: how policies are weighed.
"""

from collections.abc import Iterator, Mapping

from mallee.aws import errors, policy
from mallee.cloud.action import Lack
from mallee.cloud.call import Call, Request
from mallee.cloud.kms import contextkeys, naming
from mallee.cloud.state import records
from mallee.model.identity.kmskeys import Grant

_CLOSED = (
    '{"Version":"2012-10-17","Statement":'
    '{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*"}}'
)
_CREATE, _RETIRE = "CreateGrant", "RetireGrant"
_BY_GRANT = frozenset({policy.Kind.RESOURCE, policy.Kind.IDENTITY})
"""What a grant stands for in the key's own account."""


def attached(call: Call, arn: str) -> policy.Attached | None:
    """Return the policy of the key of an ARN; None where there is no such key."""
    record = naming.by_arn(call, arn)
    if record is None:
        return None
    try:
        compiled = policy.compiled(record.doc.policy, policy.Kind.RESOURCE)
    except errors.MalformedPolicyDocument:
        compiled = policy.compiled(_CLOSED, policy.Kind.RESOURCE)
    return policy.Attached(arn, compiled, is_required=True)


def is_granted(call: Call, asked: Request, lack: Lack) -> bool:
    """Tell whether a grant gives the caller what policies do not."""
    record = naming.by_arn(call, lack.resource)
    if record is None or not call.account:
        return False
    missing = set(lack.missing)
    if not missing <= (_BY_GRANT if record.account == call.account else {policy.Kind.RESOURCE}):
        return False
    operation = lack.permission.removeprefix("kms:")
    has_own = policy.Kind.IDENTITY not in missing
    if operation == _RETIRE:
        return _retires(call, asked, record.id, _names(call, has_own=has_own))
    context = contextkeys.context_of(asked, lack.permission)
    return any(
        operation in grant.operations and _fits(grant, operation, asked, context)
        for name in _names(call, has_own=has_own)
        for grant in _of(call, record.id, name)
    )


def _names(call: Call, *, has_own: bool) -> set[str]:
    """Return what a grant may call the caller: his id, his role's or user's, his ARN.

    It calls him by his account where his own policies let him use what that is granted.
    """
    who = call.principal
    names = {who.user_id, who.issuer_id, who.arn, who.issuer_arn} - {""}
    return {*names, f"arn:aws:iam::{call.account}:root"} if has_own else names


def _is_within(grant: Grant, asked: Request) -> bool:
    """Tell whether a grant that is asked for gives no more than another one."""
    wanted: Request = asked.get("Constraints") or {}
    equals: Mapping[str, str] = wanted.get("EncryptionContextEquals") or {}
    subset: Mapping[str, str] = wanted.get("EncryptionContextSubset") or {}
    if not set(asked["Operations"]) <= set(grant.operations):
        return False
    if grant.equals:
        return dict(equals) == grant.equals
    return grant.subset.items() <= (equals or subset).items()


def _of(call: Call, key_id: str, name: str) -> Iterator[Grant]:
    """Yield the grants of a name on a key."""
    for record in call.view.by(records.GRANT, "grantee", f"{key_id} {name}"):
        yield record.doc


def _fits(grant: Grant, operation: str, asked: Request, context: Mapping[str, str]) -> bool:
    if operation == _CREATE:
        return _is_within(grant, asked)
    if not grant.equals and not grant.subset:
        return True
    if not contextkeys.has_context(operation):
        # Constraints are about operations with a context; others are granted besides.
        return True
    if grant.equals:
        return dict(context) == grant.equals
    return grant.subset.items() <= context.items()


def _retires(call: Call, asked: Request, key_id: str, names: set[str]) -> bool:
    """Tell whether the very grant that a request is about may be ended by the caller."""
    record = call.view.get(records.GRANT, contextkeys.grant_id_of(asked))
    if record is None or record.doc.key_id != key_id:
        return False
    grant = record.doc
    return grant.retiring in names or (grant.grantee in names and _RETIRE in grant.operations)
