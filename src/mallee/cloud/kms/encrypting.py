"""Encrypt, Decrypt, ReEncrypt: bytes of up to 4 KiB, under a key that never leaves.

A symmetric key's ciphertext says which key opens it, an RSA key's does not. Called through the
action table. Not its business: what a ciphertext looks like (`envelopes`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mallee.aws import errors
from mallee.cloud.action import Action, Compute
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.kms import access, contextkeys, envelopes, materials, naming, rows, specs
from mallee.cloud.kms.naming import KeyRecord
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import Key, Usage

_FROM, _TO = "kms:ReEncryptFrom", "kms:ReEncryptTo"
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "RSAES_OAEP_SHA_1": hashes.SHA1(),
    "RSAES_OAEP_SHA_256": hashes.SHA256(),
}


@dataclass(frozen=True, slots=True)
class _Place:
    """A key to seal or open with, and how."""

    record: KeyRecord
    key: Key
    algorithm: str
    context: envelopes.Context


def encrypt(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Result]:
    """Seal some bytes."""
    rows.check_tokens(asked)
    record = naming.find(call, asked["KeyId"])
    place = _place(call, record, ("Encrypt", asked.get("EncryptionAlgorithm")), _context(asked))
    return lambda: {
        "CiphertextBlob": _seal(box, place, asked["Plaintext"]),
        "KeyId": naming.arn_of(call, record),
        "EncryptionAlgorithm": place.algorithm,
    }


def decrypt(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Result]:
    """Open what was sealed."""
    rows.check_tokens(asked)
    blob = _blob(asked)
    record = _source(call, asked.get("KeyId"), blob)
    place = _place(call, record, ("Decrypt", asked.get("EncryptionAlgorithm")), _context(asked))

    def work() -> Result:
        plain, material = _open(box, place, blob)
        return {
            "KeyId": naming.arn_of(call, record),
            "Plaintext": plain,
            "EncryptionAlgorithm": place.algorithm,
            "KeyMaterialId": material,
        }

    return work


def reencrypt(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Result]:
    """Seal under one key what was sealed under another, or in another context."""
    rows.check_tokens(asked)
    blob = _blob(asked)
    target = _place(
        call,
        naming.find(call, asked["DestinationKeyId"]),
        ("ReEncryptTo", asked.get("DestinationEncryptionAlgorithm")),
        contextkeys.context_of(asked, _TO),
    )
    source = _place(
        call,
        _source(call, asked.get("SourceKeyId"), blob),
        ("ReEncryptFrom", asked.get("SourceEncryptionAlgorithm")),
        contextkeys.context_of(asked, _FROM),
    )

    def work() -> Result:
        plain, material = _open(box, source, blob)
        is_symmetric = target.key.spec == specs.SYMMETRIC
        return {
            "CiphertextBlob": _seal(box, target, plain),
            "SourceKeyId": naming.arn_of(call, source.record),
            "KeyId": naming.arn_of(call, target.record),
            "SourceEncryptionAlgorithm": source.algorithm,
            "DestinationEncryptionAlgorithm": target.algorithm,
            "SourceKeyMaterialId": material,
            "DestinationKeyMaterialId": target.key.newest.id if is_symmetric else None,
        }

    return work


def _context(asked: Request) -> envelopes.Context:
    return asked.get("EncryptionContext") or {}


def _blob(asked: Request) -> bytes:
    blob: bytes | None = asked.get("CiphertextBlob")
    if blob is None:
        raise errors.ValidationException("CiphertextBlob is required.")
    return blob


def _source(call: Call, named: str | None, blob: bytes) -> KeyRecord:
    """Return the key that a ciphertext is of: the one that is named, or that it says itself."""
    if named:
        return naming.find(call, named)
    record = naming.by_arn(call, _arn_in(call, blob))
    if record is None:
        raise errors.kms.InvalidCiphertextException
    return record


def _arn_in(call: Call, blob: bytes) -> str:
    """Return the ARN of the key that a ciphertext names; `*` where it names none."""
    head = envelopes.read(blob)
    record = naming.by_id(call, head.key_id) if head else None
    return naming.arn_of(call, record) if record else "*"


def _place(
    call: Call, record: KeyRecord, how: tuple[str, str | None], context: envelopes.Context
) -> _Place:
    operation, algorithm = how[0], how[1] or specs.SYMMETRIC
    key = materials.usable(call, record, Usage.ENCRYPT_DECRYPT, operation)
    materials.check_algorithm(key, algorithm)
    if context and key.spec != specs.SYMMETRIC:
        raise errors.ValidationException(
            "EncryptionContext is not supported with an asymmetric CMK."
        )
    return _Place(record, key, algorithm, context)


def _seal(box: secretbox.SecretBox, place: _Place, plain: bytes) -> bytes:
    if place.key.spec == specs.SYMMETRIC:
        return envelopes.seal(box, place.key, plain, place.context)
    public = specs.public_key(place.key.public_key)
    assert isinstance(public, rsa.RSAPublicKey)
    try:
        return public.encrypt(plain, _oaep(place.algorithm))
    except ValueError as error:
        raise errors.ValidationException(
            f"Plaintext is too long for {place.algorithm} with {place.key.spec}."
        ) from error


def _open(box: secretbox.SecretBox, place: _Place, blob: bytes) -> tuple[bytes, str | None]:
    """Return what was sealed, and the id of the material that a symmetric key opened it with."""
    if place.key.spec == specs.SYMMETRIC:
        plain, material = envelopes.open_(box, place.key, blob, place.context)
        return plain, material.id
    private = specs.private_key(materials.opened(box, place.key))
    assert isinstance(private, rsa.RSAPrivateKey)
    try:
        return private.decrypt(blob, _oaep(place.algorithm)), None
    except ValueError as error:
        raise errors.kms.InvalidCiphertextException from error


def _oaep(algorithm: str) -> padding.OAEP:
    kind = _HASHES[algorithm]
    return padding.OAEP(mgf=padding.MGF1(kind), algorithm=kind, label=None)


def _opened_by(call: Call, asked: Request, named: str) -> str:
    """Return the ARN of the key that opens a request's ciphertext."""
    given: str | None = asked.get(named)
    if given:
        return naming.named(call, given)
    return _arn_in(call, asked.get("CiphertextBlob") or b"")


def _needs_of_reencrypt(call: Call, asked: Request) -> Iterable[tuple[str, str]]:
    yield _FROM, _opened_by(call, asked, "SourceKeyId")
    yield _TO, naming.named(call, asked["DestinationKeyId"])


ACTIONS = (
    rows.of_key(
        "Encrypt",
        Compute(prepare=encrypt),
        *("Plaintext", "EncryptionAlgorithm", *rows.CONTEXT),
    ),
    rows.on(
        "Decrypt",
        Compute(prepare=decrypt),
        lambda call, asked: (_opened_by(call, asked, "KeyId"),),
        *("KeyId", "CiphertextBlob", "EncryptionAlgorithm", *rows.CONTEXT),
    ),
    Action(
        service="kms",
        name="ReEncrypt",
        does=Compute(prepare=reencrypt),
        honours=frozenset(
            {
                *("CiphertextBlob", "SourceEncryptionContext", "SourceKeyId", "GrantTokens"),
                *("DestinationKeyId", "DestinationEncryptionContext"),
                *("SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm"),
            }
        ),
        needs=_needs_of_reencrypt,
        resource_policy=access.attached,
        grants=access.is_granted,
        veils=rows.veil,
        about=rows.about(
            lambda call, asked: tuple(arn for _, arn in _needs_of_reencrypt(call, asked))
        ),
    ),
)
