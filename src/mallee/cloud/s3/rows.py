"""Rows of S3: which permissions an operation needs, and on which bucket or object.

S3's permissions have names of their own (`s3:ListBucket` for ListObjectsV2), and who names a
version needs another one than who does not. Used by every file here that has rows.
"""

from collections.abc import Callable, Iterable

from mallee.cloud.action import Action, Read, Serve, Write
from mallee.cloud.call import Call, Request

Asked = Request
"""A decoded request, by the model's member names."""
Needs = Callable[[Call, Request], Iterable[tuple[str, str]]]

_OF_ALL = frozenset({"Bucket", "ExpectedBucketOwner", "RequestPayer"})
_OF_OBJECTS = _OF_ALL | {"Key"}


def bucket_arn(asked: Asked) -> str:
    """Return the ARN of the bucket that a request is about."""
    return f"arn:aws:s3:::{asked['Bucket']}"


def object_arn(asked: Asked) -> str:
    """Return the ARN of the object that a request is about."""
    return f"arn:aws:s3:::{asked['Bucket']}/{asked['Key']}"


def of_bucket(
    name: str, does: Read | Write | Serve, permission: str, honours: Iterable[str] = ()
) -> Action:
    """Return the row of an operation on a bucket."""

    def needs(_call: Call, asked: Request) -> Iterable[tuple[str, str]]:
        return ((permission, bucket_arn(asked)),)

    return Action(service="s3", name=name, does=does, honours=_OF_ALL | set(honours), needs=needs)


def of_object(name: str, does: Serve, needs: Needs, honours: Iterable[str] = ()) -> Action:
    """Return the row of an operation on an object."""
    return Action(
        service="s3", name=name, does=does, honours=_OF_OBJECTS | set(honours), needs=needs
    )


def on_object(permission: str) -> Needs:
    """Return what needs a permission on the object."""
    return lambda _call, asked: ((permission, object_arn(asked)),)


def on_version(permission: str, of_version: str) -> Needs:
    """Return what needs one permission on the object, and another on a version that is named."""

    def needs(_call: Call, asked: Request) -> Iterable[tuple[str, str]]:
        is_version = asked.get("VersionId") is not None
        return ((of_version if is_version else permission, object_arn(asked)),)

    return needs
