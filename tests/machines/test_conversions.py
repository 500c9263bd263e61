"""ImportInstance as its tools do it: the manifest first, the parts afterwards; then a real guest
runs from what they held."""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import tinyimages, wholecloud
from tests.machines import buckets
from tests.wholecloud import Cloud

IMPORT_S = 420.0
PART_BYTES = 4 << 20
SCRIPT = "#!/bin/sh\necho it came in parts >/dev/console\n"
BUCKET = "parts-to-import"


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> Iterator[str]:
    """A bucket that is gone afterwards."""
    with buckets.made(cloud, BUCKET):
        yield BUCKET


def tiny_vmdk(tmp_path: Path) -> Path:
    """The tiny guest's whole disk, as another hypervisor has it."""
    offered = next(one for one in tinyimages.document().images if one.key == "tiny")
    source = tinyimages.layout().blobs / offered.blob.sha256
    out = tmp_path / "tiny.vmdk"
    form = ["-O", "vmdk", "-o", "subformat=streamOptimized", "-f", offered.blob.format]
    subprocess.run(["qemu-img", "convert", *form, str(source), str(out)], check=True)
    return out


def cut(data: bytes) -> list[bytes]:
    return [data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]


def manifest(cloud: Cloud, bucket: str, parts: list[bytes]) -> str:
    """Put an import manifest there as tools write it; return a signed URL of it."""
    s3 = cloud.client("s3")

    def listed() -> Iterator[str]:
        begin = 0
        for index, part in enumerate(parts):
            named = {"Bucket": bucket, "Key": f"in/tiny.part{index}"}
            url = s3.generate_presigned_url("get_object", Params=named).replace("&", "&amp;")
            end = begin + len(part) - 1
            yield (
                f'<part index="{index}"><byte-range end="{end}" start="{begin}"/>'
                f"<key>{named['Key']}</key><head-url>{url}</head-url><get-url>{url}</get-url>"
                f"<delete-url>{url}</delete-url></part>"
            )
            begin = end + 1

    text = (
        "<manifest><version>2010-11-15</version><file-format>VMDK</file-format><importer/>"
        f"<import><size>{sum(map(len, parts))}</size><volume-size>1</volume-size>"
        f'<parts count="{len(parts)}">{"".join(listed())}</parts></import></manifest>'
    )
    place = {"Bucket": bucket, "Key": "in/tiny.manifest.xml"}
    s3.put_object(**place, Body=text.encode())
    return s3.generate_presigned_url("get_object", Params=place)


def test_a_guest_runs_from_what_was_imported_in_parts(
    cloud: Cloud, bucket: str, tmp_path: Path
) -> None:
    ec2: Any = cloud.ec2
    parts = cut(tiny_vmdk(tmp_path).read_bytes())
    size = sum(map(len, parts))
    url = manifest(cloud, bucket, parts)
    image = {"Format": "VMDK", "Bytes": size, "ImportManifestUrl": url}
    began = ec2.import_instance(
        Platform="Linux",
        DiskImages=[{"Image": image, "Volume": {"Size": 2}}],
        LaunchSpecification={
            "InstanceType": "m1.small",
            "UserData": {"Data": base64.b64encode(SCRIPT.encode()).decode()},
        },
    )["ConversionTask"]
    id, instance = began["ConversionTaskId"], began["ImportInstance"]["InstanceId"]

    def shown() -> dict[str, Any]:
        return ec2.describe_conversion_tasks(ConversionTaskIds=[id])["ConversionTasks"][0]

    waits = "waiting for its upload"
    wholecloud.wait_until(
        lambda: waits in shown().get("StatusMessage", ""), IMPORT_S, f"{id} waits"
    )
    for index, part in enumerate(parts):
        cloud.client("s3").put_object(Bucket=bucket, Key=f"in/tiny.part{index}", Body=part)
    wholecloud.wait_until(lambda: shown()["State"] != "active", IMPORT_S, f"{id} to end")
    task = shown()
    assert task["State"] == "completed", task
    (item,) = task["ImportInstance"]["Volumes"]
    assert item["BytesConverted"] == size
    try:
        cloud.wait_state(instance, "stopped")
        ec2.start_instances(InstanceIds=[instance])
        cloud.wait_state(instance, "running")
        cloud.wait_console(instance, "it came in parts")
        (worn,) = cloud.instance(instance)["BlockDeviceMappings"]
        assert worn["Ebs"]["VolumeId"] == item["Volume"]["Id"]
    finally:
        cloud.terminate(instance)
