"""What a run of a schedule makes of a target, and what of it is old: pure but for reading.

Called by `reconcile.lifecycles`. What was made is known by its policy's tags alone, which nobody
can give but the cloud, and nothing else is ever named here for deletion.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from mallee.cloud.call import Result, WriteCall
from mallee.cloud.dlm import everything
from mallee.cloud.dlm.naming import PolicyRecord
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute.instances import Power
from mallee.model.images.images import Image
from mallee.model.storage.lifecycles import (
    TAG_EXPIRES,
    TAG_MANAGED,
    TAG_POLICY,
    TAG_SCHEDULE,
    Policy,
    Schedule,
    Tag,
    Target,
    Type,
    has_one,
    is_target,
)
from mallee.model.storage.snapshots import Snapshot, SnapshotSeen
from mallee.model.storage.volumes import ROOT_SLOT

NAME_MAX = 128
SnapshotRecord = Record[Snapshot, SnapshotSeen]
ImageRecord = Record[Image, None]
Reader = store.View | store.Tx


def targets(view: Reader, policy: PolicyRecord, due: float) -> tuple[str, ...]:
    """Return the ids of what a policy is about now, in a run of a time."""
    doc, account = policy.doc, policy.account
    if doc.default is not None:
        return everything.targets(view, policy, due)
    if doc.target is Target.INSTANCE:
        found = (
            instance.id
            for instance in view.list(records.INSTANCE, account)
            if instance.doc.gone_at is None
            and instance.doc.power is not Power.TERMINATED
            and is_target(doc, instance.doc.tags)
        )
        return tuple(sorted(found))
    volumes = (
        volume.id
        for volume in view.list(records.VOLUME, account)
        if volume.doc.deleted_at is None
        and volume.doc.binned is None
        and is_target(doc, volume.doc.tags)
    )
    return tuple(sorted(volumes))


def request(
    view: Reader, policy: PolicyRecord, schedule: Schedule, what: tuple[str, float]
) -> tuple[str, dict[str, Any]]:
    """Return the action by which a target is done now, and what it is asked."""
    doc, (target, now) = policy.doc, what
    description = f"Created for policy: {policy.id} schedule: {schedule.name}"
    tags = _given(view, doc, schedule, what)
    if doc.type is Type.IMAGES:
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H-%M-%S")
        name = f"{schedule.name[:60]} {target} {stamp}".strip()
        return "CreateImage", {
            "InstanceId": target,
            "Name": name[:NAME_MAX],
            "Description": description,
            "NoReboot": doc.no_reboot,
            **_specified(("image", "snapshot"), tags),
        }
    if doc.target is Target.VOLUME:
        asked = {"VolumeId": target, "Description": description}
        return "CreateSnapshot", {**asked, **_specified(("snapshot",), tags)}
    which: dict[str, Any] = {"InstanceId": target}
    if doc.exclude_boot_volume:
        which["ExcludeBootVolume"] = True
    if left_out := _left_out(view, doc, target):
        which["ExcludeDataVolumeIds"] = left_out
    asked = {"InstanceSpecification": which, "Description": description}
    if schedule.copy_tags:
        asked["CopyTagsFromSource"] = "volume"
    return "CreateSnapshots", {**asked, **_specified(("snapshot",), tags)}


def _left_out(view: Reader, policy: Policy, instance_id: str) -> list[str]:
    """Return the volumes of an instance, its root aside, that shall be left out."""
    return sorted(
        volume.id
        for volume in view.by(records.VOLUME, "instance", instance_id)
        if has_one(policy.exclude_data_tags, volume.doc.tags)
        and not any(
            one.instance_id == instance_id and one.slot == ROOT_SLOT
            for one in volume.doc.attachments
        )
    )


def _given(
    view: Reader, policy: Policy, schedule: Schedule, what: tuple[str, float]
) -> dict[str, str]:
    """Return the tags that are asked for as anybody could."""
    target, now = what
    tags: dict[str, str] = {}
    if schedule.copy_tags and (policy.target is Target.VOLUME or policy.type is Type.IMAGES):
        kind: Any = records.VOLUME if policy.target is Target.VOLUME else records.INSTANCE
        source = view.get(kind, target)
        own: Mapping[str, str] = source.doc.tags if source else {}
        tags |= {key: value for key, value in own.items() if not key.startswith("aws:")}
    tags |= {tag.key: tag.value for tag in schedule.tags}
    stamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    for tag in schedule.variable_tags:
        value = tag.value.replace("$(instance-id)", target).replace("$(timestamp)", stamp)
        tags[tag.key] = value
    return tags


def _specified(kinds: tuple[str, ...], tags: Mapping[str, str]) -> dict[str, Any]:
    if not tags:
        return {}
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": listed} for kind in kinds]}


def mark(call: WriteCall, policy: PolicyRecord, schedule: Schedule, made: Result) -> None:
    """Give what was made the tags of its policy, in the transaction in which it was made."""
    tags = {TAG_POLICY: policy.id, TAG_SCHEDULE: schedule.name, TAG_MANAGED: "true"}
    if schedule.keep.age_s:
        until = datetime.fromtimestamp(call.now + schedule.keep.age_s, UTC)
        tags[TAG_EXPIRES] = until.isoformat(timespec="seconds")
    for kind, id in _made(call, made):
        record = call.tx.get(kind, id)
        if record is None:
            continue
        doc: Any = replace(record.doc, tags={**record.doc.tags, **tags})
        if kind is records.IMAGE and schedule.deprecate is not None:
            doc = replace(doc, deprecated_at=call.now + schedule.deprecate.age_s)
        call.tx.write(record, doc)


def _made(call: WriteCall, result: Result) -> Iterator[tuple[records.Kind[Any, Any], str]]:
    """Yield the things in the result of one of the actions by which things are made."""
    shown: Any = result
    if "ImageId" in shown:
        image = call.tx.get(records.IMAGE, shown["ImageId"])
        yield records.IMAGE, shown["ImageId"]
        for mapping in image.doc.mappings if image else ():
            if mapping.snapshot_id:
                yield records.SNAPSHOT, mapping.snapshot_id
    for one in shown.get("Snapshots") or ([shown] if "SnapshotId" in shown else []):
        yield records.SNAPSHOT, one["SnapshotId"]


# --- what is old ---


def old_snapshots(
    view: Reader, policy: PolicyRecord, schedule: Schedule, now: float
) -> tuple[str, ...]:
    """Return the snapshots of a schedule that are kept no longer, the oldest first."""
    by_volume: dict[str, list[SnapshotRecord]] = {}
    for record in view.list(records.SNAPSHOT, policy.account):
        if record.doc.binned is None and _is_of(policy, schedule, record.doc.tags):
            by_volume.setdefault(record.doc.volume_id, []).append(record)
    found: list[SnapshotRecord] = []
    for volume_id, own in by_volume.items():
        own.sort(key=lambda record: (record.doc.started_at, record.id))
        if schedule.keep.count:
            found += own[: -schedule.keep.count]
            continue
        # The last of a volume that is gone is its owner's to delete.
        is_gone = policy.doc.on_shared is None and view.get(records.VOLUME, volume_id) is None
        last = own[-1] if is_gone else None
        found += [
            record
            for record in own
            if record is not last and now - record.doc.started_at >= schedule.keep.age_s
        ]
    return tuple(record.id for record in sorted(found, key=lambda it: (it.doc.started_at, it.id)))


def old_images(
    view: Reader, policy: PolicyRecord, schedule: Schedule, now: float
) -> tuple[str, ...]:
    """Return the images of a schedule that are kept no longer, the oldest first."""
    by_source: dict[str, list[ImageRecord]] = {}
    for record in view.list(records.IMAGE, policy.account):
        doc = record.doc
        is_there = doc.state != "deregistered" and doc.binned is None
        if is_there and _is_of(policy, schedule, doc.tags):
            by_source.setdefault(doc.source_instance_id, []).append(record)
    found: list[ImageRecord] = []
    for instance_id, own in by_source.items():
        own.sort(key=lambda record: (record.doc.created_at, record.id))
        if schedule.keep.count:
            found += own[: -schedule.keep.count]
            continue
        # The last of an instance that is gone is its owner's to deregister.
        source = view.get(records.INSTANCE, instance_id)
        last = own[-1] if source is None or source.doc.gone_at is not None else None
        found += [
            it for it in own if it is not last and now - it.doc.created_at >= schedule.keep.age_s
        ]
    return tuple(record.id for record in sorted(found, key=lambda it: (it.doc.created_at, it.id)))


def _is_of(policy: PolicyRecord, schedule: Schedule, tags: Mapping[str, str]) -> bool:
    return has_one((Tag(TAG_POLICY, policy.id),), tags) and has_one(
        (Tag(TAG_SCHEDULE, schedule.name),), tags
    )
