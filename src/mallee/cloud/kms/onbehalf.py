"""What services do with keys for whoever asks them: the same rows decide, and the same keys seal.

A service asks in its caller's name, and policies see through which (`kms:ViaService`). Called by
S3, in its own process, over its own view. Not its business: what a service seals, and what it
answers.
"""

import os
from collections.abc import Mapping

from mallee.aws import errors
from mallee.cloud.action import Action
from mallee.cloud.call import Call, Request
from mallee.cloud.identity import authorize
from mallee.cloud.identity.authorize import Judge, Outcome
from mallee.cloud.identity.question import Question
from mallee.cloud.kms import envelopes, materials, naming, specs, table
from mallee.cloud.kms.envelopes import Context
from mallee.kit import secretbox
from mallee.model.kmskeys import Key, Usage

KEY_BYTES = 32
_ROWS: Mapping[str, Action] = {row.name: row for row in table.ACTIONS}


def decide(judge: Judge, question: Question, service: str, use: tuple[str, Request]) -> Outcome:
    """Return whether the caller of a service may have it do this with a key."""
    operation, asked = use
    call = question.call
    return authorize.decide(
        judge,
        Question(
            call=call,
            row=_ROWS[operation],
            http=question.http,
            asked=asked,
            via=f"{service}.{call.settings.region}.amazonaws.com",
        ),
    )


def generate(
    call: Call, box: secretbox.SecretBox, named: str, context: Context
) -> tuple[str, bytes, bytes]:
    """Return the ARN of the key that is named, a data key, and that sealed.

    Raises `errors.kms` when there is no such key, or it cannot be used.
    """
    key, arn = _usable(call, named, "GenerateDataKey")
    plain = os.urandom(KEY_BYTES)
    return arn, plain, envelopes.seal(box, key, plain, context)


def opened(
    call: Call, box: secretbox.SecretBox, sealed: tuple[str, bytes], context: Context
) -> bytes:
    """Return the data key that was sealed by the key of an ARN; raise `errors.kms`."""
    arn, blob = sealed
    key, _ = _usable(call, arn, "Decrypt")
    return envelopes.open_(box, key, blob, context)[0]


def _usable(call: Call, named: str, operation: str) -> tuple[Key, str]:
    record = naming.find(call, named)
    key = materials.usable(call, record, Usage.ENCRYPT_DECRYPT, operation)
    arn = naming.arn_of(call, record)
    if key.spec != specs.SYMMETRIC:
        raise errors.kms.InvalidKeyUsageException(
            f"{arn} key spec is {key.spec} which is not valid for {operation}."
        )
    return key, arn
