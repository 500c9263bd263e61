"""What S3 does with keys for its callers, in the trail: calls to the key store, made from within.

As CloudTrail shows it: the caller's own `GenerateDataKey` or `Decrypt`, with the encryption context
that names the object. Where a *bucket key* is used the context names the bucket alone, and a caller
is told of once in `AGAIN_S`, as AWS asks the key store no more often then; so whoever reads much
can keep the trail short. Nobody waits for these lines. Called by `kmskeys`. Not its business: who
may use a key.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.identity.authorize import Outcome
from mallee.cloud.kms import naming
from mallee.cloud.trail import events

AGAIN_S = 300.0
REMEMBERED_MAX = 10_000
"""Uses of bucket keys that are remembered as told; then all are told once more."""
OWN_PAIR = "aws:s3:arn"
"""What S3 itself says in every context."""
_TOLD = ("KeyId", "KeySpec", "EncryptionContext")
"""Members that the trail has; sealed bytes it has not."""

_Which = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Use:
    """What was done with a key, and who may."""

    call: Call
    operation: str
    asked: Mapping[str, Any]
    outcome: Outcome


@dataclass(slots=True)
class KeyTrail:
    """Tells of uses. Belongs to one event loop."""

    put: Callable[[events.Event], object]
    """Has an event written, soon."""
    _told_at: dict[_Which, float] = field(default_factory=dict[_Which, float])

    def tell(self, use: Use, error: errors.AwsError | None) -> None:
        """Have the trail told of a use."""
        if error is None and self._is_told(use):
            return
        self.put(_event_of(use, error))

    def _is_told(self, use: Use) -> bool:
        """Tell whether it is the use of a bucket key that was told just now; else remember it."""
        call, context = use.call, use.asked["EncryptionContext"]
        if "/" in context.get(OWN_PAIR, "/"):
            return False
        told = str(sorted(context.items()))
        which = (call.principal.arn, use.operation, use.asked["KeyId"], told)
        before = self._told_at.get(which)
        if before is not None and 0 <= call.now - before < AGAIN_S:
            return True
        if len(self._told_at) >= REMEMBERED_MAX:
            self._told_at.clear()
        self._told_at[which] = call.now
        return False


def _event_of(use: Use, error: errors.AwsError | None) -> events.Event:
    call, asked = use.call, use.asked
    record = naming.look(call, asked["KeyId"])
    return events.describe(
        events.Told(
            at=datetime.fromtimestamp(call.now, UTC),
            request_id=str(uuid.uuid4()),
            peer=events.INTERNAL,
            agent=events.INTERNAL,
            service="kms",
            action=use.operation,
            principal=call.principal,
            outcome=use.outcome,
            asked={name: asked[name] for name in _TOLD if name in asked},
            about=record.account if record else "",
            made="",
            status=error.status if error else 200,
            error=error.code if error else "",
            message=error.message if error else "",
            ms=0.0,
        )
    )
