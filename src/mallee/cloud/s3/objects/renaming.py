"""RenameObject: an object under another key of its bucket, in one transaction and moving no byte.

S3 has it for one kind of its buckets only; here every bucket has it, since it costs nothing and
spares programs a copy and a deletion that a failure may come between. Where versions are kept the
old key gets a marker, as by a deletion. Called by the pipeline. Not its business: copies.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from urllib.parse import unquote_to_bytes

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Serve
from mallee.cloud.call import Call
from mallee.cloud.s3 import rows
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.objects import about, conditions, deleting, versions
from mallee.cloud.s3.objects.about import Found
from mallee.cloud.s3.objects.conditions import Conditions
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.s3.rows import Asked
from mallee.cloud.s3.sealing import encryption
from mallee.walrus.records import Blob, Version
from mallee.walrus.seam import Tx

_IFS = ("IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince")


async def rename(call: ObjectCall, asked: Asked) -> Answer:
    """Give an object another key; what was there is replaced."""
    target = versions.place(call, asked)
    source = _source(call, target, asked)
    ids = versions.id_for(target.bucket), versions.id_for(target.bucket)
    found = await _look(call, target, source, asked)
    if found is None:
        return Answer()
    if source.key == target.key:
        raise errors.s3.InvalidRequest("An object cannot be renamed to the key that it has.")
    wanted = await _moved(call, found, source, target)
    wanted = replace(wanted, renamed_by=asked.get("ClientToken") or "")
    whole = replace(found.version, id=ids[0], about=about.encode(wanted))

    def work(tx: Tx, _: Sequence[Blob]) -> None:
        _check(asked, "Destination", tx.current(target.number, target.key))
        if tx.current(source.number, source.key) != found.version:
            raise errors.s3.OperationAborted()
        versions.add(tx, target, replace(whole, modified_ms=tx.now_ms))
        gone = deleting.Deletion(place=source, id=None, marker=ids[1])
        deleting.perform(tx, gone, call.now)

    await versions.commit(call, work)
    return Answer()


def _source(call: ObjectCall, target: Place, asked: Asked) -> Place:
    """Return the place of the object; raise when it is in another bucket, or not the caller's."""
    text: str = asked["RenameSource"]
    bucket, _, key = unquote_to_bytes(text.removeprefix("/")).partition(b"/")
    if not key or bucket != target.bucket.name.encode() or len(key) > versions.KEY_MAX:
        raise errors.s3.InvalidArgument(
            "Invalid rename source object key", argument="x-amz-rename-source", value=text[:200]
        )
    arn = f"arn:aws:s3:::{target.bucket.name}/{key.decode(errors='replace')}"
    if not (call.may("s3:GetObject", arn) and call.may("s3:DeleteObject", arn)):
        raise errors.s3.AccessDenied()
    return dataclasses.replace(target, key=key)


async def _look(call: ObjectCall, target: Place, source: Place, asked: Asked) -> Found | None:
    """Return the object as it is now; None when the same request has renamed it before."""
    try:
        found = await versions.look(call, source, None)
    except errors.s3.NoSuchKey:
        reader = call.engine.reader
        there = call.look(lambda: reader.current(target.number, target.key))
        if there is None or there.is_marker or not asked.get("ClientToken"):
            raise
        if about.of(there).renamed_by != asked["ClientToken"]:
            raise
        return None
    _check(asked, "Source", found.version)
    return found


def _check(asked: Asked, side: str, version: Version | None) -> None:
    """Raise unless what is there is as the request wants it."""
    given = {name: asked[f"{side}{name}"] for name in _IFS if asked.get(f"{side}{name}")}
    ifs = conditions.read(given)
    there = None if version is None or version.is_marker else version
    is_new = ifs.none_match == "*"
    if there is None or is_new:
        wanted = Conditions(match=ifs.match, none_match="*" if is_new else None)
        conditions.check_write(wanted, there)
    else:
        conditions.check_source(ifs, there)


async def _moved(call: ObjectCall, found: Found, source: Place, target: Place) -> about.About:
    """Return what is kept with the object in its new place, its key wrapped for that place."""
    unlocked = encryption.unlock(call, source, found.about.sealing, {})
    if unlocked is None:
        return found.about
    return replace(found.about, sealing=await encryption.moved(call, unlocked, target))


def _needs(_call: Call, asked: Asked) -> Iterable[tuple[str, str]]:
    """Return what putting the object there takes; what its old key needs is asked beside."""
    return (("s3:PutObject", rows.object_arn(asked)),)


ACTIONS = (
    rows.of_object(
        "RenameObject",
        Serve(handle=rename, changes=True),
        _needs,
        (
            "RenameSource",
            "ClientToken",
            *(f"{side}{name}" for side in ("Source", "Destination") for name in _IFS),
        ),
    ),
)
