"""The root of S3's errors: a code, a status, a sentence, and what S3 tells beside these.

Raised as `errors.s3.NoSuchKey(key=…)`: keyword arguments are elements of their own in the answer
(`<Key>`), for programs that look there. Codes that other services have too are in this folder once
more, since S3 answers them with statuses and sentences of its own.
"""

from collections.abc import Mapping
from typing import ClassVar

from mallee.aws.errors.answer import AwsError

ELEMENTS = {
    "argument": "ArgumentName",
    "value": "ArgumentValue",
    "bucket": "BucketName",
    "condition": "Condition",
    "endpoint": "Endpoint",
    "header": "Header",
    "key": "Key",
    "method": "Method",
    "missing": "MissingHeaderName",
    "unsigned": "HeadersNotSigned",
    "region": "Region",
    "size": "ProposedSize",
    "most": "MaxSizeAllowed",
    "resource_type": "ResourceType",
    "upload": "UploadId",
    "version": "VersionId",
    "part": "PartNumber",
    "storage_class": "StorageClass",
    "etag": "ETag",
    "now": "ServerTime",
    "request_time": "RequestTime",
    "range": "RangeRequested",
    "length": "ActualObjectSize",
    "access_key": "AWSAccessKeyId",
    "to_sign": "StringToSign",
    "canonical": "CanonicalRequest",
}
"""Element of the answer by the keyword that fills it."""


class S3Error(AwsError):
    """An answer of S3 other than success."""

    headers: Mapping[str, str]
    """Headers of the answer that belong to the error."""
    elements: Mapping[str, str]
    """Elements of the answer beside code and message."""
    sentence: ClassVar[str] = ""
    """The message, unless one is given."""

    def __init__(self, message: str = "", /, **elements: object) -> None:
        self.elements = {ELEMENTS[name]: str(value) for name, value in elements.items()}
        self.headers = {}
        super().__init__(message or self.sentence)
