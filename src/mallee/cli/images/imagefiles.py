"""`mallee images import` and `export`: a disk in a file becomes an image, and an image a file.

Each is one command for what takes several calls: a bucket, an upload in parts, an import with its
progress, a name; and back. The file passes through a bucket of the caller's, and does not stay.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mallee.box import steps
from mallee.cli import client, progress, words
from mallee.cli.images import customising
from mallee.cli.objects import buckettransfers
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout
from mallee.model.storage import partitions

LOOK_S = 1.0
TASK_S = 24 * 3600.0
_FORMATS = {".qcow2": "QCOW2", ".vmdk": "VMDK", ".vhd": "VHD", ".vhdx": "VHDX", ".ova": "OVA"}
_RAW = (".raw", ".img")
_OUT = ("vmdk", "vhd", "raw")

Say = Callable[[str], None]


@dataclass(slots=True)
class _Import:
    """One file on its way in."""

    layout: Layout
    file: Path
    bucket: str
    name: str
    description: str
    format: str
    is_snapshot: bool
    made: str = ""

    @property
    def key(self) -> str:
        """The object's."""
        return f"import/{self.file.name}"

    def look(self, say: Say) -> str:
        """Look at the file, before it is sent."""
        size = self.file.stat().st_size
        if self.file.suffix.lower() not in _RAW:
            return f"{size >> 20} MiB"
        with self.file.open("rb") as opened:

            def read(offset: int, length: int) -> bytes:
                opened.seek(offset)
                return opened.read(length)

            found = partitions.find(read, size)
        if not self.is_snapshot and not found.boot_mode and not found.is_root_file_system:
            raise steps.Failed(
                f"{self.file} has no boot loader: nothing would start",
                "`--snapshot` makes a snapshot of it, for a volume",
            )
        return f"{size >> 20} MiB, {_in_words(found)}"

    def send(self, say: Say) -> str:
        """Bring the file into the bucket."""
        sent = buckettransfers.send(self.layout, (self.bucket, self.key), self.file, say)
        return f"s3://{self.bucket}/{self.key}, {sent >> 20} MiB"

    def convert(self, say: Say) -> str:
        """Have it imported; wait for the end."""
        try:
            task = _snapshot(self, say) if self.is_snapshot else _image(self, say)
        finally:
            buckettransfers.delete(self.layout, (self.bucket, self.key))
        self.made = task
        return task

    def rename(self, say: Say) -> str:
        """Give the image its name: what was imported is called as its task."""
        region = client.settings(self.layout).region
        wanted = {
            "Name": self.name,
            "SourceImageId": self.made,
            "SourceRegion": region,
            "Description": self.description,
        }
        copied = client.call(self.layout, "ec2", "CopyImage", wanted)["ImageId"]
        former = {"ImageId": self.made, "DeleteAssociatedSnapshots": True}
        client.call(self.layout, "ec2", "DeregisterImage", former)
        self.made = copied
        return f"{copied} {self.name}"


def import_file(
    file: Path,
    *,
    name: str = "",
    description: str = "",
    format: str = "",
    bucket: str = "",
    snapshot: bool = False,
    root: Root = DEFAULT,
) -> None:
    """Make an image of a disk in a file, whatever made it: qcow2, VMDK, OVA, VHD, VHDX, raw.

    Parameters
    ----------
    file
        The file; `.gz` and `.xz` are taken too.
    name
        What the image is called; the file's name without its ending, unless said.
    description
        What is said of it.
    format
        What the file is, where its name does not say it.
    bucket
        The bucket that it passes through; one of the account's own is made unless said.
    snapshot
        Make a snapshot, for volumes, and no image.
    """
    layout = Layout(root)
    if not file.is_file():
        raise steps.Failed(f"there is no file {file}", "mallee images import --help")
    if not snapshot:
        customising.check_name(layout, name or file.name.partition(".")[0])
    one = _Import(
        layout=layout,
        file=file,
        bucket=bucket or buckettransfers.own_bucket(layout),
        name=name or file.name.partition(".")[0],
        description=description,
        format=(format or _FORMATS.get(file.suffix.lower(), "")).upper(),
        is_snapshot=snapshot,
    )
    todo = [
        steps.Step(f"Look at {file.name}", one.look),
        steps.Step("Bring it into a bucket", one.send),
        steps.Step("Make a snapshot of it" if snapshot else "Make an image of it", one.convert),
    ]
    if not snapshot:
        todo.append(steps.Step("Give it its name", one.rename))
    progress.run(todo)
    words.give(one.made)


def _image(one: _Import, say: Say) -> str:
    disk: dict[str, Any] = {"UserBucket": {"S3Bucket": one.bucket, "S3Key": one.key}}
    if one.format:
        disk["Format"] = one.format
    asked = {"DiskContainers": [disk], "Description": one.description}
    id = client.call(one.layout, "ec2", "ImportImage", asked)["ImportTaskId"]
    for task in _looks(one.layout, "DescribeImportImageTasks", "ImportImageTasks", id):
        if task["Status"] == "completed":
            return task["ImageId"]
        _go_on(task["Status"], task.get("StatusMessage", ""), task.get("Progress", "0"), say)
    raise AssertionError("looking ends with the task")


def _snapshot(one: _Import, say: Say) -> str:
    disk: dict[str, Any] = {"UserBucket": {"S3Bucket": one.bucket, "S3Key": one.key}}
    if one.format:
        disk["Format"] = one.format
    asked = {"DiskContainer": disk, "Description": one.description}
    id = client.call(one.layout, "ec2", "ImportSnapshot", asked)["ImportTaskId"]
    for task in _looks(one.layout, "DescribeImportSnapshotTasks", "ImportSnapshotTasks", id):
        detail = task["SnapshotTaskDetail"]
        if detail["Status"] == "completed":
            return detail["SnapshotId"]
        _go_on(detail["Status"], detail.get("StatusMessage", ""), detail.get("Progress", "0"), say)
    raise AssertionError("looking ends with the task")


def _go_on(status: str, message: str, percent: str, say: Say) -> None:
    if status in ("deleted", "failed", "cancelled"):
        said = message.removeprefix("ClientError: ")
        raise steps.Failed(said or f"the task is {status}", "")
    say(f"{message or status} {percent} %")


def _looks(layout: Layout, action: str, member: str, id: str) -> Iterator[dict[str, Any]]:
    """Yield a task again and again, as it is then."""
    names = "ExportImageTaskIds" if action == "DescribeExportImageTasks" else "ImportTaskIds"
    ends_at = time.monotonic() + TASK_S
    while time.monotonic() < ends_at:
        yield client.call(layout, "ec2", action, {names: [id]})[member][0]
        time.sleep(LOOK_S)
    raise steps.Failed(f"{id} has no end", "mallee explain " + id)


def _in_words(found: partitions.Found) -> str:
    kinds = ", ".join(one.kind for one in found.file_systems) or "no file system that is known"
    if found.is_root_file_system:
        return f"a lone root file system ({kinds}): it gets the cloud's kernel"
    boots = {"legacy-bios": "BIOS", "uefi": "UEFI", "uefi-preferred": "BIOS and UEFI"}
    how = boots.get(found.boot_mode, "nothing that boots")
    return f"{found.table.upper() or 'no'} partitions ({kinds}), {how}"


def format_of(file: Path | None, said: str) -> str:
    """Return the format of a file that is made; raise `steps.Failed` for one that is not."""
    ending = file.suffix.lower() if file else ""
    made = said.lower() or {".img": "raw"}.get(ending, ending[1:]) or _OUT[0]
    if made not in _OUT:
        raise steps.Failed(f"no {made} is made of an image", f"--format {' | '.join(_OUT)}")
    return made


def export_image(
    image: str,
    file: Path | None = None,
    *,
    format: str = "",
    bucket: str = "",
    root: Root = DEFAULT,
) -> None:
    """Make a file of an image, which other clouds and machines boot.

    Parameters
    ----------
    image
        The image's id.
    file
        Where the file goes; `IMAGE.FORMAT` here, unless said.
    format
        `vmdk`, `vhd` or `raw`; what the file's name ends with, `vmdk` without a file, unless said.
    bucket
        The bucket that it passes through; one of the account's own is made unless said.
    """
    layout = Layout(root)
    made = format_of(file, format)
    to = file or Path(f"{image}.{made}")
    if to.exists():
        raise steps.Failed(f"{to} is there already", "name another file")
    place = bucket or buckettransfers.own_bucket(layout)
    key: list[str] = []

    def make(say: Say) -> str:
        buckettransfers.ensure_bucket(layout, place)
        asked = {
            "ImageId": image,
            "DiskImageFormat": made.upper(),
            "S3ExportLocation": {"S3Bucket": place, "S3Prefix": "export/"},
        }
        id = client.call(layout, "ec2", "ExportImage", asked)["ExportImageTaskId"]
        for task in _looks(layout, "DescribeExportImageTasks", "ExportImageTasks", id):
            if task["Status"] == "completed":
                key.append(f"export/{id}.{made}")
                return f"s3://{place}/{key[0]}"
            message, percent = task.get("StatusMessage", ""), task.get("Progress", "0")
            _go_on(task["Status"], message, percent, say)
        raise AssertionError("looking ends with the task")

    def fetch(say: Say) -> str:
        try:
            size = buckettransfers.fetch(layout, (place, key[0]), to, say)
        finally:
            buckettransfers.delete(layout, (place, key[0]))
        return f"{to}, {size >> 20} MiB"

    progress.run([steps.Step("Make a file of it", make), steps.Step("Fetch it", fetch)])
    words.give(str(to))
