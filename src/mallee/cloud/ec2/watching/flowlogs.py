"""Flow logs: made for VPCs, subnets and interfaces, into buckets; shown and deleted.

Called through the action table. What is logged is counted by hosts (`node/flowlogs`), and brought
into buckets by S3 (`cloud.s3.logs.flowdelivery`). Only buckets are destinations: this cloud has no
log groups and no streams.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.s3.access import services
from mallee.cloud.s3.logs import flowobjects
from mallee.cloud.state import records
from mallee.cloud.state.records import Kind
from mallee.model import ids
from mallee.model.network import flowlogs
from mallee.model.network.flowlogs import FlowLog, Traffic

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_RESOURCE = 2
MAX_AT_ONCE = 1000
MAX_FOLDER_BYTES = 255
"""A key has 1024, and what comes behind the folder is its share."""
_KINDS: dict[str, Kind[Any, Any]] = {
    "VPC": records.VPC,
    "Subnet": records.SUBNET,
    "NetworkInterface": records.INTERFACE,
}
_BUCKET_ARN = "arn:aws:s3:::"
_BUCKET = re.compile(r"[a-z0-9.-]{3,63}")
_FORMAT = re.compile(r"\$\{[a-z0-9-]+\}(?: +\$\{[a-z0-9-]+\})*")
_FIELD = re.compile(r"\$\{([a-z0-9-]+)\}")
_RESERVED = "AWSLogs"

LogRecord = flowobjects.LogRecord


def create_logs(
    call: WriteCall, request: shapes.CreateFlowLogsRequest
) -> shapes.CreateFlowLogsResult:
    """Make a log for each resource; tell of each for which there can be none."""
    kind = _KINDS.get(request["ResourceType"])
    if kind is None:
        raise errors.UnsupportedOperation(
            f"Flow logs of resources of the type {request['ResourceType']} are not supported."
        )
    asked = request["ResourceIds"]
    if not 1 <= len(asked) <= MAX_AT_ONCE:
        raise errors.InvalidParameterValue(f"Give 1 to {MAX_AT_ONCE} ResourceIds.")
    watched = resources.several(call, kind, asked)
    wanted = _wanted(call, request)
    made: list[str] = []
    failed: list[Any] = []
    for resource in watched:
        doc = _of_resource(call, wanted, resource.id)
        problem = _problem(call, doc)
        if problem is None:
            call.tx.insert(records.FLOW_LOG, call.account, doc.id, doc)
            made.append(doc.id)
        else:
            told = {"Code": problem.code, "Message": problem.message}
            failed.append({"ResourceId": resource.id, "Error": told})
    return {
        "ClientToken": request.get("ClientToken"),
        "FlowLogIds": made,
        "Unsuccessful": failed,
    }


def _wanted(call: WriteCall, request: shapes.CreateFlowLogsRequest) -> FlowLog:
    """Return the log that is asked for, but for its id and resource."""
    if "TrafficType" not in request:
        raise errors.MissingParameter("TrafficType")
    interval_s = request.get("MaxAggregationInterval", 600)
    if interval_s not in (60, 600):
        raise errors.InvalidParameterValue("Invalid Flow Log Max Aggregation Interval")
    bucket, folder = _destination(request)
    options = request.get("DestinationOptions") or {}
    if options.get("FileFormat", "plain-text") != "plain-text":
        raise errors.UnsupportedOperation("Flow logs are written as plain-text only, not parquet.")
    return FlowLog(
        id="",
        resource_id="",
        traffic=Traffic(request["TrafficType"]),
        bucket=bucket,
        folder=folder,
        fields=_fields(request.get("LogFormat")),
        interval_s=interval_s,
        is_hive=options.get("HiveCompatiblePartitions", False),
        is_hourly=options.get("PerHourPartition", False),
        created_at=call.now,
        tags=tagset.of_new(request, records.FLOW_LOG.name),
    )


def _destination(request: shapes.CreateFlowLogsRequest) -> tuple[str, str]:
    """Return bucket and folder; raise for what is no bucket."""
    kind = request.get("LogDestinationType", "cloud-watch-logs")
    if kind != "s3":
        raise errors.UnsupportedOperation(
            f"Flow logs cannot be delivered to {kind} here. Give LogDestinationType=s3."
        )
    text = request.get("LogDestination")
    if not text:
        raise errors.InvalidParameterValue(
            "LogDestination can't be empty if LogGroupName is not provided."
        )
    bucket, slash, folder = text.removeprefix(_BUCKET_ARN).partition("/")
    if not text.startswith(_BUCKET_ARN) or not _BUCKET.fullmatch(bucket):
        raise errors.InvalidParameterValue(f"LogDestination: {text[:100]} is not a bucket's ARN.")
    is_long = len(folder.encode()) > MAX_FOLDER_BYTES
    if is_long or _RESERVED in folder.split("/") or "//" in slash + folder:
        raise errors.InvalidParameterValue(
            f"LogDestination: the folder has up to {MAX_FOLDER_BYTES} bytes, no empty part, "
            f"and none that is {_RESERVED}."
        )
    return bucket, folder if not folder or folder.endswith("/") else f"{folder}/"


def _fields(text: str | None) -> tuple[str, ...]:
    """Return the fields that a format names, in order."""
    if text is None:
        return flowlogs.DEFAULT_FIELDS
    if not _FORMAT.fullmatch(text.strip()):
        raise errors.InvalidParameterValue(
            "Invalid LogFormat: it is fields like ${version}, with spaces between them."
        )
    fields = tuple(_FIELD.findall(text))
    unknown = [field for field in fields if field not in flowlogs.VERSIONS]
    if unknown:
        raise errors.InvalidParameterValue(f"Unknown fields provided: {', '.join(unknown)[:500]}")
    if len(set(fields)) < len(fields):
        raise errors.InvalidParameterValue("Duplicate fields provided in LogFormat.")
    return fields


def _of_resource(call: WriteCall, wanted: FlowLog, resource_id: str) -> FlowLog:
    id = ids.make("fl", call.entropy(ids.ID_BYTES))
    return replace(wanted, id=id, resource_id=resource_id)


def _problem(call: WriteCall, doc: FlowLog) -> errors.AwsError | None:
    """Return why there can be no such log."""
    present = [one.doc for one in call.tx.by(records.FLOW_LOG, "resource", doc.resource_id)]
    if any(_is_same(one, doc) for one in present):
        return errors.FlowLogAlreadyExists()
    if len(present) >= MAX_PER_RESOURCE:
        return errors.FlowLogsLimitExceeded(MAX_PER_RESOURCE)
    bucket = call.tx.get(records.BUCKET, doc.bucket)
    if bucket is None:
        return errors.LogDestinationNotFound(doc.bucket)
    who = flowobjects.service(call.settings.region, call.account, doc.id)
    key = f"{doc.folder}{_RESERVED}/{call.account}/"
    if not services.may_deliver(call.view, bucket, key, who):
        return errors.LogDestinationPermissionIssue(doc.bucket)
    return None


def _is_same(one: FlowLog, other: FlowLog) -> bool:
    return (one.traffic, one.bucket, one.folder, one.fields) == (
        *(other.traffic, other.bucket, other.folder, other.fields),
    )


def delete_logs(
    call: WriteCall, request: shapes.DeleteFlowLogsRequest
) -> shapes.DeleteFlowLogsResult:
    """Delete logs; what has been delivered stays."""
    for record in resources.several(call, records.FLOW_LOG, request["FlowLogIds"]):
        call.tx.delete(record)
    return {"Unsuccessful": []}


# --- shown ---


def _find(call: Call, request: shapes.DescribeFlowLogsRequest) -> Iterable[LogRecord]:
    asked: list[str] = request.get("FlowLogIds") or []
    if asked:
        return resources.several(call, records.FLOW_LOG, asked)
    return sorted(call.view.list(records.FLOW_LOG, call.account), key=lambda it: it.id)


def _render(call: Call, record: LogRecord) -> shapes.FlowLog:
    doc = record.doc
    error = record.seen.error if record.seen else ""
    return {
        "CreationTime": doc.created_at,
        "DeliverLogsErrorMessage": error or None,
        "DeliverLogsStatus": _status(record),
        "FlowLogId": record.id,
        "FlowLogStatus": "ACTIVE",
        "ResourceId": doc.resource_id,
        "TrafficType": doc.traffic.value,
        "LogDestinationType": "s3",
        "LogDestination": f"{_BUCKET_ARN}{doc.bucket}{'/' if doc.folder else ''}{doc.folder}",
        "LogFormat": " ".join(f"${{{field}}}" for field in doc.fields),
        "Tags": tagset.shown(doc.tags),
        "MaxAggregationInterval": doc.interval_s,
        "DestinationOptions": {
            "FileFormat": "plain-text",
            "HiveCompatiblePartitions": doc.is_hive,
            "PerHourPartition": doc.is_hourly,
        },
    }


def _status(record: LogRecord) -> str:
    return "FAILED" if record.seen and record.seen.error else "SUCCESS"


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateFlowLogs",
        does=Write(handle=create_logs),
        honours=frozenset(
            {
                "ResourceIds",
                "ResourceType",
                "TrafficType",
                "LogDestinationType",
                "LogDestination",
                "LogFormat",
                "MaxAggregationInterval",
                "DestinationOptions",
            }
        ),
        creates=(records.FLOW_LOG.name,),
    ),
    Action(
        service="ec2",
        name="DeleteFlowLogs",
        does=Write(handle=delete_logs),
        honours=frozenset({"FlowLogIds"}),
    ),
    Action(
        service="ec2",
        name="DescribeFlowLogs",
        does=Listing(
            find=_find,
            render=_render,
            member="FlowLogs",
            filters={
                "deliver-log-status": lambda call, it: (_status(it),),
                "flow-log-id": lambda call, it: (it.id,),
                "log-destination-type": lambda call, it: ("s3",),
                "log-group-name": lambda call, it: (),
                "resource-id": lambda call, it: (it.doc.resource_id,),
                "traffic-type": lambda call, it: (it.doc.traffic.value,),
            },
            tags=lambda it: it.doc.tags,
            max_results=(5, 1000),
        ),
        honours=frozenset({"FlowLogIds"}),
    ),
)
