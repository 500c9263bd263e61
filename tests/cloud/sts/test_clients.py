"""Unmodified clients sign with temporary credentials in every way they know."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.cloud.signing import FORM, Sender
from tests.cloud.sts.people import People

AWS = Path(sys.executable).with_name("aws")
DESCRIBE = {"Action": "ec2:Describe*"}


@pytest.fixture
def given(people: People) -> dict[str, str]:
    """Credentials of a role that may look."""
    ann = people.user()
    role = people.role({"Principal": {"AWS": ann.arn}}, DESCRIBE)
    return people.assume(role, ann)


def credentials(given: dict[str, str], token: str | None = None) -> Credentials:
    token = token or given["SessionToken"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], token)


def send(people: People, request: AWSRequest) -> Any:
    return Sender(people.cloud.port, people.cloud.admin).send(request)


def test_presigned_request(people: People, given: dict[str, str]) -> None:
    url = f"{people.cloud.url}/?Action=DescribeInstances&Version=2016-11-15"
    request = AWSRequest("GET", url, {})
    auth.SigV4QueryAuth(credentials(given), "ec2", "us-east-1", expires=60).add_auth(request)
    assert send(people, request).status == 200
    stolen = AWSRequest("GET", request.url.replace("X-Amz-Security-Token", "X-Other"), {})
    assert send(people, stolen).code == "AuthFailure"


def test_request_signed_as_of_old(people: People, given: dict[str, str]) -> None:
    request = AWSRequest("POST", f"{people.cloud.url}/services/compute", {"Content-Type": FORM})
    request.data = {"Action": "DescribeInstances", "Version": "2012-07-20"}
    auth.SigV2Auth(credentials(given)).add_auth(request)
    assert send(people, request).status == 200
    request.data["SecurityToken"] = "x"
    assert send(people, request).code == "AuthFailure"


def test_profile_that_assumes_a_role(people: People, tmp_path: Path) -> None:
    ann = people.user()
    role = people.role({"Principal": {"AWS": ann.arn}}, DESCRIBE)
    config = tmp_path / "config"
    config.write_text(
        f"[profile ann]\naws_access_key_id = {ann['access_key_id']}\n"
        f"aws_secret_access_key = {ann['secret_access_key']}\n"
        f"[profile work]\nrole_arn = {role}\nsource_profile = ann\nrole_session_name = cli\n"
    )
    said = _aws(people, tmp_path, {"AWS_PROFILE": "work", "AWS_CONFIG_FILE": str(config)})
    assert said["Arn"].endswith("/cli")
    assert said["UserId"].startswith("AROA")


def _aws(people: People, home: Path, environment: dict[str, str]) -> Any:
    done = subprocess.run(
        [AWS, "sts", "get-caller-identity", "--output", "json"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "AWS_ENDPOINT_URL": people.cloud.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
