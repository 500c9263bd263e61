"""Imports and exports need the rights of whoever asks in the bucket, besides those on the task."""

from typing import Any

import pytest

from tests.cloud.alice import Alice, allow

PLACE = {"S3Bucket": "disks", "S3Prefix": "out/"}
FILE = {"UserBucket": {"S3Bucket": "disks", "S3Key": "out/disk.vmdk"}}
IN_PARTS = {
    "Image": {
        "Format": "RAW",
        "Bytes": 1,
        "ImportManifestUrl": "https://s3.example.org/disks/out/disk.xml",
    },
    "Volume": {"Size": 1},
}
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "CreateInstanceExportTask": (
        "s3:PutObject",
        {
            "InstanceId": "i-0123456789abcdef0",
            "TargetEnvironment": "vmware",
            "ExportToS3Task": PLACE,
        },
    ),
    "ExportImage": (
        "s3:PutObject",
        {
            "ImageId": "ami-0123456789abcdef0",
            "DiskImageFormat": "VMDK",
            "S3ExportLocation": PLACE,
        },
    ),
    "ImportImage": ("s3:GetObject", {"DiskContainers": [FILE]}),
    "ImportSnapshot": ("s3:GetObject", {"DiskContainer": FILE}),
    "CreateRestoreImageTask": ("s3:GetObject", {"Bucket": "disks", "ObjectKey": "out/it.bin"}),
    "ImportVolume": ("s3:GetObject", {**IN_PARTS, "AvailabilityZone": "us-east-1a"}),
    "ImportInstance": ("s3:GetObject", {"Platform": "Linux", "DiskImages": [IN_PARTS]}),
}


@pytest.mark.parametrize("name", ASKED)
def test_who_may_not_touch_the_object_begins_no_task(alice: Alice, name: str) -> None:
    permission, request = ASKED[name]
    alice.may(allow(f"ec2:{name}"))
    assert alice.asks(name, request) == "UnauthorizedOperation"
    elsewhere = allow(permission, resource="arn:aws:s3:::disks/in/*")
    alice.may(allow(f"ec2:{name}"), elsewhere)
    assert alice.asks(name, request) == "UnauthorizedOperation"
    there = allow(permission, resource="arn:aws:s3:::disks/out/*")
    alice.may(allow(f"ec2:{name}"), there)
    assert alice.asks(name, request) != "UnauthorizedOperation"
    alice.may(there)
    assert alice.asks(name, request) == "UnauthorizedOperation"


def test_who_may_not_put_the_object_stores_no_image(alice: Alice) -> None:
    request: dict[str, Any] = {"ImageId": "ami-0123456789abcdef0", "Bucket": "disks"}
    own = allow("ec2:CreateStoreImageTask")
    there = "arn:aws:s3:::disks/ami-0123456789abcdef0.bin"
    alice.may(own, allow("s3:PutObject", resource="arn:aws:s3:::disks/ami-1*"))
    assert alice.asks("CreateStoreImageTask", request) == "UnauthorizedOperation"
    alice.may(own, allow("s3:PutObject", resource=there))
    assert alice.asks("CreateStoreImageTask", request) != "UnauthorizedOperation"
    tagged = {**request, "S3ObjectTags": [{"Key": "a", "Value": "b"}]}
    assert alice.asks("CreateStoreImageTask", tagged) == "UnauthorizedOperation"
