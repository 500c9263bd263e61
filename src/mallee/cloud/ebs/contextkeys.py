"""The context keys of the EBS direct APIs: of a snapshot that is to be started."""

from collections.abc import Mapping

from mallee.cloud.identity.question import Finder, Question


def _of_start(member: str) -> Finder:
    """Return what finds a member of a request to start a snapshot."""

    def find(question: Question) -> str | None:
        if question.row.permission != "ebs:StartSnapshot":
            return None
        value = question.asked.get(member)
        return None if value is None else str(value)

    return find


FINDERS: Mapping[str, Finder] = {
    "ebs:description": _of_start("Description"),
    "ebs:parentsnapshot": _of_start("ParentSnapshotId"),
    "ebs:volumesize": _of_start("VolumeSize"),
}
