"""Tasks of imports and exports: by whose rights they touch buckets, and which host carries them.

A task is a record at once, and is worked on by a host (`node.transfers`); what follows from how it
ended, `reconcile.transfers` does. Buckets are read and written by the rights of whoever asked, or
by a role's that he may pass on and that trusts `vmie.amazonaws.com`, as on AWS. Used by every row
of this folder that makes a task.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from mallee.aws import errors, objecturls
from mallee.cloud.action import Action, Pass
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import arns, resources
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.placing import tenancy
from mallee.cloud.identity import trust
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind, Record
from mallee.model.identity import identities
from mallee.model.storage.transfers import Access, Object, Phase, Task, TransferSeen

IMPORT_EXPORT = "vmie.amazonaws.com"
"""The service that a role for imports and exports must trust."""
UNDER_WAY_MAX = 20
"""Tasks of one kind that an account may have under way at once, as on AWS."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEY_BYTES_MAX = 1024

TaskRecord = Record[Task, TransferSeen]
TaskKind = Kind[Task, TransferSeen]


def is_under_way(record: TaskRecord) -> bool:
    """Tell whether something is still to come of a task."""
    return record.doc.ended_at is None


def percent_of(record: TaskRecord) -> int:
    """Return how far a task is, in percent."""
    seen = record.seen
    if record.doc.ended_at is not None or seen is None:
        return 0 if seen is None else seen.percent
    # The last of it is the cloud's to do: what is written down then is complete.
    return min(99, seen.percent)


def check_count(call: WriteCall, kind: TaskKind, what: str) -> None:
    """Raise `ResourceCountLimitExceeded` when an account has too much under way."""
    own = call.tx.list(kind, call.account)
    if sum(map(is_under_way, own)) >= UNDER_WAY_MAX:
        raise errors.ResourceCountLimitExceeded(UNDER_WAY_MAX, what)


# --- whose rights ---


def access_of(call: Call, role_name: str | None) -> Access:
    """Return by whose rights buckets are touched. Raises `InvalidParameter` for a wrong role."""
    if not role_name:
        return Access(call.account, call.principal.issuer_id)
    role = _role(call, role_name)
    if role is None or not _trusts(role):
        raise errors.InvalidParameter(
            f"The service role {role_name} provided does not exist or does not have sufficient "
            f"permissions: it must be a role of your account that trusts {IMPORT_EXPORT}."
        )
    return Access(call.account, role.id)


def access_to_parts(call: Call) -> Access:
    """Return by whose rights files in parts are read, whose names nobody knows before they are.

    Raises `UnsupportedOperation` for a session that policies of its own restrict: they may forbid
    one of the parts, and have no say when a host reads it.
    """
    session = call.principal.session
    if session is not None and session.is_restricted:
        raise errors.UnsupportedOperation(
            "What consists of parts is read later, when a session policy has no say any more. "
            "Call with a key of a user, or with a role's session that has no policy of its own."
        )
    return access_of(call, None)


def passed(call: Call, request: Request) -> Iterable[Pass]:
    """Yield the role that a request hands on."""
    name = request.get("RoleName")
    if not name:
        return
    role = _role(call, name)
    arn = _arn(role) if role else identities.arn(call.account, "role", "/", name)
    yield Pass(arn, IMPORT_EXPORT)


Touches = Callable[[Call, Request], Iterable[tuple[str, Object]]]
"""Yields the permissions that a request needs in buckets, each with its object."""


def touching(row: Action, touches: Touches) -> Action:
    """Return a row that needs permissions in buckets besides its own, where no role has them."""
    find = arns.finder(row)
    assert find is not None, "it begins a task"

    def needs(call: Call, request: Request) -> Iterator[tuple[str, str]]:
        for arn in find(call, request):
            yield row.permission, arn
        if not request.get("RoleName"):
            for permission, one in touches(call, request):
                yield permission, arn_of(one)

    return dataclasses.replace(row, needs=needs)


def arn_of(one: Object) -> str:
    """Return the ARN of an object."""
    return f"arn:{identities.PARTITION}:s3:::{one.bucket}/{one.key}"


def _role(call: Call, name: str) -> Record[Any, Any] | None:
    own = resources.reader(call).list(records.ROLE, call.account)
    return next((one for one in own if one.doc.name == name), None)


def _trusts(role: Record[Any, Any]) -> bool:
    asked = {"aws:sourceaccount": role.account}
    return trust.trusts_service(role.doc, _arn(role), IMPORT_EXPORT, asked)


def _arn(role: Record[Any, Any]) -> str:
    return identities.arn(role.account, "role", role.doc.path, role.doc.name)


# --- where files are ---


def parse_object(bucket: str | None, key: str | None) -> Object:
    """Return an object by its names. Raises `InvalidParameterValue`."""
    if not bucket or not key:
        raise errors.MissingParameter("S3Bucket and S3Key")
    if not _BUCKET.fullmatch(bucket):
        raise errors.InvalidParameterValue(f"Invalid value '{bucket[:80]}' for S3Bucket.")
    if len(key.encode()) > _KEY_BYTES_MAX or not key.isprintable():
        raise errors.InvalidParameterValue("Invalid value for S3Key.")
    return Object(bucket, key)


def parse_url(url: str) -> Object:
    """Return the object that a URL names: `s3://BUCKET/KEY`, or one of this cloud's own.

    Raises `InvalidParameter`: nothing is fetched from anywhere else.
    """
    if "?" in url:
        raise errors.InvalidParameter("Signed URLs are not taken here: your own rights are used.")
    return parse_signed_url(url)


def parse_signed_url(url: str) -> Object:
    """Return the object that a URL names, signed or not: who signed it is no matter here."""
    try:
        named = objecturls.parse(url)
    except objecturls.NotAnObject as error:
        raise errors.InvalidParameter(f"The given URL is not taken: {error}.") from None
    return parse_object(named.bucket, named.key)


# --- which host ---


def choose_host(view: store.View | store.Tx, account: str) -> str:
    """Return the host that carries a new task: the one with the fewest of those that are heard,
    one that is broken when no other is.

    Empty: none is; the reconciler finds one later.
    """
    able = {
        host.id: standings.is_ailing(host)
        for host in view.list(records.HOST)
        if standings.takes(host)
        if not tenancy.closed_to_disk(cast(store.Tx, view), host.id, account)
    }
    load = {id: sum(len(view.by(kind, "host", id)) for kind in TASKS) for id in able}
    return min(sorted(able), key=lambda id: (able[id], load[id]), default="")


TASKS: tuple[TaskKind, ...] = (
    records.IMPORT_IMAGE_TASK,
    records.IMPORT_SNAPSHOT_TASK,
    records.CONVERSION_TASK,
    records.REGISTRATION_TASK,
    records.BUNDLE_TASK,
    records.STORE_TASK,
    records.RESTORE_TASK,
    records.EXPORT_IMAGE_TASK,
    records.EXPORT_INSTANCE_TASK,
)
"""The kinds of records that are tasks."""
BY_PREFIX: Mapping[str, TaskKind] = {
    "import-ami": records.IMPORT_IMAGE_TASK,
    "import-snap": records.IMPORT_SNAPSHOT_TASK,
    "import-vol": records.CONVERSION_TASK,
    "import-i": records.CONVERSION_TASK,
    "import-reg": records.REGISTRATION_TASK,
    "import-restore": records.RESTORE_TASK,
    "bun": records.BUNDLE_TASK,
    "store-ami": records.STORE_TASK,
    "export-ami": records.EXPORT_IMAGE_TASK,
    "export-i": records.EXPORT_INSTANCE_TASK,
}


def find(view: store.View | store.Tx, id: str) -> TaskRecord | None:
    """Return the task of an id, whoever's it is."""
    kind = BY_PREFIX.get(id.rpartition("-")[0])
    return view.get(kind, id) if kind is not None else None


def is_done(record: TaskRecord) -> bool:
    """Tell whether its host has said that all is where it shall be."""
    return record.seen is not None and record.seen.phase is Phase.DONE
