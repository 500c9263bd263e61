"""Under which key a volume or a snapshot is encrypted, and what that takes of the key store.

A new volume has a data key of its own; what is made of an encrypted snapshot has that one's, which
is wrapped anew, under another key of the key store where another one is wanted: the bytes stay as
they are. What was never encrypted gets its key when a volume is made of it. Called by whatever
makes volumes and snapshots, once before the transaction (`uses_of_new`: what the caller must be
allowed) and once in it (`for_new`). Not its business: how bytes are encrypted (`node.do.layers`,
`model.sealedblocks`), who may use a key (`keyuse`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mallee.aws import errors
from mallee.cloud.action import KeyUse
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import accountsettings, resources
from mallee.cloud.kms import managed, naming, onbehalf
from mallee.cloud.state.records import Record
from mallee.model.storage.datakeys import DataKey
from mallee.model.storage.snapshots import Snapshot

CONTEXT = "aws:ebs:id"
"""What EBS says in every encryption context: the volume or snapshot."""
OWN = managed.alias_of("ebs")
_NEW = "new"
"""As what is named in a context that has no id yet."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request says of encryption; None, empty: nothing."""

    encrypted: bool | None = None
    kms_key: str = ""


NOTHING_SAID = Wanted()


@dataclass(frozen=True, slots=True)
class Source:
    """What a new volume or snapshot is made of."""

    account: str
    key: DataKey | None


def source_of(snapshot: Record[Snapshot, Any] | None) -> Source | None:
    """Return what something is made of that is made of a snapshot."""
    return None if snapshot is None else Source(snapshot.account, snapshot.doc.key)


def wanted(asked: Any) -> Wanted:
    """Return what a request, or a mapping's `Ebs`, says; raise what contradicts itself."""
    said = Wanted(asked.get("Encrypted"), asked.get("KmsKeyId") or "")
    if said.kms_key and said.encrypted is False:
        raise errors.InvalidParameterDependency(
            "The parameter KmsKeyId requires the parameter Encrypted to be set to true."
        )
    return said


def key_of(call: Call, wanted: Wanted, source: Source | None) -> str:
    """Return the key, as it is named, under which something new is encrypted; empty: none."""
    settings = accountsettings.of(resources.reader(call), call.account)
    has_source_key = source is not None and source.key is not None
    if wanted.encrypted is False and has_source_key:
        raise errors.InvalidParameterCombination(
            "What is made of an encrypted snapshot is encrypted: Encrypted=false cannot be."
        )
    if not (wanted.encrypted or has_source_key or settings.encrypts_volumes):
        if wanted.kms_key:
            raise errors.InvalidParameterDependency(
                "The parameter KmsKeyId requires the parameter Encrypted to be set."
            )
        return ""
    if wanted.kms_key:
        return wanted.kms_key
    if source is not None and source.key is not None and source.account == call.account:
        return source.key.kms_key
    return settings.volume_key or OWN


def uses_of_new(call: Call, wanted: Wanted, source: Source | None) -> Iterator[KeyUse]:
    """Yield what a new volume or snapshot takes of the key store."""
    key = key_of(call, wanted, source)
    if not key:
        return
    old = source.key if source is not None else None
    if old is None:
        asked = {"KeyId": key, "EncryptionContext": {CONTEXT: _NEW}, "KeySpec": "AES_256"}
        yield KeyUse("GenerateDataKeyWithoutPlaintext", key, asked)
        return
    asked = {
        "SourceKeyId": old.kms_key,
        "SourceEncryptionContext": {CONTEXT: old.bound_to},
        "DestinationKeyId": key,
        "DestinationEncryptionContext": {CONTEXT: _NEW},
        "CiphertextBlob": old.wrapped,
    }
    yield KeyUse("ReEncrypt", old.kms_key, asked)
    yield KeyUse("ReEncrypt", key, asked)


def uses_of_attached(key: DataKey | None, instance_id: str) -> Iterator[KeyUse]:
    """Yield what giving an instance a volume takes: that it be opened for the instance's host."""
    if key is not None:
        asked = {
            "KeyId": key.kms_key,
            "GranteePrincipal": instance_id,
            "Operations": ["Decrypt"],
            "Constraints": {"EncryptionContextSubset": {CONTEXT: key.bound_to}},
        }
        yield KeyUse("CreateGrant", key.kms_key, asked)


def uses_of_launched(key: str) -> Iterator[KeyUse]:
    """Yield what giving a new instance a new volume takes; `key` as it is named, empty: none."""
    if key:
        asked = {"KeyId": key, "GranteePrincipal": _NEW, "Operations": ["Decrypt"]}
        yield KeyUse("CreateGrant", key, asked)


def for_new(call: WriteCall, id: str, wanted: Wanted, source: Source | None) -> DataKey | None:
    """Return the data key of a new volume or snapshot, by its id; None: it is not encrypted."""
    key = key_of(call, wanted, source)
    if not key:
        return None
    old = source.key if source is not None else None
    if old is None:
        arn = _allowed(call, key)
        _, _, wrapped = onbehalf.generate(call, call.box, arn, {CONTEXT: id})
        return DataKey(id=call.entropy(16).hex(), kms_key=arn, wrapped=wrapped, bound_to=id)
    return _rewrapped(call, old, key, id)


def for_copy(call: WriteCall, id: str, wanted: Wanted, source: Source) -> DataKey | None:
    """Return the data key of a copy of a snapshot; None: it is not encrypted.

    Under the key of the key store of its source it has the source's, wrapped anew; under another
    one, a fresh one, so that whoever knew the source's can open nothing of the copy.
    """
    key = key_of(call, wanted, source)
    old = source.key
    if not key or old is None:
        return for_new(call, id, wanted, None)
    rewrapped = _rewrapped(call, old, key, id)
    if rewrapped.kms_key == old.kms_key:
        return rewrapped
    return for_new(call, id, Wanted(encrypted=True, kms_key=key), None)


def _rewrapped(call: WriteCall, old: DataKey, key: str, id: str) -> DataKey:
    """Return the same data key, wrapped for something else."""
    sealed = (_allowed(call, old.kms_key), old.wrapped)
    secret = onbehalf.opened(call, call.box, sealed, {CONTEXT: old.bound_to})
    arn = _allowed(call, key)
    wrapped = onbehalf.wrapped(call, call.box, (arn, secret), {CONTEXT: id})
    return DataKey(id=old.id, kms_key=arn, wrapped=wrapped, bound_to=id)


def _allowed(call: WriteCall, key: str) -> str:
    """Return the ARN of a key that the caller was found to be allowed to use."""
    arn = naming.named(call, key)
    if arn not in call.keys:
        raise errors.Unavailable("Which key is to be used has changed meanwhile. Try again.")
    return arn


def check_shareable(call: Call, key: DataKey | None, *, is_public: bool) -> None:
    """Raise when others could not open what is shared: with everybody, or under EBS's own key."""
    if key is None:
        return
    if is_public:
        raise errors.OperationNotPermitted("Encrypted snapshots cannot be shared publicly")
    own = naming.look(call, OWN)
    if own is not None and key.kms_key == naming.arn_of(call, own):
        raise errors.OperationNotPermitted(
            "Encrypted snapshots with EBS default key cannot be shared"
        )
