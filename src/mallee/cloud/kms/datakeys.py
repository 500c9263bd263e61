"""Data keys: fresh ones, given out in the clear and sealed, for whoever encrypts by himself.

Called through the action table. Pairs are made in a thread: an RSA key may take a second. Not its
business: who opens the sealed one again (`encrypting`).
"""

import os
from collections.abc import Callable

from mallee.aws import errors
from mallee.cloud.action import Compute
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.kms import envelopes, materials, naming, rows, specs
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import Key, Usage

_SIZES = {"AES_128": 16, "AES_256": 32}


def generate(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Result]:
    """Make a data key."""
    key, arn = _wrapping(call, asked, "GenerateDataKey")
    size = _size(asked)
    return lambda: _made(box, key, arn, (os.urandom(size), asked))


def generate_sealed(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Result]:
    """Make a data key that nobody needs yet."""
    key, arn = _wrapping(call, asked, "GenerateDataKeyWithoutPlaintext")
    size = _size(asked)

    def work() -> Result:
        made = dict(_made(box, key, arn, (os.urandom(size), asked)))
        del made["Plaintext"]
        return made

    return work


def _made(box: secretbox.SecretBox, key: Key, arn: str, given: tuple[bytes, Request]) -> Result:
    plain, asked = given
    return {
        "CiphertextBlob": envelopes.seal(box, key, plain, asked.get("EncryptionContext") or {}),
        "Plaintext": plain,
        "KeyId": arn,
        "KeyMaterialId": key.newest.id,
    }


def _size(asked: Request) -> int:
    spec, size = asked.get("KeySpec"), asked.get("NumberOfBytes")
    if (spec is None) == (size is None):
        raise errors.ValidationException(
            "Please specify either number of bytes or key spec."
            if spec is None
            else "Please specify only one of number of bytes and key spec."
        )
    return size if spec is None else _SIZES[spec]


def _wrapping(call: Call, asked: Request, operation: str) -> tuple[Key, str]:
    """Return the key that data keys are sealed with, and its ARN."""
    rows.check_tokens(asked)
    record = naming.find(call, asked["KeyId"])
    key = materials.usable(call, record, Usage.ENCRYPT_DECRYPT, operation)
    arn = naming.arn_of(call, record)
    if key.spec != specs.SYMMETRIC:
        raise errors.kms.InvalidKeyUsageException(
            f"{arn} key spec is {key.spec} which is not valid for {operation}."
        )
    return key, arn


def generate_pair(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Result]:
    """Make a pair of keys."""
    return _pair(call, asked, box, "GenerateDataKeyPair")


def generate_sealed_pair(
    call: Call, asked: Request, box: secretbox.SecretBox
) -> Callable[[], Result]:
    """Make a pair of keys whose private half nobody needs yet."""
    work = _pair(call, asked, box, "GenerateDataKeyPairWithoutPlaintext")

    def without() -> Result:
        return {name: value for name, value in work().items() if name != "PrivateKeyPlaintext"}

    return without


def _pair(
    call: Call, asked: Request, box: secretbox.SecretBox, operation: str
) -> Callable[[], Result]:
    key, arn = _wrapping(call, asked, operation)
    name: str = asked["KeyPairSpec"]
    spec = specs.SPECS.get(name)
    if spec is None:
        raise errors.kms.UnsupportedOperationException(f"KeyPairSpec {name} is not supported.")

    def work() -> Result:
        secret, public = specs.make(spec)
        context: envelopes.Context = asked.get("EncryptionContext") or {}
        return {
            "PrivateKeyCiphertextBlob": envelopes.seal(box, key, secret, context),
            "PrivateKeyPlaintext": secret,
            "PublicKey": public,
            "KeyId": arn,
            "KeyPairSpec": name,
            "KeyMaterialId": key.newest.id,
        }

    return work


ACTIONS = (
    rows.of_key(
        "GenerateDataKey", Compute(prepare=generate), "NumberOfBytes", "KeySpec", *rows.CONTEXT
    ),
    rows.of_key(
        "GenerateDataKeyWithoutPlaintext",
        Compute(prepare=generate_sealed),
        *("NumberOfBytes", "KeySpec", *rows.CONTEXT),
    ),
    rows.of_key(
        "GenerateDataKeyPair",
        Compute(prepare=generate_pair, is_slow=True),
        *("KeyPairSpec", *rows.CONTEXT),
    ),
    rows.of_key(
        "GenerateDataKeyPairWithoutPlaintext",
        Compute(prepare=generate_sealed_pair, is_slow=True),
        *("KeyPairSpec", *rows.CONTEXT),
    ),
)
