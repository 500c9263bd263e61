"""Rotation: a key gets a new material, and what older ones sealed still opens.

By itself after so many days (`reconcile.kmskeys`), or when it is asked for. Only symmetric keys
that encrypt have it. Called through the action table.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Pages, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.kms import keys, materials, naming, rows, specs
from mallee.cloud.kms.naming import KeyRecord
from mallee.cloud.state import records, store
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import ROTATION_DAYS, Key, Material, Origin

ASKED_FOR_MAX = 25
"""How often a key is rotated when asked."""
AUTOMATIC, ON_DEMAND = "AUTOMATIC", "ON_DEMAND"


def enable(call: WriteCall, asked: Request) -> Result:
    """Have a key rotated by itself; again with other days they are counted from now."""
    record = _rotated(call, asked)
    days: int = asked.get("RotationPeriodInDays", record.doc.rotation_days or ROTATION_DAYS)
    if days != record.doc.rotation_days:
        doc = replace(record.doc, rotation_days=days, rotation_from=call.tx.now)
        call.tx.write(record, doc)
    return {}


def disable(call: WriteCall, asked: Request) -> Result:
    """Have a key rotated by itself no longer; twice is once."""
    record = _rotated(call, asked)
    call.tx.write(record, replace(record.doc, rotation_days=None))
    return {}


def status(call: Call, asked: Request) -> Result:
    """Tell whether a key is rotated by itself, and when next."""
    record = naming.find(call, asked["KeyId"])
    _check_sort(call, record)
    key = record.doc
    return {
        "KeyId": naming.arn_of(call, record),
        "KeyRotationEnabled": key.rotation_days is not None,
        "RotationPeriodInDays": key.rotation_days,
        "NextRotationDate": key.next_rotation_at,
    }


def prepare(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Any]:
    """Return the making of a material for the key that is asked for."""
    record = naming.own(call, asked["KeyId"])
    return lambda: (record.id, materials.make(box, record.id, specs.SYMMETRIC, call.now)[0])


def rotate(call: WriteCall, asked: Request) -> Result:
    """Give a key a new material now; when it is next rotated by itself stays as it was."""
    record = _rotated(call, asked)
    key_id, material = call.prepared
    if key_id != record.id:
        raise errors.kms.ConflictException("The alias was moved meanwhile.")
    done = sum(one.rotation == ON_DEMAND for one in record.doc.materials)
    if done >= ASKED_FOR_MAX:
        raise errors.kms.LimitExceededException(
            f"A key is rotated on demand {ASKED_FOR_MAX} times at most."
        )
    call.tx.write(record, _with(record.doc, material, ON_DEMAND, call.tx.now))
    return {"KeyId": naming.arn_of(call, record)}


def rotate_when_due(tx: store.Tx, box: secretbox.SecretBox, id: str) -> None:
    """Give a key a new material if its days are over; one that is switched off waits."""
    record = tx.get(records.KEY, id)
    if record is None or not is_due(record.doc, tx.now):
        return
    material, _ = materials.make(box, id, record.doc.spec, tx.now)
    rotated = _with(record.doc, material, AUTOMATIC, tx.now)
    tx.write(record, replace(rotated, rotation_from=tx.now))


def is_due(key: Key, now: float) -> bool:
    """Tell whether a key is to be rotated."""
    at = key.next_rotation_at
    return at is not None and at <= now and key.is_enabled


def _with(key: Key, material: Material, why: str, now: float) -> Key:
    added = replace(material, rotation=why, made_at=now)
    return replace(key, materials=(*key.materials, added))


def _rotated(call: WriteCall, asked: Request) -> KeyRecord:
    """Return a key whose rotation a request changes."""
    record = keys.changed(call, asked)
    _check_sort(call, record)
    materials.check_state(call, record)
    return record


def _check_sort(call: Call, record: KeyRecord) -> None:
    if record.doc.spec != specs.SYMMETRIC:
        raise errors.kms.UnsupportedOperationException(
            f"{naming.arn_of(call, record)} key spec is {record.doc.spec}, which is not rotated."
        )
    if record.doc.origin is Origin.EXTERNAL:
        raise errors.kms.UnsupportedOperationException(
            f"{naming.arn_of(call, record)} origin is EXTERNAL which is not valid for this "
            "operation."
        )


def _find(call: Call, asked: Request) -> list[tuple[KeyRecord, Material]]:
    record = naming.own(call, asked["KeyId"])
    _check_sort(call, record)
    found = list(record.doc.materials)
    if asked.get("IncludeKeyMaterial") != "ALL_KEY_MATERIAL":
        found = [one for one in found if one.rotation]
    return [(record, one) for one in found]


def _render(call: Call, item: tuple[KeyRecord, Material]) -> dict[str, Any]:
    record, material = item
    is_current = material.id == record.doc.newest.id
    return {
        "KeyId": naming.arn_of(call, record),
        "KeyMaterialId": material.id,
        "KeyMaterialState": "CURRENT" if is_current else "NON_CURRENT",
        "RotationDate": material.made_at if material.rotation else None,
        "RotationType": material.rotation or None,
    }


def _order(item: tuple[KeyRecord, Material]) -> str:
    record, material = item
    return f"{record.doc.materials.index(material):06}"


ACTIONS = (
    rows.of_key("EnableKeyRotation", Write(handle=enable), "RotationPeriodInDays"),
    rows.of_key("DisableKeyRotation", Write(handle=disable)),
    rows.of_key("GetKeyRotationStatus", Read(handle=status)),
    rows.of_key("RotateKeyOnDemand", Write(handle=rotate, prepare=prepare)),
    rows.of_key(
        "ListKeyRotations",
        Pages(find=_find, render=_render, member="Rotations", key=_order, words=rows.WORDS),
        "IncludeKeyMaterial",
    ),
)
