"""Keys whose owner brings the material: he keeps a copy, says how long it is good, takes it away.

He gets a public key to wrap it with, and a token, in which the private half is sealed under the
master key: nothing is kept until the material comes. What was brought once is the key's for good;
no other one can take its place. Called through the action table; `forget_when_over` by the
reconciler of keys.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Compute, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.kms import materials, naming, rows, specs
from mallee.cloud.kms.naming import KeyRecord
from mallee.cloud.state import records, store
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import DAY_S, Key, Material, Origin

TOKEN_S = DAY_S
VALID_S_MAX = 365 * DAY_S
_CONTEXT = b"kms import"
_EXPIRES, _STAYS = "KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE"
_HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "256": hashes.SHA256()}
_OAEP, _WITH_AES = "RSAES_OAEP_SHA_", "RSA_AES_KEY_WRAP_SHA_"


class Wrapping(msgspec.Struct, frozen=True, array_like=True):
    """What a token holds."""

    key_id: str
    algorithm: str
    until: float
    secret: bytes


def parameters(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Result]:
    """Return what a material is wrapped with."""
    record = _brought(call, asked)
    materials.check_kept(call, record)
    algorithm: str = asked["WrappingAlgorithm"]
    spec = specs.SPECS.get(asked["WrappingKeySpec"])
    if spec is None or not spec.rsa_bits or not algorithm.startswith((_OAEP, _WITH_AES)):
        raise errors.kms.UnsupportedOperationException(
            f"{algorithm} with {asked['WrappingKeySpec']} is not supported."
        )
    until = call.now + TOKEN_S

    def work() -> Result:
        secret, public = specs.make(spec)
        told = Wrapping(record.id, algorithm, until, secret)
        return {
            "KeyId": naming.arn_of(call, record),
            "ImportToken": box.seal(msgspec.msgpack.encode(told), _CONTEXT),
            "PublicKey": public,
            "ParametersValidTo": until,
        }

    return work


def prepare(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Any]:
    """Return the unwrapping of the material."""
    record = _brought(call, asked)
    materials.check_kept(call, record)
    wrapping = _opened(call, box, asked["ImportToken"])
    if wrapping.key_id != record.id:
        raise errors.kms.InvalidImportTokenException
    return lambda: _material(box, record, asked, wrapping)


def bring(call: WriteCall, asked: Request) -> Result:
    """Give a key its material; the same one again has another end."""
    record = _brought(call, asked)
    materials.check_kept(call, record)
    material, public = call.prepared
    key = record.doc
    if key.imported_id and key.imported_id != material.id:
        raise errors.kms.IncorrectKeyMaterialException(
            "The key material is not the one that was imported into this key before."
        )
    changed = replace(
        key,
        materials=(material,),
        public_key=public,
        imported_id=material.id,
        valid_to=_valid_to(call, asked),
    )
    call.tx.write(record, changed)
    return {"KeyId": naming.arn_of(call, record), "KeyMaterialId": material.id}


def take_away(call: WriteCall, asked: Request) -> Result:
    """Forget the material that was brought; the key waits for it to come again."""
    record = _brought(call, asked)
    materials.check_kept(call, record)
    call.tx.write(record, replace(record.doc, materials=(), valid_to=None))
    told = {"KeyId": naming.arn_of(call, record)}
    return {**told, "KeyMaterialId": record.doc.imported_id} if record.doc.imported_id else told


def is_over(key: Key, now: float) -> bool:
    """Tell whether what was brought is good no longer."""
    return key.valid_to is not None and key.valid_to <= now


def forget_when_over(tx: store.Tx, id: str) -> None:
    """Forget the material that is good no longer."""
    record = tx.get(records.KEY, id)
    if record is not None and is_over(record.doc, tx.now):
        tx.write(record, replace(record.doc, materials=(), valid_to=None))


def _brought(call: Call, asked: Request) -> KeyRecord:
    record = naming.own(call, asked["KeyId"])
    if record.doc.origin is not Origin.EXTERNAL:
        raise errors.kms.UnsupportedOperationException(
            f"{naming.arn_of(call, record)} origin is {record.doc.origin.value} which is not valid "
            "for this operation."
        )
    return record


def _opened(call: Call, box: secretbox.SecretBox, token: bytes) -> Wrapping:
    try:
        wrapping = msgspec.msgpack.decode(box.open(token, _CONTEXT), type=Wrapping)
    except secretbox.Unsealable as error:
        raise errors.kms.InvalidImportTokenException from error
    if wrapping.until <= call.now:
        raise errors.kms.ExpiredImportTokenException
    return wrapping


def _material(
    box: secretbox.SecretBox, record: KeyRecord, asked: Request, wrapping: Wrapping
) -> tuple[Material, bytes]:
    try:
        secret = _unwrapped(wrapping, asked["EncryptedKeyMaterial"])
    except (ValueError, keywrap.InvalidUnwrap) as error:
        raise errors.kms.InvalidCiphertextException from error
    public = specs.public_half(record.doc.spec, secret)
    if public is None:
        raise errors.kms.IncorrectKeyMaterialException(
            f"The key material is none of the spec {record.doc.spec}."
        )
    id = hashlib.sha256(b"mallee imported material" + record.id.encode() + secret).hexdigest()
    sealed = box.seal(secret, record.id.encode())
    return Material(id=id, sealed_secret=sealed, made_at=wrapping.until - TOKEN_S), public


def _unwrapped(wrapping: Wrapping, data: bytes) -> bytes:
    private = specs.private_key(wrapping.secret)
    assert isinstance(private, rsa.RSAPrivateKey)
    kind = _HASHES[wrapping.algorithm.rpartition("_")[2]]
    oaep = padding.OAEP(mgf=padding.MGF1(kind), algorithm=kind, label=None)
    if wrapping.algorithm.startswith(_OAEP):
        return private.decrypt(data, oaep)
    # An AES key comes first, wrapped by RSA, and then the material, wrapped by that.
    size = private.key_size // 8
    aes = private.decrypt(data[:size], oaep)
    return keywrap.aes_key_unwrap_with_padding(aes, data[size:])


def _valid_to(call: WriteCall, asked: Request) -> float | None:
    model, moment = asked.get("ExpirationModel") or _EXPIRES, asked.get("ValidTo")
    if (model == _EXPIRES) is (moment is None):
        raise errors.ValidationException(
            f"A ValidTo date must be set when the ExpirationModel is {_EXPIRES}, and only then."
        )
    if moment is None:
        return None
    at: float = moment.timestamp()
    if not call.tx.now < at <= call.tx.now + VALID_S_MAX:
        raise errors.ValidationException("ValidTo is a date within the next 365 days.")
    return at


ACTIONS = (
    rows.of_key(
        "GetParametersForImport",
        Compute(prepare=parameters, is_slow=True),
        *("WrappingAlgorithm", "WrappingKeySpec"),
    ),
    rows.of_key(
        "ImportKeyMaterial",
        Write(handle=bring, prepare=prepare),
        *("ImportToken", "EncryptedKeyMaterial", "ValidTo", "ExpirationModel"),
    ),
    rows.of_key("DeleteImportedKeyMaterial", Write(handle=take_away)),
)
