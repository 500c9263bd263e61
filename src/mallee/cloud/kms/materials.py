"""Secrets of keys: made, sealed under the cloud's master key, and opened where they are used.

A secret is sealed together with the id of its key, so that none opens in another one's place
(`identity.sealed` knows it when it seals all anew). Called by everything here that makes or uses a
secret. Not its business: what a secret is (`specs`).
"""

import os
import uuid

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.kms import naming, specs
from mallee.cloud.kms.naming import KeyRecord
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import Key, Material, State, Usage

_ID_BYTES = 32


def new_key_id() -> str:
    """Return an id for a new key."""
    return str(uuid.UUID(bytes=os.urandom(16), version=4))


def make(box: secretbox.SecretBox, key_id: str, spec: str, now: float) -> tuple[Material, bytes]:
    """Return a fresh material of a key, and its public half; an RSA key may take a second."""
    secret, public = specs.make(specs.SPECS[spec])
    material = Material(
        id=os.urandom(_ID_BYTES).hex(), sealed_secret=box.seal(secret, key_id.encode()), made_at=now
    )
    return material, public


def opened(box: secretbox.SecretBox, key: Key, material: Material | None = None) -> bytes:
    """Return a secret of a key: the newest, or the one that is given."""
    return box.open((material or key.newest).sealed_secret, key.id.encode())


def usable(call: Call, record: KeyRecord, usage: Usage, operation: str) -> Key:
    """Return a key that can be used now, and for this; raise what KMS says where it cannot."""
    key, arn = record.doc, naming.arn_of(call, record)
    check_state(call, record)
    if key.usage is not usage:
        raise errors.kms.InvalidKeyUsageException(
            f"{arn} key usage is {key.usage.value} which is not valid for {operation}."
        )
    return key


def check_state(call: Call, record: KeyRecord) -> None:
    """Raise unless the key is enabled."""
    check_there(call, record)
    if record.doc.state is State.DISABLED:
        raise errors.kms.DisabledException(naming.arn_of(call, record))


def check_there(call: Call, record: KeyRecord) -> None:
    """Raise when the key has no material, or waits for its deletion."""
    check_kept(call, record)
    if record.doc.state is State.PENDING_IMPORT:
        raise errors.kms.PendingImport(naming.arn_of(call, record))


def check_kept(call: Call, record: KeyRecord) -> None:
    """Raise when the key waits for its deletion."""
    if record.doc.state is State.PENDING_DELETION:
        raise errors.kms.PendingDeletion(naming.arn_of(call, record))


def check_algorithm(key: Key, algorithm: str) -> None:
    """Raise unless keys of this spec have the algorithm."""
    if algorithm not in specs.SPECS[key.spec].usages[key.usage]:
        raise errors.kms.InvalidKeyUsageException(
            f"Algorithm {algorithm} is not compatible with key spec {key.spec}."
        )
