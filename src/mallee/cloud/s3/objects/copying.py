"""Copies: of whole objects, which move no byte, and of stretches of bytes as parts of uploads.

A copied object refers to the same stored bytes as its source. It is one piece: where the source
came in parts, or another checksum is wanted, the bytes are read once for the ETag and checksum of
the whole. A part that is copied is written anew. Called by the pipeline. Not its business: reading
and writing anew (`rewriting`), where stored bytes lie (`mallee.walrus`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Serve
from mallee.cloud.call import Call
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets, lifecycle
from mallee.cloud.s3.exchange import Answer, ObjectCall, Taken
from mallee.cloud.s3.objects import (
    about,
    conditions,
    intents,
    objects,
    ranges,
    rewriting,
    uploads,
    versions,
    wholes,
)
from mallee.cloud.s3.objects.about import FULL, About, ArrivedAbout, Found, Sealing
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.s3.rows import Asked
from mallee.cloud.s3.sealing import encryption, frames
from mallee.cloud.s3.sealing.encryption import Unlocked
from mallee.walrus.errors import Gone
from mallee.walrus.records import Blob, Content, UploadPart, Version
from mallee.walrus.seam import Tx

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

    @property
    def arn(self) -> str:
        """What policies call it."""
        key = self.place.key.decode(errors="replace")
        return f"arn:aws:s3:::{self.place.bucket.name}/{key}"


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
    if not call.may("s3:GetObjectVersion" if id is not None else "s3:GetObject", arn, id):
        raise errors.s3.AccessDenied()
    if record is None:
        raise errors.s3.NoSuchBucket(bucket=name)
    buckets.check_owner(record, asked.get("ExpectedSourceBucketOwner"))
    return Source(Place(record.doc, record.account, key), id)


def _source_again(call: ObjectCall, asked: Asked) -> Source:
    """Return the source that is there by now, once the caller may read that one too."""
    call.sight.forget()
    return source_of(call, asked)


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
            source = _source_again(call, asked)
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
                **lifecycle.shown_end(where.bucket, where.key, version),
                **encryption.shown_of_new(made.sealing, asked),
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
    target = await encryption.begin(call, where, asked)
    algorithm: str = asked.get("ChecksumAlgorithm") or next(iter(kept.checksums), "")
    shared = _shared(where, target, unlocked)
    if shared is not None and _is_one(found, algorithm):
        return _Made(found, shared.sealing)
    rewriting.check_size(size)
    pieces = encryption.plain(call.engine, found, unlocked, (0, size))
    if shared is not None:
        taken = await rewriting.hashed(call, pieces, size, algorithm or wholes.OWN.value)
        return _Made(_as_one(found, taken), shared.sealing)
    key = target.key() if target else None
    content, taken = await rewriting.rewritten(call, pieces, size, (algorithm, key))
    checksums = taken.checksums if algorithm else wholes.own(content, taken)
    version = replace(found.version, etag=encryption.etag(target, taken.md5), parts=())
    about = replace(kept, checksums=checksums, checksum_type=FULL, parts=(), is_one=False)
    return _Made(Found(version, about), target.sealing if target else None, content)


@dataclass(frozen=True, slots=True)
class _Shared:
    """Bytes that lie as the copy is to have them."""

    sealing: Sealing | None


def _shared(where: Place, target: Unlocked | None, unlocked: Unlocked | None) -> _Shared | None:
    """Return how the source's own bytes serve for the copy; None: they do not."""
    if target is None and unlocked is None:
        return _Shared(None)
    if target and unlocked and encryption.may_share(unlocked, target):
        return _Shared(encryption.rewrapped(unlocked, target, where))
    return None


def _is_one(found: Found, algorithm: str) -> bool:
    """Tell whether ETag and checksum of the source are already those of one piece."""
    kept = found.about
    is_whole = not kept.pieces and kept.checksum_type == FULL
    return is_whole and (not algorithm or algorithm in kept.checksums)


def _as_one(found: Found, taken: Taken) -> Found:
    """Return the source as one piece; its bytes go on lying in parts, if they do."""
    return Found(
        replace(found.version, etag=taken.md5.hex()),
        replace(found.about, checksums=taken.checksums, checksum_type=FULL, is_one=True),
    )


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
        is_one=found.about.is_one,
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
    if kept.tags and not replaces_tags and not _may_read_tags(call, source):
        raise errors.s3.AccessDenied()
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


def _may_read_tags(call: ObjectCall, source: Source) -> bool:
    of_version = "s3:GetObjectVersionTagging"
    permission = "s3:GetObjectTagging" if source.id is None else of_version
    return call.may(permission, source.arn, source.id)


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
        rewriting.check_size(end - start)
        pieces = encryption.plain(call.engine, found, unlocked, (start, end))
        try:
            content, taken = await rewriting.rewritten(call, pieces, end - start, sealed)
        except Gone:
            source = _source_again(call, asked)
            continue
        return content, taken, found
    raise errors.s3.OperationAborted()


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
            "ChecksumAlgorithm",
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
