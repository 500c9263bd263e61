"""Signatures by keys that come in pairs, and secrets that two parties derive from theirs.

Called through the action table; RSA signs in a thread, for it takes milliseconds. Not its
business: codes of messages (`macs`).
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from mallee.aws import errors
from mallee.cloud.action import Compute, Read
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.kms import keys, materials, naming, rows, specs
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import Key, Usage

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_METADATA = ("CustomerMasterKeySpec", "KeySpec", "KeyUsage")


def sign(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Result]:
    """Sign a message, or the digest of one."""
    key, arn = _key(call, asked, "Sign")
    algorithm, kind = asked["SigningAlgorithm"], _hash(asked)

    def work() -> Result:
        private = specs.private_key(materials.opened(box, key))
        if isinstance(private, rsa.RSAPrivateKey):
            signature = private.sign(asked["Message"], _padding(algorithm, kind), _how(asked, kind))
        else:
            signature = private.sign(asked["Message"], ec.ECDSA(_how(asked, kind)))
        return {"KeyId": arn, "Signature": signature, "SigningAlgorithm": algorithm}

    return work


def verify(call: Call, asked: Request, _box: secretbox.SecretBox) -> Callable[[], Result]:
    """Tell whether a signature is a key's; one that is not is an error."""
    key, arn = _key(call, asked, "Verify")
    algorithm, kind = asked["SigningAlgorithm"], _hash(asked)

    def work() -> Result:
        public, signature = specs.public_key(key.public_key), asked["Signature"]
        try:
            if isinstance(public, rsa.RSAPublicKey):
                how = _padding(algorithm, kind)
                public.verify(signature, asked["Message"], how, _how(asked, kind))
            else:
                public.verify(signature, asked["Message"], ec.ECDSA(_how(asked, kind)))
        except InvalidSignature as error:
            raise errors.kms.KMSInvalidSignatureException from error
        return {"KeyId": arn, "SignatureValid": True, "SigningAlgorithm": algorithm}

    return work


def _key(call: Call, asked: Request, operation: str) -> tuple[Key, str]:
    rows.check_tokens(asked)
    record = naming.find(call, asked["KeyId"])
    key = materials.usable(call, record, Usage.SIGN_VERIFY, operation)
    materials.check_algorithm(key, asked["SigningAlgorithm"])
    return key, naming.arn_of(call, record)


def _hash(asked: Request) -> hashes.HashAlgorithm:
    algorithm: str = asked["SigningAlgorithm"]
    kind = _HASHES[algorithm.rpartition("_")[2]]
    message_type: str = asked.get("MessageType") or "RAW"
    if message_type not in ("RAW", "DIGEST"):
        raise errors.ValidationException(f"MessageType {message_type} is not for {algorithm}.")
    if message_type == "DIGEST" and len(asked["Message"]) != kind.digest_size:
        raise errors.ValidationException(f"Digest is invalid length for algorithm {algorithm}.")
    return kind


def _how(asked: Request, kind: hashes.HashAlgorithm) -> utils.Prehashed | hashes.HashAlgorithm:
    return utils.Prehashed(kind) if asked.get("MessageType") == "DIGEST" else kind


def _padding(algorithm: str, kind: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if "_PSS_" in algorithm:
        return padding.PSS(mgf=padding.MGF1(kind), salt_length=kind.digest_size)
    return padding.PKCS1v15()


def public_key(call: Call, asked: Request) -> Result:
    """Return the public half of a pair."""
    rows.check_tokens(asked)
    record = naming.find(call, asked["KeyId"])
    materials.check_state(call, record)
    arn, key = naming.arn_of(call, record), record.doc
    if not key.public_key:
        raise errors.kms.UnsupportedOperationException(
            f"{arn} key spec is {key.spec} which is not valid for GetPublicKey."
        )
    told = keys.render(call, record)
    shown = {name: told[name] for name in told if name in _METADATA or name.endswith("Algorithms")}
    return {"KeyId": arn, "PublicKey": key.public_key, **shown}


def derive(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Result]:
    """Return the secret that a key shares with the owner of a public key."""
    rows.check_tokens(asked)
    record = naming.find(call, asked["KeyId"])
    key = materials.usable(call, record, Usage.KEY_AGREEMENT, "DeriveSharedSecret")
    arn, algorithm = naming.arn_of(call, record), asked["KeyAgreementAlgorithm"]
    materials.check_algorithm(key, algorithm)

    def work() -> Result:
        private = specs.private_key(materials.opened(box, key))
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        try:
            peer = specs.public_key(asked["PublicKey"])
            if not isinstance(peer, ec.EllipticCurvePublicKey):
                raise ValueError("no key of a curve")
            secret = private.exchange(ec.ECDH(), peer)
        except ValueError as error:
            raise errors.ValidationException(
                f"PublicKey is no public key of the spec {key.spec}."
            ) from error
        return {
            "KeyId": arn,
            "SharedSecret": secret,
            "KeyAgreementAlgorithm": algorithm,
            "KeyOrigin": "AWS_KMS",
        }

    return work


_SIGNED = ("Message", "MessageType", "SigningAlgorithm", "GrantTokens")

ACTIONS = (
    rows.of_key("Sign", Compute(prepare=sign, is_slow=True), *_SIGNED),
    rows.of_key("Verify", Compute(prepare=verify), *_SIGNED, "Signature"),
    rows.of_key("GetPublicKey", Read(handle=public_key), "GrantTokens"),
    rows.of_key(
        "DeriveSharedSecret",
        Compute(prepare=derive),
        *("KeyAgreementAlgorithm", "PublicKey", "GrantTokens"),
    ),
)
