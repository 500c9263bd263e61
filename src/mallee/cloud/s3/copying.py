"""Copies: of whole objects, which move no byte, and of stretches of bytes as parts of uploads.

A copied object refers to the same stored bytes as its source, and has its ETag and checksums. A
part that is copied is read, verified and written anew, for it needs an ETag of its own. Called by
the pipeline. Not its business: where stored bytes lie (`mallee.walrus`).
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
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
    intents,
    objects,
    ranges,
    rows,
    uploads,
    versions,
    wholes,
)
from mallee.cloud.s3.about import About, ArrivedAbout, Found
from mallee.cloud.s3.exchange import Answer, ObjectCall, Taken
from mallee.cloud.s3.rows import Asked
from mallee.cloud.s3.versions import Place
from mallee.walrus import reader as reading
from mallee.walrus.contents import Content
from mallee.walrus.engine import Corrupt, Engine, NoSpace
from mallee.walrus.records import Blob, UploadPart, Version
from mallee.walrus.tx import Gone, Tx

ATTEMPTS = 5
"""How often a source is looked up that is replaced at the same moment."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """What a copy is made of."""

    place: Place
    id: str | None
    """The version that the request names."""


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
        wanted = _wanted(call, where, asked, (source, found))
        try:
            version = await _commit(call, where, asked, (found, wanted))
        except Gone:
            continue
        return Answer(
            result={
                "CopyObjectResult": {
                    "ETag": objects.quoted(version.etag),
                    "LastModified": conditions.modified(version),
                    **objects.checksums_shown(Found(version, wanted)),
                },
                **_shown_source(source, found),
                **versions.shown_id(where.bucket, version),
            }
        )
    raise errors.s3.OperationAborted()


async def _commit(
    call: ObjectCall, where: Place, asked: Asked, given: tuple[Found, About]
) -> Version:
    found, wanted = given
    id = versions.id_for(where.bucket)
    ifs = conditions.read(asked)

    def work(tx: Tx, _: Sequence[Blob]) -> Version:
        conditions.check_write(ifs, tx.current(where.number, where.key))
        version = Version(
            id=id,
            modified_ms=tx.now_ms,
            size=found.version.size,
            etag=found.version.etag,
            parts=found.version.parts,
            about=about.encode(wanted),
        )
        tx.add(where.number, where.key, version)
        return version

    return await versions.commit(call, work)


def _wanted(call: ObjectCall, where: Place, asked: Asked, given: tuple[Source, Found]) -> About:
    """Return what is kept with the copy: the source's, or what the request says instead."""
    source, found = given
    replaces = _directive(asked, "MetadataDirective", "x-amz-metadata-directive")
    replaces_tags = _directive(asked, "TaggingDirective", "x-amz-tagging-directive")
    wanted, kept = intents.read(call, where, asked), found.about
    is_itself = (source.place.number, source.place.key) == (where.number, where.key)
    changes = (
        replaces or bool(asked.get("StorageClass")) or bool(asked.get("WebsiteRedirectLocation"))
    )
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
        checksums=kept.checksums,
        checksum_type=kept.checksum_type,
        parts=kept.parts,
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
    content, taken, found = await _read_source(call, asked, source, kept.algorithm)
    arrived = ArrivedAbout(checksums=wholes.of_part(kept, content, taken))
    times: list[int] = []

    def work(tx: Tx, blobs: Sequence[Blob]) -> None:
        times.append(tx.now_ms)
        part = UploadPart(
            number=number,
            size=taken.size,
            etag=taken.md5.hex(),
            modified_ms=tx.now_ms,
            parts=tuple(tx.keep(blob) for blob in blobs if blob.size),
            about=about.encode(arrived),
        )
        uploads.keep_part(tx, where, upload.id, part)

    await versions.commit(call, work, [content])
    shown = {name: arrived.checksums[name] for name in arrived.checksums if name == kept.algorithm}
    result: dict[str, object] = {
        "ETag": objects.quoted(taken.md5.hex()),
        "LastModified": conditions.at(times[0]),
        **objects.shown_checksums(shown),
    }
    return Answer(result={"CopyPartResult": result, **_shown_source(source, found)})


async def _read_source(
    call: ObjectCall, asked: Asked, source: Source, algorithm: str
) -> tuple[Content, Taken, Found]:
    """Read the bytes that are asked for into a content of their own."""
    header: str | None = asked.get("CopySourceRange")
    for _ in range(ATTEMPTS):
        found = await _look(call, asked, source)
        size = found.version.size
        stretch = ranges.parse_of_source(header, size) if header else (0, size)
        if stretch[1] - stretch[0] > objects.SIZE_MAX:
            raise errors.s3.InvalidRequest(
                "The specified copy source is larger than the maximum allowable size for a copy "
                f"source: {objects.SIZE_MAX}"
            )
        try:
            content, taken = await call.in_thread(
                lambda version=found.version, stretch=stretch: _rewrite(
                    call.engine, version, stretch, algorithm
                )
            )
        except Gone:
            continue
        except NoSpace as error:
            raise errors.s3.InsufficientStorage() from error
        except Corrupt as error:
            raise errors.s3.InternalError() from error
        return content, taken, found
    raise errors.s3.OperationAborted()


def _rewrite(
    engine: Engine, version: Version, stretch: tuple[int, int], algorithm: str
) -> tuple[Content, Taken]:
    """Copy verified bytes; blocks for as long as that takes."""
    start, end = stretch
    engine.check_room(end - start)
    md5 = hashlib.md5(usedforsecurity=False)
    other = wholes.hasher(algorithm)
    receiver = engine.receive()
    try:
        for one in engine.reader.stretches(version.parts, start, end):
            for first, last in reading.verified(one):
                for data in _pieces(one, first, last):
                    md5.update(data)
                    if other is not None:
                        other.update(data)
                    receiver.write(data)
        size = receiver.size
        content = receiver.finish()
    finally:
        receiver.abandon()
    checksums = {algorithm: other.digest()} if other is not None else {}
    return content, Taken(size=size, md5=md5.digest(), checksums=checksums)


def _pieces(stretch: reading.Stretch, first: int, last: int) -> Iterable[bytes]:
    for at in range(first, last, _CHUNK):
        yield os.pread(stretch.descriptor, min(_CHUNK, last - at), stretch.blob.offset + at)


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
)

ACTIONS = (
    rows.of_object(
        "CopyObject",
        Serve(handle=copy, changes=True),
        _needs_of_copy,
        (
            *_SOURCE,
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
        (*_SOURCE, "CopySourceRange", "UploadId", "PartNumber"),
    ),
)
