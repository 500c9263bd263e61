"""What is answered to operations that this cloud has no row for.

Those that S3 itself gave up, for everybody or for whoever comes new, get its own answer; of all
others it is said that they are not here. Called by the pipeline, before it asks who calls: the
answer is the same for everyone, and tells nothing of any bucket.
"""

from mallee.aws import errors
from mallee.cloud import http

_GIVEN_UP = {"GetObjectTorrent": "TORRENT", "SelectObjectContent": "SELECT"}


def of(operation: str, request: http.Request) -> errors.s3.S3Error:
    """Return the answer to an operation without a row."""
    kind = _GIVEN_UP.get(operation)
    if kind is not None:
        return errors.s3.MethodNotAllowed(method=request.method, resource_type=kind)
    return errors.s3.NotImplemented(
        f"The operation {operation} of s3 is not supported by this cloud."
    )
