"""What lets somebody use a key: its policy, and grants. Asked by the stage that decides.

A key's policy must allow, in its own account too; where it only lets its account in, that one's
policies say the rest. A *grant* stands for the allowance of the key's policy and, in the key's own
account, for that of the caller's. No grant helps against a denial, a boundary or a session's
policies. Called through the rows (`rows`). Not its business: how policies are weighed.
"""

from collections.abc import Iterator, Mapping

from mallee.aws import errors, policy
from mallee.cloud.action import Lack
from mallee.cloud.call import Call, Principal, Request
from mallee.cloud.kms import contextkeys, naming
from mallee.cloud.state import records
from mallee.model.kmskeys import Grant

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
    if operation == _RETIRE and any(_retires(call, asked, record.id)):
        return True
    has_own = policy.Kind.IDENTITY not in missing
    context = contextkeys.context_of(asked, lack.permission)
    return any(
        operation in grant.operations and _fits(grant, operation, asked, context)
        for grant in _of_caller(call, record.id, has_own=has_own)
    )


def names_of(who: Principal) -> tuple[str, ...]:
    """Return what a grant may call somebody: his id, his role's or user's, his ARN."""
    return tuple({who.user_id, who.issuer_id, who.arn, who.issuer_arn} - {""})


def is_within(grant: Grant, asked: Request) -> bool:
    """Tell whether a grant that is asked for gives no more than another one."""
    wanted: Request = asked.get("Constraints") or {}
    equals: Mapping[str, str] = wanted.get("EncryptionContextEquals") or {}
    subset: Mapping[str, str] = wanted.get("EncryptionContextSubset") or {}
    if not set(asked["Operations"]) <= set(grant.operations):
        return False
    if grant.equals:
        return dict(equals) == grant.equals
    return grant.subset.items() <= (equals or subset).items()


def _of_caller(call: Call, key_id: str, *, has_own: bool) -> Iterator[Grant]:
    """Yield the grants of the caller; to his account as a whole only what is his own to use."""
    names = names_of(call.principal)
    if has_own:
        names = (*names, f"arn:aws:iam::{call.account}:root")
    for name in names:
        for record in call.view.by(records.GRANT, "grantee", f"{key_id} {name}"):
            yield record.doc


def _fits(grant: Grant, operation: str, asked: Request, context: Mapping[str, str]) -> bool:
    if operation == _CREATE:
        return is_within(grant, asked)
    if not grant.equals and not grant.subset:
        return True
    if not contextkeys.has_context(operation):
        # Constraints are about operations with a context; others are granted besides.
        return True
    if grant.equals:
        return dict(context) == grant.equals
    return grant.subset.items() <= context.items()


def _retires(call: Call, asked: Request, key_id: str) -> Iterator[bool]:
    """Yield whether the grant that a request is about may be ended by the caller."""
    id = contextkeys.grant_id_of(asked)
    record = call.view.get(records.GRANT, id)
    if record is None or record.doc.key_id != key_id:
        return
    names = {*names_of(call.principal), f"arn:aws:iam::{call.account}:root"}
    yield record.doc.retiring in names
    yield record.doc.grantee in names and _RETIRE in record.doc.operations
