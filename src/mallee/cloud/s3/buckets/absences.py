"""What buckets of this cloud have not, told to whoever asks: true answers, and nothing to set.

Programs that manage buckets look at every setting there is before they change one. A setting that
cannot be made here has the answer that S3 gives for a bucket where nobody made it; making it is
refused, and saying once more that it is not made changes nothing. Called by the pipeline. Not its
business: settings that there are.
"""

from collections.abc import Callable

from mallee.aws import errors
from mallee.cloud.action import Action, Read
from mallee.cloud.call import Call, Result
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.rows import Asked


def _answering(result: Result) -> Callable[[Call, Asked], Result]:
    """Return what tells the same of every bucket that is there."""

    def get(call: Call, asked: Asked) -> Result:
        buckets.asked_for(call.view, asked)
        return result

    return get


def _refusing(error: type[errors.s3.S3Error]) -> Callable[[Call, Asked], Result]:
    """Return what says of every bucket that is there that it has no such setting."""

    def get(call: Call, asked: Asked) -> Result:
        raise error(bucket=buckets.asked_for(call.view, asked).id)

    return get


def _staying(member: str, setting: str, value: str) -> Callable[[Call, Asked], Result]:
    """Return what takes the one value that a setting has already, and refuses any other."""

    def put(call: Call, asked: Asked) -> Result:
        buckets.asked_for(call.view, asked)
        wanted: str = asked[member].get(setting) or ""
        if wanted != value:
            raise errors.s3.NotImplemented(f"{setting} of a bucket is always {value} here.")
        return {}

    return put


def _row(
    name: str, permission: str, handle: Callable[[Call, Asked], Result], *honours: str
) -> Action:
    return rows.of_bucket(name, Read(handle=handle), permission, honours)


def _documents(noun: str) -> tuple[Action, ...]:
    """Return the rows of settings of which a bucket may have many, each with an id."""
    none = _refusing(errors.s3.NoSuchConfiguration)
    list_none = _answering({"IsTruncated": False})
    reads, writes = f"s3:Get{noun}Configuration", f"s3:Put{noun}Configuration"
    return (
        _row(f"GetBucket{noun}Configuration", reads, none, "Id"),
        _row(f"DeleteBucket{noun}Configuration", writes, none, "Id"),
        _row(f"ListBucket{noun}Configurations", reads, list_none, "ContinuationToken"),
    )


_BODY = ("ChecksumAlgorithm", "ContentMD5")

ACTIONS = (
    *_documents("Analytics"),
    *_documents("Metrics"),
    *_documents("IntelligentTiering"),
    _row("GetBucketAbac", "s3:GetBucketABAC", _answering({"AbacStatus": {"Status": "Disabled"}})),
    _row(
        "PutBucketAbac",
        "s3:PutBucketABAC",
        _staying("AbacStatus", "Status", "Disabled"),
        *("AbacStatus", *_BODY),
    ),
    _row(
        "PutBucketAccelerateConfiguration",
        "s3:PutAccelerateConfiguration",
        _staying("AccelerateConfiguration", "Status", "Suspended"),
        *("AccelerateConfiguration", "ChecksumAlgorithm"),
    ),
    _row("DeleteBucketReplication", "s3:PutReplicationConfiguration", _answering({})),
    _row(
        "PutBucketRequestPayment",
        "s3:PutBucketRequestPayment",
        _staying("RequestPaymentConfiguration", "Payer", "BucketOwner"),
        *("RequestPaymentConfiguration", *_BODY),
    ),
    _row("GetBucketAccelerateConfiguration", "s3:GetAccelerateConfiguration", _answering({})),
    _row(
        "GetBucketReplication",
        "s3:GetReplicationConfiguration",
        _refusing(errors.s3.ReplicationConfigurationNotFoundError),
    ),
    _row(
        "GetBucketRequestPayment",
        "s3:GetBucketRequestPayment",
        _answering({"Payer": "BucketOwner"}),
    ),
)
