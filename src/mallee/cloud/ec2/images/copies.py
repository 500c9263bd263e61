"""Copies of images: an own image with what another one has.

A copy names the same file as its source, and snapshots of the caller's that are copies as any
(`storage.snapshotcopies`), so it stays when its source goes. It is there at once, unless these have
to be encrypted first: then it is `pending` until they are. Called through the action table. There
is one region: who names another is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import things
from mallee.cloud.action import Action, KeyUse, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.images import allowed, names, sharing
from mallee.cloud.ec2.images.sharing import AVAILABLE, PENDING, ImageRecord
from mallee.cloud.ec2.storage import ebskeys, snapshotcopies, snapshotsharing
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.images.images import Image, ImageMapping

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def copy_image(call: WriteCall, request: shapes.CopyImageRequest) -> shapes.CopyImageResult:
    """Make an image of the caller's of one that he may launch."""
    here = call.settings.region
    if request["SourceRegion"] != here:
        raise errors.InvalidParameterValue(
            f"Invalid region: {request['SourceRegion']}. This cloud has one region, {here}."
        )
    source = _source(call, request["SourceImageId"])
    names.check(call, request["Name"])
    if request.get("Encrypted") and source.doc.blob is not None:
        raise errors.UnsupportedOperation(
            f"{source.id} lies on a file that is not encrypted. Launch it with an encrypted root, "
            "and make an image of that."
        )
    id = ids.make("ami", call.entropy(ids.ID_BYTES))
    mappings = tuple(_copied(call, request, one) for one in source.doc.mappings)
    doc = replace(
        _unshared(source.doc),
        id=id,
        state=PENDING if any(_is_being_made(call, one) for one in mappings) else AVAILABLE,
        name=request["Name"],
        description=request.get("Description", ""),
        location=f"{call.account}/{request['Name']}",
        mappings=mappings,
        source_image_id=source.id,
        source_image_region=here,
        created_at=call.now,
        made_by=call.principal.issuer_id,
        tags=_tags(call, request, source),
    )
    call.tx.insert(records.IMAGE, call.account, id, doc)
    return {"ImageId": id}


def _unshared(doc: Image) -> Image:
    """Return the image without what its owner has said of it alone."""
    return replace(
        doc,
        is_public=False,
        launch_accounts=(),
        deprecated_at=None,
        deregistration_protection="",
        protected_until=None,
        source_instance_id="",
    )


def _source(call: WriteCall, text: str) -> ImageRecord:
    id = resources.check_form(records.IMAGE, text)
    source = call.tx.get(records.IMAGE, id)
    if (
        source is None
        or not sharing.may_use(source, call.account)
        or not allowed.is_there(call.tx, source, call.account, call.now)
    ):
        raise errors.InvalidAMIIDNotFound(id)
    if source.doc.kind != "machine":
        raise errors.InvalidRequest(f"The image {id} is a {source.doc.kind}: it is not copied.")
    if source.doc.state != AVAILABLE:
        raise errors.InvalidAMIIDUnavailable(id)
    for mapping in source.doc.mappings:
        snapshot = call.tx.get(records.SNAPSHOT, mapping.snapshot_id)
        if snapshot and not snapshotsharing.may_use(call.tx, snapshot, call.account):
            raise errors.InvalidRequest(
                "You do not have permission to access the storage of this ami"
            )
    return source


def _copied(
    call: WriteCall, request: shapes.CopyImageRequest, mapping: ImageMapping
) -> ImageMapping:
    """Return a mapping to a snapshot of the caller's with the same content."""
    if not mapping.snapshot_id:
        return mapping
    source = call.tx.get(records.SNAPSHOT, mapping.snapshot_id)
    if source is None:
        raise errors.InvalidSnapshotNotFound(mapping.snapshot_id)
    words = snapshotcopies.Words(
        snapshotcopies.encryption(request),
        f"Copied for the image {request['Name']} of {request['SourceImageId']}",
        tagset.of_new(request, records.SNAPSHOT.name),
    )
    made = snapshotcopies.insert(call, source, words)
    is_encrypted = made.key is not None
    return replace(mapping, snapshot_id=made.id, encrypted=is_encrypted, kms_key_id="")


def _is_being_made(call: WriteCall, mapping: ImageMapping) -> bool:
    """Tell whether the snapshot of a mapping cannot be used yet."""
    made = call.tx.get(records.SNAPSHOT, mapping.snapshot_id) if mapping.snapshot_id else None
    return made is not None and made.doc.resealing is not None


def _uses_keys(call: Call, request: shapes.CopyImageRequest) -> Iterator[KeyUse]:
    """Yield what the copies of the snapshots take of the key store."""
    reader = resources.reader(call)
    image = reader.get(records.IMAGE, ids.normalise(request["SourceImageId"]))
    for mapping in image.doc.mappings if image else ():
        source = reader.get(records.SNAPSHOT, mapping.snapshot_id)
        if source is not None and snapshotsharing.may_use(reader, source, call.account):
            wanted = snapshotcopies.encryption(request)
            yield from ebskeys.uses_of_new(call, wanted, ebskeys.source_of(source))


def _tags(call: WriteCall, request: shapes.CopyImageRequest, source: ImageRecord) -> dict[str, str]:
    """Return the tags of a copy: those given, and the user's own of the source if wanted."""
    given = tagset.of_new(request, records.IMAGE.name)
    if not request.get("CopyImageTags") or source.account != call.account:
        return given
    own = {key: value for key, value in source.doc.tags.items() if not key.startswith("aws:")}
    return own | given


def _arns(call: Call, request: Request) -> tuple[str, ...]:
    """Return the image that is copied, and what is made."""

    def named() -> Iterator[tuple[str, str]]:
        yield records.IMAGE.name, ids.normalise(request["SourceImageId"])
        yield records.IMAGE.name, "*"
        yield records.SNAPSHOT.name, "*"

    region = call.settings.region
    return tuple(things.of_ec2(region, call.account, kind, rest) for kind, rest in named())


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CopyImage",
        does=Write(handle=copy_image),
        honours=frozenset(
            {
                "CopyImageTags",
                "Description",
                "Encrypted",
                "KmsKeyId",
                "Name",
                "SourceImageId",
                "SourceRegion",
            }
        ),
        uses_keys=_uses_keys,
        creates=(records.IMAGE.name, records.SNAPSHOT.name),
        resources=_arns,
    ),
)
