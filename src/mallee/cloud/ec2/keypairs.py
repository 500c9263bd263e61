"""Key pairs: made here (the private half is shown once and forgotten) or imported.

Called through the action table. Guests receive the public half from the metadata service.
Fingerprints are AWS's: of an RSA key made here the SHA-1 of its private key (DER, PKCS #8), of an
imported one the MD5 of its public key (DER), of an Ed25519 key the SHA-256 of its SSH form.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import ppk, resources, tagset
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import secretbox
from mallee.model import ids
from mallee.model.compute.keypairs import KeyPair

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

RSA_BITS = 2048
IMPORTED_RSA_BITS = (1024, 2048, 4096)
MAX_NAME_LENGTH = 255

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Shown:
    """A key pair to be described, and whether its public half was asked for."""

    record: Record[KeyPair, Any]
    with_public_key: bool


def make_private(
    call: Call, request: shapes.CreateKeyPairRequest, box: secretbox.SecretBox
) -> Callable[[], PrivateKey]:
    """Return what makes the private half of a key pair; an RSA one takes a tenth of a second."""
    if request.get("KeyType", "rsa") == "ed25519":
        return ed25519.Ed25519PrivateKey.generate
    return partial(rsa.generate_private_key, public_exponent=65537, key_size=RSA_BITS)


def create_key_pair(call: WriteCall, request: shapes.CreateKeyPairRequest) -> shapes.KeyPair:
    """Keep the public half of what `make_private` made; the answer alone holds the private one."""
    private: PrivateKey = call.prepared
    names = (request["KeyName"], tagset.of_new(request, records.KEY_PAIR.name))
    record = _insert(call, names, private.public_key(), _fingerprint_of_made(private))
    as_ppk = request.get("KeyFormat", "pem") == "ppk"
    material = ppk.encode(private, record.doc.name) if as_ppk else _encode_pem(private)
    return {**_identity(record), "KeyMaterial": material}


def _encode_pem(private: PrivateKey) -> str:
    form = (
        serialization.PrivateFormat.TraditionalOpenSSL
        if isinstance(private, rsa.RSAPrivateKey)
        else serialization.PrivateFormat.OpenSSH
    )
    pem = private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return pem.decode()


def import_key_pair(
    call: WriteCall, request: shapes.ImportKeyPairRequest
) -> shapes.ImportKeyPairResult:
    """Keep the public half that the caller brings."""
    public = parse_public_key(request["PublicKeyMaterial"])
    names = (request["KeyName"], tagset.of_new(request, records.KEY_PAIR.name))
    return _identity(_insert(call, names, public, _fingerprint_of_imported(public)))


def delete_key_pair(
    call: WriteCall, request: shapes.DeleteKeyPairRequest
) -> shapes.DeleteKeyPairResult:
    """Forget a key pair; one that is not there is forgotten already, as AWS has it."""
    name, id = request.get("KeyName"), request.get("KeyPairId")
    if name is None and id is None:
        raise errors.MissingParameter("KeyName or KeyPairId")
    if name is not None and id is not None:
        raise errors.InvalidParameterCombination(
            "The parameter KeyName cannot be used with the parameter KeyPairId"
        )
    record = (
        by_name(call.tx, call.account, name)
        if name is not None
        else call.tx.get(records.KEY_PAIR, id or "")
    )
    if record is None or record.account != call.account:
        return {"Return": True}
    call.tx.delete(record)
    call.tx.release(_names(call.account), record.doc.name)
    return {"Return": True, "KeyPairId": record.id}


def by_name(view: store.View | store.Tx, account: str, name: str) -> Record[KeyPair, Any] | None:
    """Return the account's key pair of that name."""
    found = view.by(records.KEY_PAIR, "name", name)
    return next((record for record in found if record.account == account), None)


def parse_public_key(material: bytes) -> PublicKey:
    """Read an OpenSSH line, an RFC 4716 block or base64 of DER; raise `InvalidKey.Format`."""
    for read in (_read_openssh, _read_rfc4716, _read_der):
        key = read(material.strip())
        if isinstance(key, ed25519.Ed25519PublicKey):
            return key
        if isinstance(key, rsa.RSAPublicKey):
            if key.key_size not in IMPORTED_RSA_BITS:
                raise errors.InvalidKeyFormat
            return key
    raise errors.InvalidKeyFormat


def _read_openssh(material: bytes) -> object:
    try:
        return serialization.load_ssh_public_key(material)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _read_rfc4716(material: bytes) -> object:
    lines = material.decode("ascii", "replace").splitlines()
    if not lines or not lines[0].startswith("---- BEGIN SSH2 PUBLIC KEY"):
        return None
    body = "".join(line for line in lines[1:] if ":" not in line and not line.startswith("----"))
    try:
        blob = base64.b64decode(body)
    except binascii.Error:
        return None
    kind = blob[4 : 4 + int.from_bytes(blob[:4], "big")]
    return _read_openssh(kind + b" " + base64.b64encode(blob))


def _read_der(material: bytes) -> object:
    try:
        return serialization.load_der_public_key(base64.b64decode(material, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None


def _insert(
    call: WriteCall, names: tuple[str, dict[str, str]], public: PublicKey, fingerprint: str
) -> Record[KeyPair, Any]:
    name, tags = names
    if not name or len(name) > MAX_NAME_LENGTH or not name.isascii():
        raise errors.InvalidParameterValue(
            f"Value ({name}) for parameter KeyName is invalid. Key names have 1 to "
            f"{MAX_NAME_LENGTH} ASCII characters."
        )
    id = ids.make("key", call.entropy(ids.ID_BYTES))
    try:
        call.tx.claim(_names(call.account), name, id)
    except store.Taken as taken:
        raise errors.InvalidKeyPairDuplicate(name) from taken
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    key_pair = KeyPair(
        id=id,
        name=name,
        kind="rsa" if isinstance(public, rsa.RSAPublicKey) else "ed25519",
        fingerprint=fingerprint,
        public_key=f"{line.decode()} {name}",
        created_at=call.now,
        made_by=call.principal.issuer_id,
        tags=tags,
    )
    return call.tx.insert(records.KEY_PAIR, call.account, id, key_pair)


def _names(account: str) -> str:
    return f"name/key-pair/{account}"


def _fingerprint_of_made(private: PrivateKey) -> str:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return _fingerprint_of_ed25519(private.public_key())
    der = private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return hashlib.sha1(der).digest().hex(":")


def _fingerprint_of_imported(public: PublicKey) -> str:
    if isinstance(public, ed25519.Ed25519PublicKey):
        return _fingerprint_of_ed25519(public)
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.md5(der).digest().hex(":")


def _fingerprint_of_ed25519(public: ed25519.Ed25519PublicKey) -> str:
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    blob = base64.b64decode(line.split()[1])
    return base64.b64encode(hashlib.sha256(blob).digest()).decode()


def _identity(record: Record[KeyPair, Any]) -> shapes.ImportKeyPairResult:
    return {
        "KeyPairId": record.id,
        "KeyName": record.doc.name,
        "KeyFingerprint": record.doc.fingerprint,
        "Tags": tagset.shown(record.doc.tags),
    }


def _find(call: Call, request: shapes.DescribeKeyPairsRequest) -> Iterable[Shown]:
    mine = sorted(call.view.list(records.KEY_PAIR, call.account), key=lambda it: it.doc.name)
    names: list[str] = request.get("KeyNames") or []
    asked = resources.several(call, records.KEY_PAIR, request.get("KeyPairIds") or ())
    wanted = {record.id for record in asked}
    known = {record.doc.name for record in mine}
    for name in names:
        if name not in known:
            raise errors.InvalidKeyPairNotFound(name)
    everything = not names and not wanted
    with_public_key: bool = request.get("IncludePublicKey", False)
    return [
        Shown(record, with_public_key)
        for record in mine
        if everything or record.doc.name in names or record.id in wanted
    ]


def _render(call: Call, shown: Shown) -> shapes.KeyPairInfo:
    key_pair = shown.record.doc
    created = datetime.datetime.fromtimestamp(key_pair.created_at, datetime.UTC)
    return {
        **_identity(shown.record),
        "KeyType": key_pair.kind,
        "CreateTime": created,
        "PublicKey": key_pair.public_key if shown.with_public_key else None,
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateKeyPair",
        does=Write(handle=create_key_pair, prepare=make_private),
        honours=frozenset({"KeyName", "KeyType", "KeyFormat", "TagSpecifications"}),
        creates=(records.KEY_PAIR.name,),
    ),
    Action(
        service="ec2",
        name="ImportKeyPair",
        does=Write(handle=import_key_pair),
        honours=frozenset({"KeyName", "PublicKeyMaterial", "TagSpecifications"}),
        creates=(records.KEY_PAIR.name,),
    ),
    Action(
        service="ec2",
        name="DeleteKeyPair",
        does=Write(handle=delete_key_pair),
        honours=frozenset({"KeyName", "KeyPairId"}),
    ),
    Action(
        service="ec2",
        name="DescribeKeyPairs",
        does=Listing(
            find=_find,
            render=_render,
            member="KeyPairs",
            filters={
                "key-pair-id": lambda call, shown: (shown.record.id,),
                "key-name": lambda call, shown: (shown.record.doc.name,),
                "fingerprint": lambda call, shown: (shown.record.doc.fingerprint,),
            },
            tags=lambda shown: shown.record.doc.tags,
            key=lambda shown: shown.record.doc.name,
        ),
        honours=frozenset({"KeyNames", "KeyPairIds", "IncludePublicKey"}),
    ),
)
