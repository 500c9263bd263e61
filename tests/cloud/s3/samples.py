"""A small valid request of every operation of S3, made from the service model by botocore.

Values are the smallest that the model allows; what has to be of the right kind is said here.
"""

import datetime
import json
from collections.abc import Mapping
from typing import Any

import botocore.model
import botocore.session

BUCKET, KEY = "conformant", "a/key"
NO_UPLOAD = "AbsentUploadAbsentUploadAbsentUp"

_LATER = datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC)
_SERVICE = botocore.session.get_session().get_service_model("s3")
_TEXTS: Mapping[str, Any] = {
    "Bucket": BUCKET,
    "Key": KEY,
    "CopySource": f"{BUCKET}/{KEY}",
    "RenameSource": f"{BUCKET}/{KEY}",
    "UploadId": NO_UPLOAD,
    "Policy": json.dumps({"Version": "2012-10-17", "Statement": []}),
    "ACL": "private",
    "ObjectOwnership": "BucketOwnerEnforced",
    "Prefix": "",
}
_OWN: Mapping[str, dict[str, Any]] = {
    "CreateBucket": {},
    "PutObject": {"Body": b"x"},
    "UploadPart": {"Body": b"x"},
    "PutBucketAcl": {"ACL": "private"},
    "PutObjectAcl": {"ACL": "private"},
    "PutObjectTagging": {"Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}},
    "CompleteMultipartUpload": {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": "x"}]}},
    "PutObjectLegalHold": {"LegalHold": {"Status": "OFF"}},
    "PutObjectRetention": {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": _LATER}},
    "PutObjectLockConfiguration": {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
    "PutBucketLifecycleConfiguration": {
        "LifecycleConfiguration": {
            "Rules": [{"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
        }
    },
    "RestoreObject": {"RestoreRequest": {"Days": 1}},
    "GetObjectAttributes": {"ObjectAttributes": ["ETag"]},
}


def operation(name: str) -> botocore.model.OperationModel:
    """The operation as botocore knows it."""
    return _SERVICE.operation_model(name)


def request(name: str) -> dict[str, Any]:
    """A request with all that is required, and nothing else."""
    shape: Any = operation(name).input_shape
    found = {
        member: _TEXTS[member] if member in _TEXTS else _value(shape.members[member], member)
        for member in (shape.required_members if shape else ())
    }
    return {**found, **_OWN.get(name, {})}


def has_document(name: str) -> bool:
    """Tell whether the operation's body is XML."""
    shape: Any = operation(name).input_shape
    payload = shape.serialization.get("payload") if shape else None
    if payload is None:
        return any(not member.serialization.get("location") for member in shape.members.values())
    return shape.members[payload].type_name == "structure"


def _value(shape: Any, name: str) -> Any:
    match shape.type_name:
        case "structure":
            members = shape.required_members or list(shape.members)[:1]
            return {one: _value(shape.members[one], one) for one in members}
        case "list":
            return [_value(shape.member, name)]
        case "map":
            return {"a": _value(shape.value, name)}
        case "integer" | "long":
            return 1
        case "boolean":
            return False
        case "timestamp":
            return _LATER
        case "blob":
            return b"x"
        case _:
            return _TEXTS.get(name) or (shape.enum[0] if shape.enum else "text")
