"""Keys: made, looked at, switched off and on, and described.

Called through the action table. Not its business: the end of a key (`deletion`), its materials
(`materials`), aliases, tags and policies of keys.
"""

import os
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Compute, Pages, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.kms import managed, materials, naming, policies, rows, specs, tags
from mallee.cloud.kms.naming import KeyRecord
from mallee.cloud.state import records
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import Key, Origin, State, Usage

_ALGORITHMS = {
    Usage.ENCRYPT_DECRYPT: "EncryptionAlgorithms",
    Usage.SIGN_VERIFY: "SigningAlgorithms",
    Usage.GENERATE_VERIFY_MAC: "MacAlgorithms",
    Usage.KEY_AGREEMENT: "KeyAgreementAlgorithms",
}


def prepare(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Any]:
    """Return the making of the key's secret, once it is known to be one that can be made."""
    spec, _ = wanted(asked)
    key_id = materials.new_key_id()
    if _origin(asked) is Origin.EXTERNAL:
        return lambda: (key_id, None, b"")
    return lambda: (key_id, *materials.make(box, key_id, spec, call.now))


def create(call: WriteCall, asked: Request) -> Result:
    """Make a key."""
    spec, usage = wanted(asked)
    key_id, material, public = call.prepared
    given = bool(asked.get("Policy"))
    key = Key(
        id=key_id,
        created_at=call.tx.now,
        spec=spec,
        usage=usage,
        policy=policies.checked(call, asked, key_id) if given else policies.usual(call.account),
        materials=(material,) if material else (),
        origin=_origin(asked),
        public_key=public,
        description=asked.get("Description") or "",
        tags=tags.checked({}, asked.get("Tags") or ()),
    )
    return {"KeyMetadata": render(call, call.tx.insert(records.KEY, call.account, key_id, key))}


def wanted(asked: Request) -> tuple[str, Usage]:
    """Return spec and use of the key that a request wants; raise what is wrong with them."""
    old: str = asked.get("CustomerMasterKeySpec") or ""
    name: str = asked.get("KeySpec") or old or specs.SYMMETRIC
    if old and old != name:
        raise errors.ValidationException(
            "You cannot specify both KeySpec and CustomerMasterKeySpec"
        )
    _origin(asked)
    if asked.get("MultiRegion"):
        raise errors.kms.UnsupportedOperationException("This cloud has one region.")
    spec = specs.SPECS.get(name)
    if spec is None:
        raise errors.kms.UnsupportedOperationException(f"KeySpec {name} is not supported.")
    usage: str = asked.get("KeyUsage") or Usage.ENCRYPT_DECRYPT.value
    if usage not in {one.value for one in spec.usages}:
        raise errors.ValidationException(
            f"KeyUsage {usage} is not compatible with KeySpec {name}"
            if asked.get("KeyUsage")
            else f"You must specify a KeyUsage value for the KeySpec {name}."
        )
    if len(spec.usages) > 1 and not asked.get("KeyUsage"):
        raise errors.ValidationException("You must specify a KeyUsage value for an asymmetric CMK.")
    return name, Usage(usage)


def _origin(asked: Request) -> Origin:
    name: str = asked.get("Origin") or Origin.AWS_KMS.value
    if name not in {one.value for one in Origin}:
        raise errors.kms.UnsupportedOperationException(f"Origin {name} is not supported.")
    return Origin(name)


def describe(call: WriteCall, asked: Request) -> Result:
    """Describe a key; a service's own is made when it is asked about before it was used."""
    rows.check_tokens(asked)
    named: str = asked["KeyId"]
    for service in managed.SERVICES:
        alias = managed.alias_of(service)
        if named in (alias, naming.alias_arn(call, call.account, alias)):
            through = (service, call.settings.region)
            managed.ensure(call.tx, call.box, call.account, through)
    return {"KeyMetadata": render(call, naming.find(call, named))}


def render(call: Call, record: KeyRecord) -> dict[str, Any]:
    """Return a key as KMS describes one."""
    key = record.doc
    algorithms = list(specs.SPECS[key.spec].usages[key.usage])
    shown: dict[str, Any] = {
        "AWSAccountId": record.account,
        "KeyId": key.id,
        "Arn": naming.arn_of(call, record),
        "CreationDate": key.created_at,
        "Enabled": key.state is State.ENABLED,
        "Description": key.description,
        "KeyUsage": key.usage.value,
        "KeyState": key.state.value,
        "DeletionDate": key.deletion_at,
        "Origin": key.origin.value,
        "KeyManager": key.manager.value,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "MultiRegion": False,
        _ALGORITHMS[key.usage]: algorithms,
    }
    if key.spec == specs.SYMMETRIC and key.materials:
        shown["CurrentKeyMaterialId"] = key.newest.id
    if key.origin is Origin.EXTERNAL and key.materials:
        expires = "KEY_MATERIAL_EXPIRES" if key.valid_to else "KEY_MATERIAL_DOES_NOT_EXPIRE"
        shown.update(ExpirationModel=expires, ValidTo=key.valid_to)
    return shown


def _find(call: Call, _asked: Request) -> list[KeyRecord]:
    return call.view.list(records.KEY, call.account)


def _short(call: Call, record: KeyRecord) -> dict[str, str]:
    return {"KeyId": record.id, "KeyArn": naming.arn_of(call, record)}


def enable(call: WriteCall, asked: Request) -> Result:
    """Let a key be used again; twice is once."""
    return _switch(call, asked, is_enabled=True)


def disable(call: WriteCall, asked: Request) -> Result:
    """Let a key be used by nobody; twice is once."""
    return _switch(call, asked, is_enabled=False)


def _switch(call: WriteCall, asked: Request, *, is_enabled: bool) -> Result:
    record = changed(call, asked)
    materials.check_there(call, record)
    call.tx.write(record, replace(record.doc, is_enabled=is_enabled))
    return {}


def changed(call: WriteCall, asked: Request) -> KeyRecord:
    """Return the key that a request changes; raise when it is a service's, or on its way out."""
    record = naming.own(call, asked["KeyId"])
    rows.check_own_to_change(call, record)
    materials.check_kept(call, record)
    return record


def update_description(call: WriteCall, asked: Request) -> Result:
    """Describe a key in other words."""
    record = changed(call, asked)
    call.tx.write(record, replace(record.doc, description=asked["Description"]))
    return {}


def random(_call: Call, asked: Request, _box: secretbox.SecretBox) -> Callable[[], Result]:
    """Return bytes of pure chance."""
    size: int | None = asked.get("NumberOfBytes")
    if size is None:
        raise errors.ValidationException("NumberOfBytes is required.")
    return lambda: {"Plaintext": os.urandom(size)}


def _tagging(_call: Call, asked: Request) -> tuple[str, ...]:
    return ("kms:TagResource",) if asked.get("Tags") else ()


ACTIONS = (
    Action(
        service="kms",
        name="CreateKey",
        does=Write(handle=create, prepare=prepare),
        honours=frozenset(
            {
                *("Policy", "Description", "KeyUsage", "CustomerMasterKeySpec", "KeySpec"),
                *("Origin", "BypassPolicyLockoutSafetyCheck", "Tags", "MultiRegion"),
            }
        ),
        also=_tagging,
    ),
    rows.of_key("DescribeKey", Write(handle=describe), "GrantTokens"),
    rows.of_account(
        "ListKeys",
        Pages(find=_find, render=_short, member="Keys", key=lambda one: one.id, words=rows.WORDS),
    ),
    rows.of_key("EnableKey", Write(handle=enable)),
    rows.of_key("DisableKey", Write(handle=disable)),
    rows.of_key("UpdateKeyDescription", Write(handle=update_description), "Description"),
    rows.of_account("GenerateRandom", Compute(prepare=random), "NumberOfBytes"),
)
