"""ClientToken: the same request sent twice is done once, and answered twice with the same answer.

A *client token* is remembered per account and action in the very transaction that does the work,
with a hash of the parameters and the result as it was encoded. So a restart, a retry that crosses
its first attempt, or a crash between work and answer change nothing. A request that failed leaves
no trace and may be tried again with its token. Called by the pipeline for every `Write` row.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mallee.aws import errors
from mallee.cloud.state import records, store

KEPT_S = 48 * 3600.0
"""How long an answer is remembered at least; AWS promises hours, not more."""

SWEPT_AT_ONCE = 1000
"""How many forgotten tokens one transaction removes: writers behind it wait no longer than that."""

# They say how to ask, not what for: the same request with and without them is the same.
_NOT_COMPARED = frozenset({"ClientToken", "DryRun"})


def once(
    tx: store.Tx, scope: tuple[str, str], request: Mapping[str, Any], do: Callable[[], str]
) -> str:
    """Return the encoded result of `do`, or what it returned for this token before.

    `scope` is the account and the action's permission. Raises `IdempotentParameterMismatch` when
    the token came with other parameters before.
    """
    token: str | None = request.get("ClientToken")
    if not token:
        return do()
    account, permission = scope
    # Account and action in the id: a token means nothing to another account or action.
    id = _hash([account, permission, token])
    parameters_hash = _hash({k: v for k, v in request.items() if k not in _NOT_COMPARED})
    earlier = tx.get(records.CLIENT_TOKEN, id)
    if earlier is not None and earlier.doc.created_at > tx.now - KEPT_S:
        if earlier.doc.parameters_hash != parameters_hash:
            raise errors.IdempotentParameterMismatch
        return earlier.doc.result
    if earlier is not None:
        tx.delete(earlier)
    result = do()
    remembered = records.IdempotencyRecord(
        parameters_hash=parameters_hash, result=result, created_at=tx.now
    )
    tx.insert(records.CLIENT_TOKEN, account, id, remembered)
    return result


def sweep(tx: store.Tx) -> int:
    """Forget tokens that are older than `KEPT_S`; return how many, `SWEPT_AT_ONCE` at most."""
    old = [
        record
        for record in tx.list(records.CLIENT_TOKEN)
        if record.doc.created_at <= tx.now - KEPT_S
    ]
    for record in old[:SWEPT_AT_ONCE]:
        tx.delete(record)
    return len(old[:SWEPT_AT_ONCE])


def _hash(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()
