"""What buckets of this cloud have not, told to whoever asks: true answers, and nothing to set.

Programs that manage buckets look at every setting there is before they change one. A setting that
cannot be made here has the answer that S3 gives for a bucket where nobody made it; making it is
refused. Called by the pipeline. Not its business: settings that there are.
"""

from collections.abc import Callable

from mallee.aws import errors
from mallee.cloud.action import Action, Read
from mallee.cloud.call import Call, Result
from mallee.cloud.s3 import buckets, rows
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


def _row(name: str, permission: str, handle: Callable[[Call, Asked], Result]) -> Action:
    return rows.of_bucket(name, Read(handle=handle), permission)


ACTIONS = (
    _row("GetBucketAccelerateConfiguration", "s3:GetAccelerateConfiguration", _answering({})),
    _row("GetBucketLogging", "s3:GetBucketLogging", _answering({})),
    _row("GetBucketNotificationConfiguration", "s3:GetBucketNotification", _answering({})),
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
    _row(
        "GetBucketWebsite",
        "s3:GetBucketWebsite",
        _refusing(errors.s3.NoSuchWebsiteConfiguration),
    ),
)
