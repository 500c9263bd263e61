"""The context keys of volumes and snapshots: of one that is there, or is to be made.

Joined into EC2's own (`ec2.contextkeys`).
"""

from collections.abc import Callable, Mapping
from typing import Any

from mallee.aws import errors
from mallee.aws.policy.texts import Values
from mallee.cloud import things
from mallee.cloud.ec2 import resources, zones
from mallee.cloud.ec2.storage import volumetypes
from mallee.cloud.identity.question import Finder, Question, thing
from mallee.cloud.state import records
from mallee.model.volumes import Volume


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
    """Return whose a snapshot is."""
    return question.call.account if _is_snapshot(question) and thing(question) else None


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
    doc = thing(question) if _is_snapshot(question) else None
    return None if doc is None else resources.moment(doc.started_at)


def _parent_volume(question: Question) -> str | None:
    """Return the ARN of the volume that a snapshot is of, or will be."""
    if not _is_snapshot(question):
        return None
    doc, call = thing(question), question.call
    id = question.asked.get("VolumeId") if doc is None else doc.volume_id
    region = call.settings.region
    return things.of_ec2(region, call.account, records.VOLUME.name, id) if id else None


_volume_size = _of_volume(lambda question: question.asked.get("Size"), lambda doc: doc.size_gib)


def _size(question: Question) -> Values | None:
    doc = thing(question) if _is_snapshot(question) else None
    return _volume_size(question) if doc is None else str(doc.size_gib)


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
    if _is_snapshot(question):
        return "false"
    if not is_volume(question):
        return None
    return "true" if question.asked.get("Encrypted") else "false"


FINDERS: Mapping[str, Finder] = {
    "ec2:encrypted": _is_encrypted,
    "ec2:kmskeyid": _of_volume(lambda question: question.asked.get("KmsKeyId")),
    "ec2:parentsnapshot": _of_volume(
        lambda question: question.asked.get("SnapshotId"), lambda doc: doc.snapshot_id
    ),
    "ec2:parentvolume": _parent_volume,
    "ec2:snapshotid": _snapshot_id,
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
