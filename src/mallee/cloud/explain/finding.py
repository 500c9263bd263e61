"""The thing that somebody asks about, by its id or ARN, and the ARN that policies know it by.

An account's own things of EC2 and its buckets are found by everybody in it who may; what is another
account's is as little there as what never was. Administrators of the cloud find the things of all
accounts, and hosts. What is a secret itself (access keys, tokens) nobody finds.
Called by the rows of `admin.resources`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from mallee.aws import errors
from mallee.cloud import things
from mallee.cloud.call import Call, Request
from mallee.cloud.dlm import naming as policies
from mallee.cloud.ec2 import arns as ec2_arns
from mallee.cloud.ec2 import resources as ec2_resources
from mallee.cloud.identity import sealed
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind, Record
from mallee.model import ids

_SECRET_KINDS = frozenset(
    kind.name
    for kind in (*sealed.kinds(), records.CLIENT_TOKEN, records.JOIN_TOKEN, records.FRONT_END_TOKEN)
    # What is sealed in a bucket's document is left out where it is shown (`past`).
    if kind is not records.BUCKET
)
_BY_PREFIX: dict[str, Kind[Any, Any]] = {
    **{prefix: known.kind for prefix, known in ec2_resources.BY_PREFIX.items()},
    "pcx": records.PEERING,
    "tgw-attach": records.TRANSIT_ATTACHMENT,
    "policy": records.LIFECYCLE_POLICY,
    "host": records.HOST,
}
_BUCKET_ARN = "arn:aws:s3:::"


def kind_of(id: str) -> Kind[Any, Any] | None:
    """Return the kind that an id's prefix names; None: none."""
    return _BY_PREFIX.get(ids.prefix_of(id))


def name_of(text: str) -> str:
    """Return the id in an ARN, or the text as an id in today's form."""
    if text.startswith("arn:"):
        text = text.removeprefix(_BUCKET_ARN).rpartition("/")[2].rpartition(":")[2]
    return ids.normalise(text)


def find(call: Call, text: str) -> Record[Any, Any]:
    """Return the thing; raise `NoSuchResource` when there is none that the caller may know of."""
    id, reader = name_of(text), ec2_resources.reader(call)
    for kind in _kinds(call, text):
        record = reader.get(kind, id)
        if record is not None and may_know(call, record):
            return record
    raise errors.NoSuchResource("resource", id)


def find_past(call: Call, text: str) -> list[store.Change]:
    """Return the newest changes of a thing, there or gone; empty when he may know of none.

    It blocks.
    """
    id = name_of(text)
    for kind in _kinds(call, text):
        found = call.history(kind, id)
        subject = found[-1].subject if found else None
        if isinstance(subject, Record) and may_know(call, subject):
            return found
    return []


def may_know(call: Call, record: Record[Any, Any]) -> bool:
    """Tell whether the caller may know that the thing exists."""
    if call.principal.is_cloud_admin or record.account == call.account:
        return True
    if record.kind is records.TRANSIT_ATTACHMENT:
        return bool(record.doc.other_account == call.account)
    return record.kind is records.PEERING and record.doc.accepter.account == call.account


def arns(call: Call, request: Request) -> tuple[str, ...]:
    """Return the ARN of the thing that a request names, whether it is there or not."""
    try:
        record = find(call, request["ResourceId"])
    except errors.NoSuchResource:
        return _arns_of_nothing(call, request["ResourceId"])
    return (arn(call, record),)


def arn(call: Call, record: Record[Any, Any]) -> str:
    """Return the thing's ARN."""
    region, kind = call.settings.region, record.kind
    if kind is records.BUCKET:
        return f"{_BUCKET_ARN}{record.id}"
    if kind is records.LIFECYCLE_POLICY:
        return policies.arn_of(region, record.account or call.account, record.id)
    if kind is not records.HOST and kind in _BY_PREFIX.values():
        if record.account == call.account:
            return ec2_arns.of(call, kind, record.id)
        return things.of_ec2(region, record.account, kind.name, record.id)
    return f"arn:aws:mallee:{region}:{record.account or call.account}:{kind.name}/{record.id}"


def _arns_of_nothing(call: Call, text: str) -> tuple[str, ...]:
    kind = kind_of(name_of(text))
    if kind is records.LIFECYCLE_POLICY:
        return (policies.arn(call, name_of(text)),)
    return (
        ec2_arns.EVERYTHING
        if kind in (None, records.HOST)
        else (ec2_arns.of(call, kind, name_of(text)),)
    )


def _kinds(call: Call, text: str) -> Iterator[Kind[Any, Any]]:
    """Yield the kinds that may have a thing of that name, the likeliest first."""
    if text.startswith(_BUCKET_ARN):
        yield records.BUCKET
        return
    likeliest = kind_of(name_of(text))
    if likeliest is not None:
        yield likeliest
    yield records.BUCKET
    if call.principal.is_cloud_admin:
        yield from _others(likeliest)


def _others(likeliest: Kind[Any, Any] | None) -> Iterable[Kind[Any, Any]]:
    for kind in records.KINDS.values():
        if kind.name not in _SECRET_KINDS and kind not in (likeliest, records.BUCKET):
            yield kind
