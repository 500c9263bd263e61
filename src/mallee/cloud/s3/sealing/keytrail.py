"""What S3 does with keys for its callers, in the trail: calls to the key store, made from within.

As CloudTrail shows it: the caller's own `GenerateDataKey` or `Decrypt`, with the encryption context
that names the object. Where a *bucket key* is used the context names the bucket alone, and a caller
is told of once in `AGAIN_S`, as AWS asks the key store no more often then; so whoever reads much
can keep the trail short. Nobody waits for these lines. Called by `kmskeys`. Not its business: who
may use a key.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from mallee.aws import errors
from mallee.cloud.kms import usetold
from mallee.cloud.trail import events

AGAIN_S = 300.0
REMEMBERED_MAX = 10_000
"""Uses of bucket keys that are remembered as told; then all are told once more."""
OWN_PAIR = "aws:s3:arn"
"""What S3 itself says in every context."""
_Which = tuple[str, str, str, str]


@dataclass(slots=True)
class KeyTrail:
    """Tells of uses. Belongs to one event loop."""

    put: Callable[[events.Event], object]
    """Has an event written, soon."""
    _told_at: dict[_Which, float] = field(default_factory=dict[_Which, float])

    def tell(self, use: usetold.Use, error: errors.AwsError | None) -> None:
        """Have the trail told of a use."""
        if error is None and self._is_told(use):
            return
        self.put(usetold.event_of(use, error))

    def _is_told(self, use: usetold.Use) -> bool:
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
