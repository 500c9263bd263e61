"""Uploads in parts: begun, filled part by part in any order, made an object of, or given up.

A part is durable when it is acknowledged. Completing moves no byte: the object refers to its parts.
It may be repeated: as long as the object that it made is the current one, the answer is the same.
Called by the pipeline. Not its business: parts that are copied (`copying`), lists
(`uploadlisting`).
"""

import hashlib
import itertools
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Serve
from mallee.cloud.call import Call
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import lifecycle
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.objects import about, conditions, intents, objects, versions, wholes
from mallee.cloud.s3.objects.about import About, ArrivedAbout, PartAbout, UploadAbout
from mallee.cloud.s3.objects.conditions import Conditions
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.s3.rows import Asked
from mallee.cloud.s3.sealing import encryption
from mallee.walrus.records import Blob, Upload, UploadPart, Version
from mallee.walrus.seam import Tx

PART_MIN = 5 << 20
"""Bytes of every part but the last."""


# --- beginning ---


async def create(call: ObjectCall, asked: Asked) -> Answer:
    """Begin an upload."""
    where = versions.place(call, asked)
    algorithm: str = asked.get("ChecksumAlgorithm") or ""
    kind = wholes.kind_of(algorithm, asked.get("ChecksumType"))
    unlocked = await encryption.begin(call, where, asked)
    sealing = unlocked.sealing if unlocked else None
    if sealing is not None and sealing.kms is not None:
        # Its parts will need the key again: who may not open it is told so now.
        encryption.unlock(call, where, sealing, asked)
    kept = UploadAbout(
        about=replace(intents.read(call, where, asked), sealing=sealing),
        algorithm=algorithm,
        checksum_type=kind,
        initiator=call.principal.arn,
    )
    upload = Upload(
        id=versions.new_id(),
        key=where.key,
        started_ms=int(call.now * 1000),
        about=about.encode(kept),
    )
    await versions.commit(call, lambda tx, _: tx.begin_upload(where.number, upload))
    result: dict[str, object] = {"Bucket": call.bucket, "Key": asked["Key"], "UploadId": upload.id}
    result.update(lifecycle.shown_abort(where.bucket, upload))
    if algorithm:
        result.update({"ChecksumAlgorithm": algorithm, "ChecksumType": kind})
    return Answer(result={**result, **encryption.shown_of_new(sealing, asked)})


async def look(call: ObjectCall, where: Place, id: str) -> Upload:
    """Return an upload that a request names; raise when it is not there."""
    reader = call.engine.reader
    upload = call.look(lambda: reader.upload(where.number, where.key, id))
    if upload is None:
        raise errors.s3.NoSuchUpload(upload=id)
    return upload


# --- parts ---


async def put_part(call: ObjectCall, asked: Asked) -> Answer:
    """Take a part."""
    where = versions.place(call, asked)
    number = number_of(asked)
    upload = await look(call, where, asked["UploadId"])
    kept = about.of_upload(upload)
    sealing = kept.about.sealing
    unlocked = encryption.unlock(call, where, sealing, asked)
    content, taken = await objects.receive(
        call,
        unlocked.key(number) if unlocked else None,
        (kept.algorithm,) if kept.algorithm else (),
    )
    etag = encryption.etag(unlocked, taken.md5)
    checksums = wholes.of_part(kept, content, taken)
    arrived = ArrivedAbout(checksums=checksums)

    def work(tx: Tx, blobs: Sequence[Blob]) -> None:
        part = UploadPart(
            number=number,
            size=taken.size,
            etag=etag,
            modified_ms=tx.now_ms,
            parts=tuple(tx.keep(blob) for blob in blobs if blob.size),
            about=about.encode(arrived),
        )
        keep_part(tx, where, upload.id, part)

    await versions.commit(call, work, [content])
    told = {*taken.given, kept.algorithm}
    given = {name: value for name, value in checksums.items() if name in told}
    return Answer(
        result={
            "ETag": objects.quoted(etag),
            **objects.shown_checksums(given),
            **encryption.shown(sealing, asked),
        }
    )


def keep_part(tx: Tx, where: Place, id: str, part: UploadPart) -> None:
    """Keep a part, unless its upload has ended meanwhile."""
    if tx.upload(where.number, where.key, id) is None:
        raise errors.s3.NoSuchUpload(upload=id)
    tx.put_part(where.number, id, part)


def number_of(asked: Asked) -> int:
    """Return the number of the part that a request is about."""
    number: int = asked["PartNumber"]
    if not 1 <= number <= objects.PARTS_MAX:
        raise errors.s3.InvalidArgument(
            f"Part number must be an integer between 1 and {objects.PARTS_MAX}, inclusive",
            argument="partNumber",
            value=number,
        )
    return number


# --- the end ---


async def complete(call: ObjectCall, asked: Asked) -> Answer:
    """Make an object of the parts that the request lists."""
    where = versions.place(call, asked)
    document: Asked = asked.get("MultipartUpload")
    listed: list[Asked] = document.get("Parts") if document else []
    if not listed:
        raise errors.s3.MalformedXML()
    _check_order(listed)
    ifs = conditions.read(asked)
    await check_key(call, where, asked, is_end=True)
    id: str = versions.id_for(where.bucket)

    def work(tx: Tx, _: Sequence[Blob]) -> tuple[Version, About]:
        return _complete(tx, where, asked, (listed, id, ifs))

    version, kept = await versions.commit(call, work)
    parts = len(kept.parts) if kept.checksum_type == about.COMPOSITE else 0
    result: dict[str, object] = {
        "Location": _location(call),
        "Bucket": call.bucket,
        "Key": asked["Key"],
        "ETag": objects.quoted(version.etag),
        **versions.shown_id(where.bucket, version),
        **lifecycle.shown_end(where.bucket, where.key, version),
    }
    if kept.checksums:
        result.update(objects.shown_checksums(kept.checksums, parts))
        result["ChecksumType"] = kept.checksum_type
    if kept.sealing is not None and kept.sealing.method != encryption.CUSTOMER:
        result.update(encryption.shown(kept.sealing, asked))
    return Answer(result=result)


def _location(call: ObjectCall) -> str:
    """Return where the object is, as the caller reached it."""
    host = call.head.headers.get("host", "")
    return f"http://{host}{call.head.path}"


async def check_key(call: ObjectCall, where: Place, asked: Asked, *, is_end: bool = False) -> None:
    """Raise when the customer's key that a request brings, if it does, is not the upload's.

    At the end of an upload its key of the key store, if it has one, must be the caller's to use.
    """
    brings_key = any(asked.get(member) for member in encryption.OF_CUSTOMER)
    if not brings_key and not is_end:
        return
    id: str = asked["UploadId"]
    reader = call.engine.reader
    upload = await call.in_thread(lambda: reader.upload(where.number, where.key, id))
    if upload is None:
        return
    sealing = about.of_upload(upload).about.sealing
    if brings_key or (sealing is not None and sealing.kms is not None):
        encryption.unlock(call, where, sealing, asked)


def _complete(
    tx: Tx, where: Place, asked: Asked, given: tuple[list[Asked], str, Conditions]
) -> tuple[Version, About]:
    listed, id, ifs = given
    upload_id: str = asked["UploadId"]
    current = tx.current(where.number, where.key)
    upload = tx.upload(where.number, where.key, upload_id)
    if upload is None:
        return _completed_before(current, upload_id)
    conditions.check_write(ifs, current)
    kept = about.of_upload(upload)
    arrived = {part.number: part for part in tx.upload_parts(upload_id)}
    parts = [_chosen(arrived, one) for one in listed]
    _check_sizes(asked, parts)
    checksums = wholes.of_whole(kept, asked, parts)
    described = tuple(
        PartAbout(part.number, part.size, about.of_part(part).checksums) for part in parts
    )
    object_about = about.completed(kept, upload_id, (described, checksums))
    version = Version(
        id=id,
        modified_ms=tx.now_ms,
        size=sum(part.size for part in parts),
        etag=_etag(parts),
        parts=tuple(one for part in parts for one in part.parts),
        about=about.encode(object_about),
    )
    versions.add(tx, where, version)
    tx.end_upload(where.number, where.key, upload_id)
    return version, object_about


def _completed_before(current: Version | None, upload_id: str) -> tuple[Version, About]:
    """Return the object that the upload has become; raise when there is none."""
    if current is not None and not current.is_marker:
        kept = about.of(current)
        if kept.upload == upload_id:
            return current, kept
    raise errors.s3.NoSuchUpload(upload=upload_id)


def _check_order(listed: list[Asked]) -> None:
    numbers = [one.get("PartNumber") or 0 for one in listed]
    if any(later <= earlier for earlier, later in itertools.pairwise(numbers)):
        raise errors.s3.InvalidPartOrder()


def _chosen(arrived: dict[int, UploadPart], one: Asked) -> UploadPart:
    """Return the part that a line of the list means; raise when it is another, or not there."""
    part = arrived.get(one.get("PartNumber") or 0)
    etag: str = (one.get("ETag") or "").strip('"')
    if part is None or part.etag != etag or not wholes.agrees(part, one):
        raise errors.s3.InvalidPart(part=one.get("PartNumber") or "", etag=etag[:100])
    return part


def _check_sizes(asked: Asked, parts: list[UploadPart]) -> None:
    for part in parts[:-1]:
        if part.size < PART_MIN:
            raise errors.s3.EntityTooSmall(size=part.size, part=part.number, etag=part.etag)
    expected: int | None = asked.get("MpuObjectSize")
    size = sum(part.size for part in parts)
    if expected is not None and int(expected) != size:
        raise errors.s3.InvalidRequest(
            f"The provided 'x-amz-mp-object-size' header value {expected} does not match what was "
            f"computed: {size}"
        )


def _etag(parts: list[UploadPart]) -> str:
    whole = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts))
    return f"{whole.hexdigest()}-{len(parts)}"


async def abort(call: ObjectCall, asked: Asked) -> Answer:
    """Give an upload up, with all its parts."""
    where = versions.place(call, asked)
    upload = await look(call, where, asked["UploadId"])
    if not conditions.is_of(asked.get("IfMatchInitiatedTime"), upload.started_ms):
        raise errors.s3.PreconditionFailed(condition="x-amz-if-match-initiated-time")
    await versions.commit(call, lambda tx, _: tx.end_upload(where.number, where.key, upload.id))
    return Answer()


def _needs_of_create(_call: Call, asked: Asked) -> Iterable[tuple[str, str]]:
    return intents.needs(asked)


_UPLOAD = ("UploadId",)

ACTIONS = (
    rows.of_object(
        "CreateMultipartUpload",
        Serve(handle=create, changes=True),
        _needs_of_create,
        (*intents.HONOURS, *encryption.HONOURS, "ChecksumAlgorithm", "ChecksumType"),
    ),
    rows.of_object(
        "UploadPart",
        Serve(handle=put_part, changes=True),
        rows.on_object("s3:PutObject"),
        (*objects.BODY, *_UPLOAD, *encryption.OF_CUSTOMER, "PartNumber"),
    ),
    rows.of_object(
        "CompleteMultipartUpload",
        Serve(handle=complete, changes=True),
        rows.on_object("s3:PutObject"),
        (
            *_UPLOAD,
            "MultipartUpload",
            "ChecksumType",
            "MpuObjectSize",
            *conditions.WRITE,
            *encryption.OF_CUSTOMER,
            *(f"Checksum{algorithm}" for algorithm in objects.ALGORITHMS),
        ),
    ),
    rows.of_object(
        "AbortMultipartUpload",
        Serve(handle=abort, changes=True),
        rows.on_object("s3:AbortMultipartUpload"),
        (*_UPLOAD, "IfMatchInitiatedTime"),
    ),
)
