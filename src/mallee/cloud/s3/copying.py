"""Copies: of whole objects, which move no byte, and of stretches of bytes as parts of uploads.

A copied object refers to the same stored bytes as its source, and has its ETag and checksums. A
part that is copied is read, verified and written anew, for it needs an ETag of its own. Called by
the pipeline. Not its business: where stored bytes lie (`mallee.walrus`).
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Serve
from mallee.cloud.call import Call
from mallee.cloud.s3 import (
    about,
    buckets,
    conditions,
    encryption,
    frames,
    intents,
    objects,
    ranges,
    rows,
    uploads,
    versions,
    wholes,
)
from mallee.cloud.s3.about import FULL, About, ArrivedAbout, Found, Sealing
from mallee.cloud.s3.encryption import AES256, Unlocked
from mallee.cloud.s3.exchange import Answer, ObjectCall, Taken
from mallee.cloud.s3.rows import Asked
from mallee.cloud.s3.versions import Place
from mallee.walrus.errors import Corrupt, Gone, NoSpace
from mallee.walrus.records import Blob, Content, UploadPart, Version
from mallee.walrus.seam import Engine, Tx

ATTEMPTS = 5
"""How often a source is looked up that is replaced at the same moment."""
_CHANGING = ("StorageClass", "WebsiteRedirectLocation", *encryption.HONOURS)
"""Members that make another object of an object that is copied to itself."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a copy is made of."""

    place: Place
    id: str | None
    """The version that the request names."""


@dataclass(frozen=True, slots=True)
class _Made:
    """The bytes of a copy, and what is known of them."""

    found: Found
    sealing: Sealing | None
    content: Content | None = None
    """Where they were written anew."""


# --- the source ---


def source_of(call: ObjectCall, asked: Asked) -> Source:
    """Return the source that a request names, once the caller may read it."""
    text: str = asked["CopySource"]
    path, mark, query = text.partition("?versionId=")
    bucket, _, key = unquote_to_bytes(path.removeprefix("/")).partition(b"/")
    name = bucket.decode(errors="replace")
    if not name or not key or (mark and not query):
        raise errors.s3.InvalidArgument(
            "Invalid copy source object key", argument="x-amz-copy-source", value=text[:200]
        )
    id = unquote_to_bytes(query).decode(errors="replace") if mark else None
    arn = f"arn:aws:s3:::{name}/{key.decode(errors='replace')}"
    record = buckets.find(call.view, name)
    if not call.may("s3:GetObjectVersion" if id is not None else "s3:GetObject", arn):
        raise errors.s3.AccessDenied()
    if record is None:
        raise errors.s3.NoSuchBucket(bucket=name)
    buckets.check_owner(record, asked.get("ExpectedSourceBucketOwner"))
    return Source(Place(record.doc, record.account, key), id)


async def _look(call: ObjectCall, asked: Asked, source: Source) -> Found:
    """Return the source as it is now, if it is as the request wants it."""
    try:
        found = await versions.look(call, source.place, source.id)
    except errors.s3.MethodNotAllowed as error:
        raise errors.s3.InvalidRequest(
            "The source of a copy request may not specifically refer to a delete marker by version "
            "id."
        ) from error
    conditions.check_source(conditions.of_source(asked), found.version)
    return found


def _shown_source(source: Source, found: Found) -> dict[str, object]:
    id = versions.shown_id(source.place.bucket, found.version).get("VersionId")
    return {} if id is None else {"CopySourceVersionId": id}


# --- objects ---


async def copy(call: ObjectCall, asked: Asked) -> Answer:
    """Make an object of another one, or the same one with other metadata."""
    where = versions.place(call, asked)
    source = source_of(call, asked)
    for _ in range(ATTEMPTS):
        found = await _look(call, asked, source)
        unlocked = _unlocked(call, asked, source, found)
        wanted = _wanted(call, where, asked, (source, found))
        try:
            made = await _made(call, where, asked, (found, unlocked))
            version = await _commit(call, where, asked, (made, wanted))
        except Gone:
            continue
        return Answer(
            result={
                "CopyObjectResult": {
                    "ETag": objects.quoted(version.etag),
                    "LastModified": conditions.modified(version),
                    **objects.checksums_shown(Found(version, about.of(version))),
                },
                **_shown_source(source, found),
                **versions.shown_id(where.bucket, version),
                **encryption.shown(made.sealing, asked),
            }
        )
    raise errors.s3.OperationAborted()


def _unlocked(call: ObjectCall, asked: Asked, source: Source, found: Found) -> Unlocked | None:
    """Return the source's data key."""
    told = encryption.of_source(asked)
    return encryption.unlock(call, source.place, found.about.sealing, told)


async def _made(
    call: ObjectCall, where: Place, asked: Asked, given: tuple[Found, Unlocked | None]
) -> _Made:
    """Return the bytes of the copy: the source's as they lie, or else sealed in another way."""
    found, unlocked = given
    kept, size = found.about, found.version.size
    target = encryption.begin(call, where, asked)
    if target is None and unlocked is None:
        return _Made(found, None)
    if target and unlocked and target.sealing.method == unlocked.sealing.method == AES256:
        return _Made(found, encryption.rewrapped(call, unlocked, where).sealing)
    _check_size(size)
    algorithm = next(iter(kept.checksums), "")
    pieces = encryption.plain(call.engine, found, unlocked, (0, size))
    key = target.key() if target else None
    content, taken = await _rewritten(call, pieces, size, (algorithm, key))
    checksums = taken.checksums if algorithm else wholes.own(content, taken)
    version = replace(found.version, etag=encryption.etag(target, taken.md5), parts=())
    about = replace(kept, checksums=checksums, checksum_type=FULL, parts=())
    return _Made(Found(version, about), target.sealing if target else None, content)


async def _commit(
    call: ObjectCall, where: Place, asked: Asked, given: tuple[_Made, About]
) -> Version:
    made, wanted = given
    found, content = made.found, made.content
    id = versions.id_for(where.bucket)
    ifs = conditions.read(asked)
    wanted = replace(
        wanted,
        checksums=found.about.checksums,
        checksum_type=found.about.checksum_type,
        parts=found.about.parts,
        sealing=made.sealing,
    )

    def work(tx: Tx, blobs: Sequence[Blob]) -> Version:
        conditions.check_write(ifs, tx.current(where.number, where.key))
        version = Version(
            id=id,
            modified_ms=tx.now_ms,
            size=found.version.size,
            etag=found.version.etag,
            parts=found.version.parts or tuple(tx.keep(blob) for blob in blobs if blob.size),
            about=about.encode(wanted),
        )
        versions.add(tx, where, version)
        return version

    return await versions.commit(call, work, [content] if content else ())


def _wanted(call: ObjectCall, where: Place, asked: Asked, given: tuple[Source, Found]) -> About:
    """Return what is kept with the copy: the source's, or what the request says instead."""
    source, found = given
    replaces = _directive(asked, "MetadataDirective", "x-amz-metadata-directive")
    replaces_tags = _directive(asked, "TaggingDirective", "x-amz-tagging-directive")
    wanted, kept = intents.read(call, where, asked), found.about
    is_itself = (source.place.number, source.place.key) == (where.number, where.key)
    changes = replaces or any(asked.get(member) for member in _CHANGING)
    if is_itself and source.id is None and not changes:
        raise errors.s3.InvalidRequest(
            "This copy request is illegal because it is trying to copy an object to itself without "
            "changing the object's metadata, storage class, website redirect location or "
            "encryption attributes."
        )
    redirect = wanted.headers.get("WebsiteRedirectLocation")
    headers = {
        name: value for name, value in kept.headers.items() if name != "WebsiteRedirectLocation"
    }
    if redirect is not None:
        headers["WebsiteRedirectLocation"] = redirect
    return replace(
        wanted,
        headers=wanted.headers if replaces else headers,
        metadata=wanted.metadata if replaces else kept.metadata,
        tags=wanted.tags if replaces_tags else kept.tags,
    )


def _directive(asked: Asked, member: str, header: str) -> bool:
    """Tell whether something is replaced, and not copied."""
    said: str = asked.get(member) or "COPY"
    if said not in ("COPY", "REPLACE"):
        raise errors.s3.InvalidArgument(argument=header, value=said[:100])
    return said == "REPLACE"


# --- parts ---


async def copy_part(call: ObjectCall, asked: Asked) -> Answer:
    """Take bytes of another object as a part of an upload."""
    where = versions.place(call, asked)
    number = uploads.number_of(asked)
    upload = await uploads.look(call, where, asked["UploadId"])
    source = source_of(call, asked)
    kept = about.of_upload(upload)
    unlocked = encryption.unlock(call, where, kept.about.sealing, asked)
    key = unlocked.key(number) if unlocked else None
    content, taken, found = await _read_source(call, asked, source, (kept.algorithm, key))
    etag = encryption.etag(unlocked, taken.md5)
    arrived = ArrivedAbout(checksums=wholes.of_part(kept, content, taken))
    times: list[int] = []

    def work(tx: Tx, blobs: Sequence[Blob]) -> None:
        times.append(tx.now_ms)
        part = UploadPart(
            number=number,
            size=taken.size,
            etag=etag,
            modified_ms=tx.now_ms,
            parts=tuple(tx.keep(blob) for blob in blobs if blob.size),
            about=about.encode(arrived),
        )
        uploads.keep_part(tx, where, upload.id, part)

    await versions.commit(call, work, [content])
    shown = {name: arrived.checksums[name] for name in arrived.checksums if name == kept.algorithm}
    result: dict[str, object] = {
        "ETag": objects.quoted(etag),
        "LastModified": conditions.at(times[0]),
        **objects.shown_checksums(shown),
    }
    told = encryption.shown(kept.about.sealing, asked)
    return Answer(result={"CopyPartResult": result, **_shown_source(source, found), **told})


async def _read_source(
    call: ObjectCall, asked: Asked, source: Source, sealed: tuple[str, frames.Key | None]
) -> tuple[Content, Taken, Found]:
    """Read the bytes that are asked for into a content of their own."""
    header: str | None = asked.get("CopySourceRange")
    for _ in range(ATTEMPTS):
        found = await _look(call, asked, source)
        unlocked = _unlocked(call, asked, source, found)
        size = found.version.size
        start, end = ranges.parse_of_source(header, size) if header else (0, size)
        _check_size(end - start)
        pieces = encryption.plain(call.engine, found, unlocked, (start, end))
        try:
            content, taken = await _rewritten(call, pieces, end - start, sealed)
        except Gone:
            continue
        return content, taken, found
    raise errors.s3.OperationAborted()


def _check_size(size: int) -> None:
    if size > objects.SIZE_MAX:
        raise errors.s3.InvalidRequest(
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {objects.SIZE_MAX}"
        )


async def _rewritten(
    call: ObjectCall, pieces: Iterator[bytes], size: int, sealed: tuple[str, frames.Key | None]
) -> tuple[Content, Taken]:
    """Write verified bytes anew: with a checksum of their own, and sealed by a key of their own."""
    try:
        return await call.in_thread(lambda: _rewrite(call.engine, pieces, size, sealed))
    except NoSpace as error:
        raise errors.s3.InsufficientStorage() from error
    except Corrupt as error:
        raise errors.s3.InternalError() from error


def _rewrite(
    engine: Engine, pieces: Iterator[bytes], size: int, sealed: tuple[str, frames.Key | None]
) -> tuple[Content, Taken]:
    """Do it; blocks for as long as that takes."""
    algorithm, key = sealed
    engine.check_room(size)
    name = algorithm or (wholes.OWN.value if key else "")
    md5 = hashlib.md5(usedforsecurity=False)
    other = wholes.hasher(name)
    receiver = engine.receive()
    try:
        sealer = frames.Sealer(key, receiver) if key else None
        for data in pieces:
            md5.update(data)
            if other is not None:
                other.update(data)
            (sealer or receiver).write(data)
        if sealer is not None:
            sealer.finish()
        content = receiver.finish()
    finally:
        receiver.abandon()
    checksums = {name: other.digest()} if other is not None else {}
    return content, Taken(size=size, md5=md5.digest(), checksums=checksums)


def _needs_of_copy(_call: Call, asked: Asked) -> Iterable[tuple[str, str]]:
    """Return what the copy needs; what the source needs is asked when it is known."""
    return intents.needs(asked)


_SOURCE = (
    "CopySource",
    "CopySourceIfMatch",
    "CopySourceIfModifiedSince",
    "CopySourceIfNoneMatch",
    "CopySourceIfUnmodifiedSince",
    "ExpectedSourceBucketOwner",
    *encryption.OF_SOURCE,
)

ACTIONS = (
    rows.of_object(
        "CopyObject",
        Serve(handle=copy, changes=True),
        _needs_of_copy,
        (
            *_SOURCE,
            *encryption.HONOURS,
            *intents.HONOURS,
            *conditions.WRITE,
            "MetadataDirective",
            "TaggingDirective",
        ),
    ),
    rows.of_object(
        "UploadPartCopy",
        Serve(handle=copy_part, changes=True),
        rows.on_object("s3:PutObject"),
        (*_SOURCE, *encryption.OF_CUSTOMER, "CopySourceRange", "UploadId", "PartNumber"),
    ),
)
