"""Buckets: making, finding, listing and deleting them.

A bucket is a record whose id is its name, and a number under which the engine keeps its objects.
It is deleted in two steps that a kill may come between: the engine closes the number, if it is
empty, and takes nothing more under it; then the record goes. `finish_deletions` does the second
step of what was cut off. Called by the pipeline. Not its business: a bucket's settings.
"""

import asyncio
import base64
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv4Address

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Serve, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows, tags
from mallee.cloud.s3.access import acls
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import secretbox
from mallee.model.storage.buckets import Bucket, Versioning
from mallee.walrus.records import Blob
from mallee.walrus.seam import Engine, Tx

BucketRecord = Record[Bucket, None]

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_LISTED_MAX = 10_000
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)


def find(view: store.View, name: str) -> BucketRecord | None:
    """Return the bucket of that name, whoever owns it."""
    return view.get(records.BUCKET, name)


def owner_of(view: store.View, name: str) -> str:
    """Return the account that owns a bucket; empty when there is none."""
    record = find(view, name)
    return record.account if record else ""


def asked_for(view: store.View, asked: rows.Asked) -> BucketRecord:
    """Return the bucket that a request names; raise when it is not there, or not whose it says."""
    name: str = asked["Bucket"]
    record = find(view, name)
    if record is None:
        raise errors.s3.NoSuchBucket(bucket=name)
    check_owner(record, asked.get("ExpectedBucketOwner"))
    return record


def check_owner(record: BucketRecord, expected: str | None) -> None:
    """Raise when a bucket is not the account's that the caller believes that it is."""
    if expected is None or expected == record.account:
        return
    if not _ACCOUNT.fullmatch(expected):
        raise errors.s3.InvalidBucketOwnerAWSAccountID(value=expected[:100])
    raise errors.s3.AccessDenied()


def created(record: BucketRecord) -> datetime:
    """Return when a bucket was made."""
    return datetime.fromtimestamp(record.doc.created_at, UTC)


# --- making ---


def create(call: WriteCall, asked: rows.Asked) -> Result:
    """Make a bucket; a second time it is the caller's already, which is an error that says so."""
    name: str = asked["Bucket"]
    check_name(name)
    if asked.get("BucketNamespace") not in (None, "global"):
        raise errors.s3.NotImplemented("Names of buckets are of all accounts, in this cloud.")
    _check_place(call, asked.get("CreateBucketConfiguration"))
    there = find(call.view, name)
    if there is not None:
        is_own = there.account == call.account
        error = errors.s3.BucketAlreadyOwnedByYou if is_own else errors.s3.BucketAlreadyExists
        raise error(bucket=name)
    has_lock = bool(asked.get("ObjectLockEnabledForBucket"))
    doc = Bucket(
        name=name,
        number=int.from_bytes(call.entropy(8), "big") >> 2,
        created_at=call.now,
        sealed_key=call.box.seal(call.entropy(secretbox.KEY_BYTES)),
        made_by=call.principal.issuer_id,
        ownership=asked.get("ObjectOwnership") or "BucketOwnerEnforced",
        tags=_tags(asked),
        has_object_lock=has_lock,
        versioning=Versioning.ENABLED if has_lock else Versioning.NEVER,
    )
    doc = acls.of_new_bucket(call.view, call.account, doc, asked)
    call.tx.insert(records.BUCKET, call.account, name, doc)
    return {"Location": f"/{name}"}


def check_name(name: str) -> None:
    """Raise unless a bucket may have the name."""
    is_right = (
        _NAME.fullmatch(name) is not None
        and not any(pair in name for pair in ("..", ".-", "-."))
        and not name.startswith(_RESERVED)
        and not name.endswith(_RESERVED_ENDS)
        and not _is_address(name)
    )
    if not is_right:
        raise errors.s3.InvalidBucketName(bucket=name[:255])


def _is_address(name: str) -> bool:
    try:
        IPv4Address(name)
    except AddressValueError:
        return False
    return True


def _check_place(call: Call, wanted: rows.Asked) -> None:
    """Raise unless a bucket is wanted where buckets are."""
    if not wanted:
        return
    for member in wanted:
        if member not in ("LocationConstraint", "Tags"):
            raise errors.s3.NotImplemented(f"{member} of a new bucket is not supported.")
    place: str | None = wanted.get("LocationConstraint")
    # What an old client calls Europe is a region like any other; this cloud has one.
    if place and place not in (call.settings.region, "US", "EU"):
        raise errors.s3.InvalidLocationConstraint(value=place[:100])


def _tags(asked: rows.Asked) -> dict[str, str]:
    wanted: rows.Asked = asked.get("CreateBucketConfiguration")
    return tags.read(wanted.get("Tags") or ()) if wanted else {}


# --- looking ---


def head(call: Call, asked: rows.Asked) -> Result:
    """Tell that a bucket is there."""
    asked_for(call.view, asked)
    return {"BucketRegion": call.settings.region, "AccessPointAlias": False}


def location(call: Call, asked: rows.Asked) -> Result:
    """Return where a bucket is; AWS's oldest region has no name here."""
    asked_for(call.view, asked)
    region = call.settings.region
    return {} if region == "us-east-1" else {"LocationConstraint": region}


def list_own(call: Call, asked: rows.Asked) -> Result:
    """List the caller's buckets by name."""
    prefix: str = asked.get("Prefix") or ""
    most: int = asked.get("MaxBuckets") or _LISTED_MAX
    after = _opened_token(asked.get("ContinuationToken") or "")
    region: str | None = asked.get("BucketRegion")
    found = sorted(
        (
            record
            for record in call.view.list(records.BUCKET, call.account)
            if record.id.startswith(prefix) and record.id > after
        ),
        key=lambda record: record.id,
    )
    if region is not None and region != call.settings.region:
        found = []
    result: dict[str, object] = {
        "Buckets": [_shown(call, record, "MaxBuckets" in asked) for record in found[:most]],
        "Owner": acls.owner(call.view, call.account),
    }
    if prefix:
        result["Prefix"] = prefix
    if len(found) > most:
        result["ContinuationToken"] = base64.urlsafe_b64encode(found[most - 1].id.encode()).decode()
    return result


def _shown(call: Call, record: BucketRecord, with_region: bool) -> Result:
    shown = {"Name": record.id, "CreationDate": created(record)}
    return {**shown, "BucketRegion": call.settings.region} if with_region else shown


def _opened_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError as error:
        raise errors.s3.InvalidArgument(
            "The continuation token provided is incorrect", argument="continuation-token"
        ) from error


# --- deleting ---


async def delete(call: ObjectCall, asked: rows.Asked) -> Answer:
    """Delete an empty bucket."""
    record = asked_for(call.view, asked)
    number = record.doc.number

    def close(tx: Tx, _: Sequence[Blob]) -> bool:
        return tx.close_bucket(number)

    if not await asyncio.wrap_future(call.engine.commit(close)):
        raise errors.s3.BucketNotEmpty(bucket=record.id)
    await call.store.run(lambda tx: _forget(tx, record.id, number))
    return Answer()


async def finish_deletions(opened: store.Store, engine: Engine) -> None:
    """Delete the records of buckets that were closed, and whose deletion was cut off."""
    for record in opened.view.list(records.BUCKET):
        if await asyncio.to_thread(engine.reader.is_closed, record.doc.number):
            id, number = record.id, record.doc.number
            await opened.run(lambda tx, id=id, number=number: _forget(tx, id, number))


def _forget(tx: store.Tx, name: str, number: int) -> None:
    """Delete a bucket's record, unless there is another bucket of that name by now."""
    record = tx.get(records.BUCKET, name)
    if record is not None and record.doc.number == number:
        tx.delete(record)


def _on_all(_call: Call, _asked: rows.Asked) -> Iterable[tuple[str, str]]:
    return (("s3:ListAllMyBuckets", "arn:aws:s3:::*"),)


def _needs_of_create(_call: Call, asked: rows.Asked) -> Iterable[tuple[str, str]]:
    """Return the permissions that making the bucket takes, with all that it is to have."""
    arn = rows.bucket_arn(asked)
    yield "s3:CreateBucket", arn
    if asked.get("ACL") not in (None, "private") or any(map(asked.get, acls.PERMISSIONS)):
        yield "s3:PutBucketAcl", arn
    if asked.get("ObjectOwnership"):
        yield "s3:PutBucketOwnershipControls", arn
    if asked.get("ObjectLockEnabledForBucket"):
        yield "s3:PutBucketObjectLockConfiguration", arn
        yield "s3:PutBucketVersioning", arn


ACTIONS = (
    Action(
        service="s3",
        name="CreateBucket",
        does=Write(handle=create),
        needs=_needs_of_create,
        honours=frozenset(
            {
                "Bucket",
                "CreateBucketConfiguration",
                "ObjectLockEnabledForBucket",
                "ObjectOwnership",
                "BucketNamespace",
                *acls.BUCKET,
            }
        ),
    ),
    rows.of_bucket("DeleteBucket", Serve(handle=delete, changes=True), "s3:DeleteBucket"),
    rows.of_bucket("HeadBucket", Read(handle=head), "s3:ListBucket"),
    rows.of_bucket("GetBucketLocation", Read(handle=location), "s3:GetBucketLocation"),
    Action(
        service="s3",
        name="ListBuckets",
        does=Read(handle=list_own),
        honours=frozenset({"MaxBuckets", "ContinuationToken", "Prefix", "BucketRegion"}),
        needs=_on_all,
    ),
)
