"""What services do with keys for their callers, as the trail has it: calls made from within.

As CloudTrail shows it: the caller's own `GenerateDataKey` or `Decrypt`, with the encryption context
that says what it was for. Called by S3 (`s3.sealing.keytrail`) and by the pipeline, for EC2
(`keyuse`). Not its business: who may use a key.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.identity.authorize import Outcome
from mallee.cloud.kms import naming
from mallee.cloud.trail import events

_TOLD = (
    *("KeyId", "KeySpec", "EncryptionContext", "Operations", "GranteePrincipal"),
    *("SourceKeyId", "SourceEncryptionContext"),
    *("DestinationKeyId", "DestinationEncryptionContext"),
)
"""Members that the trail has; sealed bytes it has not."""


@dataclass(frozen=True, slots=True)
class Use:
    """What was done with a key, and who may."""

    call: Call
    operation: str
    asked: Mapping[str, Any]
    outcome: Outcome


def event_of(use: Use, error: errors.AwsError | None) -> events.Event:
    """Return what the trail is told of a use."""
    call, asked = use.call, use.asked
    record = naming.look(call, asked["KeyId"] if "KeyId" in asked else asked["DestinationKeyId"])
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
