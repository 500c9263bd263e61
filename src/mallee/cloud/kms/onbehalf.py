"""Data keys that services use for whoever asks them: made, sealed and opened by the same keys.

Called by S3, in its own process, over its own view, and by EC2 in its transactions. Not its
business: who may (`deciding`), what a service seals, and what it answers.
"""

import os

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.kms import envelopes, materials, naming, specs
from mallee.cloud.kms.envelopes import Context
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import Key, Usage

KEY_BYTES = 32


def generate(
    call: Call, box: secretbox.SecretBox, named: str, context: Context
) -> tuple[str, bytes, bytes]:
    """Return the ARN of the key that is named, a data key, and that sealed.

    Raises `errors.kms` when there is no such key, or it cannot be used.
    """
    key, arn = _usable(call, named, "GenerateDataKey")
    plain = os.urandom(KEY_BYTES)
    return arn, plain, envelopes.seal(box, key, plain, context)


def wrapped(
    call: Call, box: secretbox.SecretBox, secret: tuple[str, bytes], context: Context
) -> bytes:
    """Return a data key that is there already sealed by the key that is named; `errors.kms`."""
    named, plain = secret
    key, _ = _usable(call, named, "ReEncryptTo")
    return envelopes.seal(box, key, plain, context)


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
