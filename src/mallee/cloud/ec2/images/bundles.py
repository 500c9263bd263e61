"""Images of bundles in buckets: registered at once, available when a host has taken them in.

Called by RegisterImage where `ImageLocation` names a manifest. Whether it is a machine, a kernel or
a ramdisk is told by the manifest's name, as an id must begin with it: `vmlinuz…`, `kernel…`, `eki`
are kernels, `initrd…`, `initramfs…`, `ramdisk…`, `eri` ramdisks. That the manifest says the same
is checked when it is read; until then the image is `pending`, and `failed` with words otherwise.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mallee.aws import errors
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import tagset
from mallee.cloud.ec2.images import images, names, tasks
from mallee.cloud.ec2.images.images import ImageRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.images.images import INSTANCE_STORE, Image
from mallee.model.storage.transfers import DiskIn, Object, Task, Way

PENDING = "pending"
_MANIFEST = ".manifest.xml"
_PREFIXES: Mapping[str, str] = {"machine": "ami", "kernel": "aki", "ramdisk": "ari"}
_KERNEL = re.compile(r"(?:vmlinu[xz]|kernel|bzimage|eki|aki)(?![a-z])", re.I)
_RAMDISK = re.compile(r"(?:initrd|initramfs|ramdisk|eri|ari)(?![a-z])", re.I)
_NOT_HERE = ("BlockDeviceMappings", "RootDeviceName")


def register_bundle(call: WriteCall, request: Mapping[str, Any]) -> ImageRecord:
    """Register an image of a bundle; it is pending until a host has looked into it."""
    names.check(call, request["Name"])
    for member in _NOT_HERE:
        if request.get(member):
            raise errors.InvalidParameterCombination(
                f"{member} is for images of snapshots; an image of a bundle has its one disk."
            )
    place = place_of(request)
    tasks.check_count(call, records.REGISTRATION_TASK, "RegisterImage")
    kind = kind_of(place.key)
    id = ids.make(_PREFIXES[kind], call.entropy(ids.ID_BYTES))
    image = Image(
        id=id,
        name=request["Name"],
        description=request.get("Description", ""),
        kind=kind,
        location=f"{place.bucket}/{place.key}",
        architecture=request.get("Architecture", "x86_64"),
        root_device_type=INSTANCE_STORE,
        kernel_id=_named(call, request, "KernelId", "kernel"),
        ramdisk_id=_named(call, request, "RamdiskId", "ramdisk"),
        created_at=call.now,
        made_by=call.principal.issuer_id,
        state=PENDING,
        tags=tagset.of_new(request, records.IMAGE.name),
    )
    _begin(call, image, place)
    return call.tx.insert(records.IMAGE, call.account, id, image)


def _begin(call: WriteCall, image: Image, place: Object) -> None:
    id = ids.make("import-reg", call.entropy(ids.ID_BYTES))
    task = Task(
        id=id,
        way=Way.BUNDLE_IN,
        host_id=tasks.choose_host(call.tx, call.account),
        access=tasks.access_to_parts(call),
        disks=(DiskIn(object=place),),
        image_id=image.id,
        began_at=call.now,
        made_by=call.principal.issuer_id,
    )
    call.tx.insert(records.REGISTRATION_TASK, call.account, id, task)


def _named(call: Call, request: Mapping[str, Any], member: str, kind: str) -> str | None:
    id = request.get(member)
    return images.launchable(call, id, kind).id if id else None


def place_of(request: Mapping[str, Any]) -> Object:
    """Return the manifest that `ImageLocation` names. Raises `InvalidManifest`."""
    text: str = request["ImageLocation"]
    bucket, _, key = text.removeprefix("s3://").lstrip("/").partition("/")
    if not key.endswith(_MANIFEST):
        raise errors.InvalidManifest(
            f"The image location {text[:100]!r} must be BUCKET/NAME{_MANIFEST}."
        )
    return tasks.parse_object(bucket, key)


def kind_of(key: str) -> str:
    """Return what a manifest is of, by its name."""
    name = posixpath.basename(key)
    if _KERNEL.match(name):
        return "kernel"
    return "ramdisk" if _RAMDISK.match(name) else "machine"


def touches(_call: Call, request: Request) -> Iterator[tuple[str, Object]]:
    """Yield what registering a bundle reads: its manifest, and the parts beside it."""
    if request.get("ImageLocation"):
        place = place_of(request)
        folder = posixpath.dirname(place.key)
        yield "s3:GetObject", place
        yield "s3:GetObject", Object(place.bucket, posixpath.join(folder, "*"))
