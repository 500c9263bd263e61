"""The context keys of volumes and snapshots: of one that is there, or is to be made.

Joined into EC2's own (`ec2.contextkeys`).
"""

from collections.abc import Callable, Mapping
from typing import Any

from mallee.aws import errors
from mallee.aws.policy.texts import Values
from mallee.cloud import things
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, zones
from mallee.cloud.ec2.images import sharing
from mallee.cloud.ec2.storage import ebskeys, launchdisks, snapshotsharing, volumetypes
from mallee.cloud.identity.question import Finder, Question, thing
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.storage.snapshots import NO_VOLUME
from mallee.model.storage.volumes import Volume


def _of_volume(
    made: Callable[[Question], Any], there: Callable[[Volume], Any] | None = None
) -> Finder:
    """Return what finds something of a volume: of one to be made, and of one that is there."""

    def find(question: Question) -> str | None:
        if not is_volume(question):
            return None
        if question.resource.endswith("/*"):
            value = made(question)
        else:
            doc = thing(question)
            value = there(doc) if there is not None and doc is not None else None
        return None if value in (None, "", 0) else str(value)

    return find


def is_volume(question: Question) -> bool:
    """Tell whether it is a volume that is asked about."""
    return things.kind_of(question.resource) == records.VOLUME.name


def owner(question: Question) -> str | None:
    """Return whose a snapshot is that the caller may use."""
    found = _snapshot(question)
    return found.account if found else None


def _snapshot(question: Question) -> snapshotsharing.SnapshotRecord | None:
    """Return the snapshot that is asked about: the caller's, or one that he may use."""
    if not _is_snapshot(question):
        return None
    call = question.call
    found = call.view.get(records.SNAPSHOT, question.resource.rpartition("/")[2])
    if found is None or not snapshotsharing.may_use(call.view, found, call.account):
        return None
    return found


_OLD_STYLE = {"UserIds": "UserId", "GroupNames": "Group", "UserGroups": "Group"}


def _changed(change: str) -> Callable[[Question], dict[str, Values]]:
    """Return what finds who is given a permission, or loses it (`add`, `remove`)."""

    def find(question: Question) -> dict[str, Values]:
        asked: Mapping[str, Any] = question.asked
        said: list[Mapping[str, str]] = []
        for member in ("CreateVolumePermission", "LaunchPermission"):
            wanted: Mapping[str, list[Mapping[str, str]]] = asked.get(member) or {}
            said += wanted.get(change.capitalize()) or ()
        if asked.get("OperationType") == change:
            for member, shown in _OLD_STYLE.items():
                texts: list[str] = asked.get(member) or []
                said += [{shown: one} for one in texts]
        found = {
            shown: tuple(one[member] for one in said if member in one)
            for member, shown in (("UserId", "userid"), ("Group", "group"))
        }
        return {shown: values for shown, values in found.items() if values}

    return find


def _keys_of(find: Callable[[Question], dict[str, Values]]) -> Finder:
    return lambda question: tuple(find(question)) or None


def _lock(member: str) -> Finder:
    """Return what finds a number that a lock shall have."""
    return lambda question: _number_text(question, member)


def _number_text(question: Question, member: str) -> str | None:
    value = question.asked.get(member) if _is_snapshot(question) else None
    return None if value is None else str(value)


def zone(question: Question) -> str | None:
    """Return the zone in which a volume is, or is to be."""
    doc = thing(question)
    if doc is not None:
        return doc.zone
    asked, call = question.asked, question.call
    zone_id = asked.get("AvailabilityZoneId")
    for name in zones.names(call.view, call.settings):
        if name == asked.get("AvailabilityZone") or (
            zone_id and zones.id_of(name, call.settings.region) == zone_id
        ):
            return name
    return asked.get("AvailabilityZone")


def _id(question: Question) -> str | None:
    id = question.resource.rpartition("/")[2]
    return id if is_volume(question) and id != "*" else None


def _is_snapshot(question: Question) -> bool:
    return things.kind_of(question.resource) == records.SNAPSHOT.name


def _snapshot_id(question: Question) -> str | None:
    id = question.resource.rpartition("/")[2]
    return id if _is_snapshot(question) and id != "*" else None


def _snapshot_time(question: Question) -> str | None:
    found = _snapshot(question)
    return None if found is None else resources.moment(found.doc.started_at)


def _parent_volume(question: Question) -> str | None:
    """Return the ARN of the volume that a snapshot is of, or will be."""
    if not _is_snapshot(question):
        return None
    found, call = _snapshot(question), question.call
    id = question.asked.get("VolumeId") if found is None else found.doc.volume_id
    if not id or id == NO_VOLUME:
        return None
    account = call.account if found is None else found.account
    return things.of_ec2(call.settings.region, account, records.VOLUME.name, id)


_volume_size = _of_volume(lambda question: question.asked.get("Size"), lambda doc: doc.size_gib)


def _size(question: Question) -> Values | None:
    found = _snapshot(question)
    return _volume_size(question) if found is None else str(found.doc.size_gib)


def _number(name: str) -> Callable[[Question], int | None]:
    """Return what finds a number that a volume to be made will have, said or not."""

    def find(question: Question) -> int | None:
        asked = question.asked
        try:
            numbers = volumetypes.checked(
                volumetypes.Asked(
                    type=asked.get("VolumeType") or volumetypes.DEFAULT,
                    size_gib=asked.get("Size") or 0,
                    iops=asked.get("Iops"),
                    throughput=asked.get("Throughput"),
                )
            )
        except (errors.AwsError, KeyError):
            # It will not be made like this; what was said is what can be asked about.
            return asked.get(name)
        return numbers.iops if name == "Iops" else numbers.throughput

    return find


def _is_encrypted(question: Question) -> str | None:
    if not (is_volume(question) or _is_snapshot(question)):
        return None
    launched = _launched(question)
    if launched is not None:
        return str(all(launched)).lower()
    return str(bool(_kms_key(question))).lower()


def _launched(question: Question) -> list[str] | None:
    """Return under which key each volume of a launch would be; None: it is none.

    A launch is asked about once for all its volumes: they are encrypted if each of them is.
    """
    call, asked = question.call, question.asked
    if question.row.name != "RunInstances":
        return None
    image = call.view.get(records.IMAGE, ids.normalise(asked.get("ImageId") or ""))
    if image is None or not sharing.may_use(image, call.account):
        return []
    try:
        return launchdisks.keys_named(call, asked, image)
    except errors.AwsError:
        # It will not be launched like this.
        return [""]


def _kms_key(question: Question) -> str | None:
    """Return the key under which a volume or snapshot is encrypted, or will be."""
    found = _snapshot(question) if _is_snapshot(question) else None
    doc: Any = thing(question) if found is None else found.doc
    if doc is not None:
        return None if doc.key is None else doc.key.kms_key
    call, asked = question.call, question.asked
    launched = _launched(question)
    if launched is not None:
        return launched[0] if len(set(launched)) == 1 and launched[0] else None
    if _is_snapshot(question) and asked.get("VolumeId"):
        source = _source(call, asked["VolumeId"], None)
        return source.key.kms_key if source and source.key else None
    try:
        of_snapshot = asked.get("SnapshotId") or asked.get("SourceSnapshotId")
        source = _source(call, asked.get("SourceVolumeId"), of_snapshot)
        return ebskeys.key_of(call, ebskeys.wanted(asked), source) or None
    except errors.AwsError:
        # It will not be made like this; what was said is what can be asked about.
        return asked.get("KmsKeyId")


def _source(call: Call, volume_id: str | None, snapshot_id: str | None) -> ebskeys.Source | None:
    """Return of what a volume or snapshot is to be made; None: of nothing that is the caller's."""
    if volume_id:
        volume = call.view.get(records.VOLUME, volume_id)
        is_own = volume is not None and volume.account == call.account
        return ebskeys.Source(volume.account, volume.doc.key) if volume and is_own else None
    if snapshot_id:
        return ebskeys.source_of(snapshotsharing.usable(call, snapshot_id))
    return None


_added, _removed = _changed("add"), _changed("remove")

FINDERS: Mapping[str, Finder] = {
    "ec2:add": _keys_of(_added),
    "ec2:encrypted": _is_encrypted,
    "ec2:kmskeyid": lambda question: _kms_key(question) if is_volume(question) else None,
    "ec2:parentsnapshot": _of_volume(
        lambda question: question.asked.get("SnapshotId"), lambda doc: doc.snapshot_id
    ),
    "ec2:parentvolume": _parent_volume,
    "ec2:remove": _keys_of(_removed),
    "ec2:snapshotcooloffperiod": _lock("CoolOffPeriod"),
    "ec2:snapshotid": _snapshot_id,
    "ec2:snapshotlockduration": _lock("LockDuration"),
    "ec2:snapshottime": _snapshot_time,
    "ec2:volumeid": _id,
    "ec2:volumeiops": _of_volume(_number("Iops"), lambda doc: doc.iops),
    "ec2:volumesize": _size,
    "ec2:volumethroughput": _of_volume(_number("Throughput"), lambda doc: doc.throughput),
    "ec2:volumetype": _of_volume(
        lambda question: question.asked.get("VolumeType") or volumetypes.DEFAULT,
        lambda doc: doc.type,
    ),
}

FAMILIES: Mapping[str, Callable[[Question, str], Values | None]] = {
    "ec2:add": lambda question, name: _added(question).get(name),
    "ec2:remove": lambda question, name: _removed(question).get(name),
}
