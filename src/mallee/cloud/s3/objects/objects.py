"""Objects: put, got, and looked at.

A put takes its bytes in before anything changes, then makes a version of them in one transaction,
in which its conditions are asked; it is acknowledged when that is durable. A get finds a version
and says which of its bytes go out; they are verified and sent by the server. Called by the
pipeline. Not its business: copies, uploads in parts, deletions.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from mallee.aws import checksums, errors
from mallee.cloud.action import Serve
from mallee.cloud.blocks import shelf
from mallee.cloud.call import Call
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import lifecycle
from mallee.cloud.s3.exchange import Answer, ObjectCall, Taken
from mallee.cloud.s3.objects import (
    about,
    blockputs,
    conditions,
    intents,
    locks,
    ranges,
    versions,
    wholes,
)
from mallee.cloud.s3.objects.about import About, Found
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.s3.rows import Asked
from mallee.cloud.s3.sealing import encryption, frames
from mallee.cloud.s3.sealing.encryption import Unlocked
from mallee.model.identity.sessions import CallerKind
from mallee.walrus.errors import NoSpace
from mallee.walrus.records import Blob, Content, Version
from mallee.walrus.seam import SMALL_MAX, Tx

PARTS_MAX = 10_000
SIZE_MAX = 5 << 30
"""Bytes that come in one piece: an object in one, or a part."""
ALGORITHMS = tuple(algorithm.value for algorithm in checksums.Algorithm)
BODY = (
    "Body",
    "ContentLength",
    "ContentMD5",
    "ChecksumAlgorithm",
    *(f"Checksum{algorithm}" for algorithm in ALGORITHMS),
)
"""What the body's reader honours."""
_INSTEAD = {
    f"Response{name}": name
    for name in (
        "CacheControl",
        "ContentDisposition",
        "ContentEncoding",
        "ContentLanguage",
        "ContentType",
        "Expires",
    )
}
"""Headers that a signed request may have instead of those that are kept."""


# --- putting ---


async def put(call: ObjectCall, asked: Asked) -> Answer:
    """Store an object."""
    where = versions.place(call, asked)
    if where.number == shelf.NUMBER:
        return await blockputs.put(call, where)
    wanted = intents.read(call, where, asked)
    ifs = conditions.read(asked)
    if ifs != conditions.NONE:
        # What cannot succeed is refused before its bytes come; whether it does is decided after.
        current = call.look(lambda: call.engine.reader.current(where.number, where.key))
        conditions.check_write(ifs, current)
    unlocked = await encryption.begin(call, where, asked)
    sealing = unlocked.sealing if unlocked else None
    content, taken = await receive(call, unlocked.key() if unlocked else None)
    wanted = replace(wanted, checksums=checksums_of(content, taken), sealing=sealing)
    etag = encryption.etag(unlocked, taken.md5)
    id = versions.id_for(where.bucket)

    def work(tx: Tx, blobs: Sequence[Blob]) -> Version:
        conditions.check_write(ifs, tx.current(where.number, where.key))
        version = Version(
            id=id,
            modified_ms=tx.now_ms,
            size=taken.size,
            etag=etag,
            parts=tuple(tx.keep(blob) for blob in blobs if blob.size),
            about=about.encode(wanted),
        )
        versions.add(tx, where, version)
        return version

    version = await versions.commit(call, work, [content])
    told = encryption.shown_of_new(sealing, asked)
    return Answer(result={**made(where, version, wanted), **told})


async def receive(
    call: ObjectCall, key: frames.Key | None = None, algorithms: Iterable[str] = ()
) -> tuple[Content, Taken]:
    """Take a body in, sealed if there is a key; return the content that waits for its commit."""
    size = call.body.size or 0
    if size > SIZE_MAX:
        raise errors.s3.EntityTooLarge(size=size, most=SIZE_MAX)
    receiver = call.engine.receive()
    try:
        call.engine.check_room(size)
        if key is None:
            taken = await call.body.take(receiver, algorithms)
        else:
            sealer = frames.Sealer(key, receiver)
            taken = await call.body.take(sealer, {*algorithms, wholes.OWN.value})
            await call.in_thread(sealer.finish)
        if taken.size > SIZE_MAX:
            raise errors.s3.EntityTooLarge(size=taken.size, most=SIZE_MAX)
        is_small = receiver.size <= SMALL_MAX
        content = receiver.finish() if is_small else await call.in_thread(receiver.finish)
    except NoSpace as error:
        raise errors.s3.InsufficientStorage() from error
    finally:
        receiver.abandon()
    return content, taken


def checksums_of(content: Content, taken: Taken) -> dict[str, bytes]:
    """Return the checksums that are kept: those the sender gave, or else S3's own."""
    given = {name: taken.checksums[name] for name in taken.given}
    return given or wholes.own(content, taken)


def made(where: Place, version: Version, wanted: About) -> dict[str, object]:
    """Return what is told of a version that was just made."""
    return {
        "ETag": quoted(version.etag),
        **shown_checksums(wanted.checksums),
        "ChecksumType": wanted.checksum_type,
        **versions.shown_id(where.bucket, version),
        **lifecycle.shown_end(where.bucket, where.key, version),
    }


def shown_checksums(kept: Mapping[str, bytes], parts: int = 0) -> dict[str, str]:
    """Return checksums as answers have them; one of checksums of parts tells their number."""
    end = f"-{parts}" if parts else ""
    return {f"Checksum{name}": checksums.encode(value) + end for name, value in kept.items()}


def quoted(etag: str) -> str:
    """Return an ETag as headers and answers have it."""
    return f'"{etag}"'


# --- getting ---


async def get(call: ObjectCall, asked: Asked) -> Answer:
    """Send an object, or some of its bytes."""
    found, unlocked, wanted, result = await _look(call, asked)
    payload = await encryption.payload(call, found, unlocked, wanted)
    return Answer(result=result, payload=payload, status=206 if "ContentRange" in result else 0)


async def head(call: ObjectCall, asked: Asked) -> Answer:
    """Tell what a get would send."""
    *_, result = await _look(call, asked, is_head=True)
    return Answer(result=result, status=206 if "ContentRange" in result else 0)


async def _look(
    call: ObjectCall, asked: Asked, *, is_head: bool = False
) -> tuple[Found, Unlocked | None, tuple[int, int], dict[str, object]]:
    where = versions.place(call, asked)
    found = await versions.look(call, where, asked.get("VersionId"))
    sealing = found.about.sealing
    unlocked = None
    if encryption.needs_key(sealing, asked, is_head=is_head):
        unlocked = encryption.unlock(call, where, sealing, asked)
    try:
        conditions.check_read(conditions.read(asked), found.version)
    except errors.s3.NotModified as error:
        error.headers = _validators(where, found)
        raise
    asked = _without_stale_range(call, asked, found)
    start, end = _wanted_bytes(asked, found)
    result = _described(where, found)
    if asked.get("VersionId") is None:
        result.update(lifecycle.shown_end(where.bucket, where.key, found.version))
    result.update(encryption.shown(sealing, asked))
    result.update(_instead(call, asked))
    result["ContentLength"] = end - start
    if asked.get("PartNumber") is not None and found.about.pieces:
        result["PartsCount"] = len(found.about.pieces)
    if asked.get("PartNumber") is not None or _is_range(asked, found):
        result["ContentRange"] = ranges.shown(start, end, found.version.size)
    if asked.get("ChecksumMode") == "ENABLED":
        result.update(_checksums_of(asked, found, is_whole=end - start == found.version.size))
    return found, unlocked, (start, end), result


def _checksums_of(asked: Asked, found: Found, *, is_whole: bool) -> dict[str, object]:
    """Return the checksums of what is sent: of the whole, or of a part that has its own."""
    number: int | None = asked.get("PartNumber")
    kept = found.about
    if number is not None and kept.pieces and kept.checksum_type == about.COMPOSITE:
        own = kept.pieces[number - 1].checksums
        told = {name: value for name, value in own.items() if name in kept.checksums}
        return {**shown_checksums(told), "ChecksumType": kept.checksum_type}
    return checksums_shown(found) if is_whole else {}


def checksums_shown(found: Found) -> dict[str, object]:
    """Return an object's checksums and what they are of."""
    kept = found.about
    if not kept.checksums:
        return {}
    parts = len(kept.parts) if kept.checksum_type == about.COMPOSITE else 0
    return {**shown_checksums(kept.checksums, parts), "ChecksumType": kept.checksum_type}


def _validators(where: Place, found: Found) -> dict[str, str]:
    """Return the headers that go with an answer without the object."""
    modified = conditions.modified(found.version)
    result = {
        "ETag": quoted(found.version.etag),
        "Last-Modified": modified.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }
    for name, header in (("CacheControl", "Cache-Control"), ("Expires", "Expires")):
        if name in found.about.headers:
            result[header] = found.about.headers[name]
    for id in versions.shown_id(where.bucket, found.version).values():
        result["x-amz-version-id"] = id
    return result


def _described(where: Place, found: Found) -> dict[str, object]:
    """Return what is known of an object, as headers have it."""
    version, kept = found.version, found.about
    result: dict[str, object] = {
        "AcceptRanges": "bytes",
        "LastModified": conditions.modified(version),
        "ETag": quoted(version.etag),
        "ContentType": intents.DEFAULT_TYPE,
        **kept.headers,
        "Metadata": kept.metadata,
        **versions.shown_id(where.bucket, version),
        **locks.shown(kept.lock),
    }
    if kept.tags:
        result["TagCount"] = len(kept.tags)
    if kept.storage_class != "STANDARD":
        result["StorageClass"] = kept.storage_class
    return result


def _instead(call: Call, asked: Asked) -> dict[str, object]:
    """Return the headers that the request wants to have instead."""
    found = {name: asked[member] for member, name in _INSTEAD.items() if asked.get(member)}
    if found and call.principal.kind is CallerKind.NOBODY:
        raise errors.s3.InvalidRequest(
            "Request specific response headers cannot be used for anonymous GET requests."
        )
    return found


def _without_stale_range(call: ObjectCall, asked: Asked, found: Found) -> Asked:
    """Return the request without its range if that is about another version (`If-Range`)."""
    said = call.head.headers.get("if-range")
    if said is None or not asked.get("Range") or conditions.is_same(said, found.version):
        return asked
    return {name: value for name, value in asked.items() if name != "Range"}


def _wanted_bytes(asked: Asked, found: Found) -> tuple[int, int]:
    number: int | None = asked.get("PartNumber")
    size = found.version.size
    if number is None:
        return ranges.parse(asked.get("Range"), size) or (0, size)
    if not 1 <= number <= PARTS_MAX:
        raise errors.s3.InvalidArgument(
            f"Part number must be an integer between 1 and {PARTS_MAX}, inclusive",
            argument="partNumber",
            value=number,
        )
    if asked.get("Range"):
        raise errors.s3.InvalidRequest("Cannot specify both Range header and partNumber query.")
    if not found.about.pieces:
        if number != 1:
            raise errors.s3.InvalidPartNumber(part=number)
        return 0, size
    start = 0
    for position, part in enumerate(found.about.pieces, start=1):
        if position == number:
            return start, start + part.size
        start += part.size
    raise errors.s3.InvalidPartNumber(part=number)


def _is_range(asked: Asked, found: Found) -> bool:
    return ranges.parse(asked.get("Range"), found.version.size) is not None


def _needs_of_put(_call: Call, asked: Asked) -> Iterable[tuple[str, str]]:
    return intents.needs(asked)


_READING = (
    *conditions.READ,
    "Range",
    "PartNumber",
    "VersionId",
    "ChecksumMode",
    *encryption.OF_CUSTOMER,
    *_INSTEAD,
)

ACTIONS = (
    rows.of_object(
        "PutObject",
        Serve(handle=put, changes=True),
        _needs_of_put,
        (*BODY, *conditions.WRITE, *intents.HONOURS, *encryption.HONOURS),
    ),
    rows.of_object(
        "GetObject",
        Serve(handle=get, changes=False),
        rows.on_version("s3:GetObject", "s3:GetObjectVersion"),
        _READING,
    ),
    rows.of_object(
        "HeadObject",
        Serve(handle=head, changes=False),
        rows.on_version("s3:GetObject", "s3:GetObjectVersion"),
        _READING,
    ),
)
