"""What objects with the lines of flow logs are called, and as whom they are written. Pure.

Called by `flowdelivery`, which writes them, and by EC2's room, which says at once if it could not.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from mallee.cloud.s3.access.services import Service
from mallee.cloud.state.records import Record
from mallee.model.network.flowlogs import FlowLog, FlowLogSeen

SERVICE = "delivery.logs.amazonaws.com"

LogRecord = Record[FlowLog, FlowLogSeen]


def service(region: str, account: str, log_id: str) -> Service:
    """Return as whom the lines of a log of an account are written."""
    return Service(SERVICE, f"arn:aws:logs:{region}:{account}:{log_id}", account)


def folder(doc: FlowLog, account: str, region: str, moment: datetime) -> str:
    """Return what keys of a log begin with at a time, as on AWS."""
    if doc.is_hive:
        parts = [
            *("AWSLogs", f"aws-account-id={account}", "aws-service=vpcflowlogs"),
            *(f"aws-region={region}", f"year={moment:%Y}", f"month={moment:%m}"),
            *(f"day={moment:%d}", *([f"hour={moment:%H}"] if doc.is_hourly else [])),
        ]
    else:
        parts = ["AWSLogs", account, "vpcflowlogs", region, f"{moment:%Y/%m/%d}"]
        parts += [f"{moment:%H}"] if doc.is_hourly else []
    return doc.folder + "/".join(parts) + "/"


def name(record: LogRecord, region: str, began_at: int, files: Sequence[str]) -> str:
    """Return the name of an object made of files: the same for the same ones."""
    moment = datetime.fromtimestamp(began_at, UTC)
    unique = hashlib.sha256("\n".join(files).encode()).hexdigest()[:8]
    return (
        f"{record.account}_vpcflowlogs_{region}_{record.id}_{moment:%Y%m%dT%H%MZ}_{unique}.log.gz"
    )
