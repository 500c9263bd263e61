"""Programs that hold a token of an identity provider, as pods and pipelines do, become a role."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.model.configuration.settings import OpenId
from tests.clients.identity.conftest import AWS, Person, bearer_of, settle
from tests.cloud.running import RunningCloud, fresh
from tests.fakes import oidc


@pytest.fixture(scope="module")
def cloud() -> Iterator[RunningCloud]:
    """A cloud that believes providers of its own machine."""
    with fresh(openid=OpenId(local=True)) as running:
        yield running


@pytest.fixture(scope="module")
def person(cloud: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Somebody without any key: only a token in a file, which a provider signed."""
    home = tmp_path_factory.mktemp("pod")
    with oidc.Provider() as provider:
        role = trust(cloud, provider)
        made = settle(bearer_of(cloud, {**cloud.admin, "secret_access_key": "none"}), home)
        (home / "token").write_text(provider.token())
        (home / "role").write_text(role)
        yield made


def trust(cloud: RunningCloud, provider: oidc.Provider) -> str:
    """Make a role for the provider's users; return its ARN."""
    iam = cloud.client("iam")
    arn = iam.create_open_id_connect_provider(
        Url=provider.url, ClientIDList=[oidc.CLIENT], ThumbprintList=[provider.thumbprint]
    )["OpenIDConnectProviderArn"]
    host = provider.url.removeprefix("https://")
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": arn},
        "Condition": {"StringEquals": {f"{host}:aud": oidc.CLIENT}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return iam.create_role(RoleName="pod", AssumeRolePolicyDocument=document)["Role"]["Arn"]


SCRIPT = """
cd mallee; . ./env; cd ..
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
export AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/token AWS_ROLE_ARN=$(cat role) AWS_ROLE_SESSION_NAME=job
exec "$0" "$@"
"""


@AWS
def test_the_cli_becomes_the_role_of_a_token(person: Person, program: Path) -> None:
    ask = ("sts", "get-caller-identity", "--query", "Arn", "--output", "text")
    said = person.run("bash", "-ec", SCRIPT, program, *ask)
    assert said.out.endswith(":assumed-role/pod/job"), said.err
    refused = person.run("bash", "-ec", SCRIPT, program, "iam", "list-users")
    assert "AccessDenied" in refused.err


def test_boto3_becomes_the_role_of_a_token(person: Person) -> None:
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    said = person.run("bash", "-ec", SCRIPT, sys.executable, "-c", program)
    assert said.out.endswith(":assumed-role/pod/job"), said.err


def test_a_spoilt_token_is_nobodys(person: Person) -> None:
    token = (person.home / "token").read_text()
    # Of another name, because the CLI keeps what it got for the first.
    spoilt = SCRIPT.replace("$PWD/token", "$PWD/spoilt").replace("=job", "=thief")
    (person.home / "spoilt").write_text(token[:-12] + "A" * 12)
    said = person.run("bash", "-ec", spoilt, *("aws", "sts", "get-caller-identity"))
    assert "InvalidIdentityToken" in said.err
