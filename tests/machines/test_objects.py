"""S3 from inside a guest: objects of any size, by what busybox has, with the role's credentials."""

import dataclasses
import hashlib
import json
import os
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from tests import wholecloud
from tests.machines import guests
from tests.machines.test_roles import LIST, SCRIPT, TRUST, policy
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

BUCKET = "of-guests"
GUEST_URL = "http://169.254.169.254:8773"
SIZE_MIB = 24
"""More than any buffer on the way."""


@pytest.fixture(scope="module")
def instance(cloud: Cloud) -> Iterator[str]:
    """A guest whose role may use one bucket from the guest's VPC."""
    iam, s3 = cloud.client("iam"), cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    iam.create_role(RoleName="objects", AssumeRolePolicyDocument=policy(TRUST))
    iam.create_instance_profile(InstanceProfileName="objects")
    iam.add_role_to_instance_profile(InstanceProfileName="objects", RoleName="objects")
    with guests.launched(cloud, IamInstanceProfile={"Name": "objects"}) as made:
        allowed = {
            "Effect": "Allow",
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
            "Condition": {"StringEquals": {"aws:SourceVpc": cloud.instance(made)["VpcId"]}},
        }
        iam.put_role_policy(RoleName="objects", PolicyName="p", PolicyDocument=policy(allowed))
        cloud.ssh(made, f"cat >/tmp/signed.sh <<'END'\n{SCRIPT.read_text()}END\n")
        cloud.ssh(made, f"until /etc/mallee/imds {LIST}/objects >/dev/null; do sleep 1; done")
        yield made
    iam.remove_role_from_instance_profile(InstanceProfileName="objects", RoleName="objects")
    iam.delete_instance_profile(InstanceProfileName="objects")
    iam.delete_role_policy(RoleName="objects", PolicyName="p")
    iam.delete_role(RoleName="objects")
    for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=one["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def ask(cloud: Cloud, instance: str, method: str, path: str, *file: str) -> str:
    """The answer to a request that the guest signs and sends."""
    words = shlex.join(("s3", cloud.access.region, "", method, path, *file))
    return cloud.ssh(instance, f"sh /tmp/signed.sh {words}")


def test_a_guest_puts_what_is_larger_than_any_buffer(cloud: Cloud, instance: str) -> None:
    made = f"dd if=/dev/urandom of=/tmp/big bs=1M count={SIZE_MIB} 2>/dev/null; sha256sum /tmp/big"
    digest = cloud.ssh(instance, made).split()[0]
    said = ask(cloud, instance, "PUT", f"/{BUCKET}/big", "/tmp/big")
    assert said.startswith("HTTP/1.1 200"), said
    cloud.ssh(instance, "rm /tmp/big")
    body = cloud.client("s3").get_object(Bucket=BUCKET, Key="big")["Body"].read()
    assert (len(body), hashlib.sha256(body).hexdigest()) == (SIZE_MIB << 20, digest)
    listed = ask(cloud, instance, "GET", f"/{BUCKET}")
    assert "<Key>big</Key>" in listed


def test_a_guest_fetches_by_a_link(cloud: Cloud, instance: str) -> None:
    data = os.urandom(SIZE_MIB << 20)
    s3: Any = cloud.client("s3")
    s3.put_object(Bucket=BUCKET, Key="link", Body=data)
    there: Any = cloud.client("s3", dataclasses.replace(cloud.access, endpoint=GUEST_URL))
    asked = {"Bucket": BUCKET, "Key": "link"}
    link = there.generate_presigned_url("get_object", asked, ExpiresIn=600)
    got = cloud.ssh(instance, f"wget -q -O - {shlex.quote(link)} | sha256sum")
    assert got.split()[0] == hashlib.sha256(data).hexdigest()
    bare = shlex.quote(link.partition("?")[0])
    assert "403" in cloud.ssh(instance, f"wget -q -O - {bare} 2>&1 || true")


def test_a_guest_has_nothing_of_what_its_role_may_not(cloud: Cloud, instance: str) -> None:
    other: Any = cloud.client("s3")
    other.create_bucket(Bucket="of-others")
    try:
        assert "<Code>AccessDenied</Code>" in ask(cloud, instance, "GET", "/of-others")
        assert "<Code>AccessDenied</Code>" in ask(cloud, instance, "GET", "/")
    finally:
        other.delete_bucket(Bucket="of-others")


def test_a_policy_of_the_bucket_knows_the_guest_by_its_vpc(cloud: Cloud, instance: str) -> None:
    s3: Any = cloud.client("s3")
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
        "Condition": {"StringEquals": {"aws:SourceVpc": cloud.instance(instance)["VpcId"]}},
    }
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"kept from guests")
    s3.put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    )
    try:
        assert "AccessDenied" in ask(cloud, instance, "GET", f"/{BUCKET}/k")
        assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"kept from guests"
    finally:
        s3.delete_bucket_policy(Bucket=BUCKET)
    wholecloud.wait_until(
        lambda: "kept from guests" in ask(cloud, instance, "GET", f"/{BUCKET}/k"),
        wholecloud.GUEST_S,
        "the policy to be gone",
    )
