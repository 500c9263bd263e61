"""Whoever a provider vouches for takes on the roles that trust the provider; nobody else does."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from mallee.aws import models
from mallee.cloud.identity import keysets, strangers
from mallee.model.configuration.settings import OpenId
from tests.cloud.running import RunningCloud, fresh
from tests.cloud.signing import VERSIONS, Sender
from tests.cloud.sts.people import People, policy, refused
from tests.fakes import oidc

TRUSTED = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
DESCRIBE = {"Action": "ec2:DescribeInstances"}


@pytest.fixture(scope="module")
def cloud() -> Iterator[RunningCloud]:
    with fresh(openid=OpenId(local=True)) as running:
        yield running


@pytest.fixture(scope="module")
def running_provider() -> Iterator[oidc.Provider]:
    with oidc.Provider() as provider:
        yield provider


@pytest.fixture
def provider(
    running_provider: oidc.Provider, people: People, monkeypatch: pytest.MonkeyPatch
) -> oidc.Provider:
    """A provider that the first account believes."""
    monkeypatch.setattr(strangers, "BURST", 10_000)
    monkeypatch.setattr(keysets, "AGAIN_S", 0.0)
    iam = people.client("iam")
    arn = arn_of(people, running_provider)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    iam.create_open_id_connect_provider(
        Url=running_provider.url,
        ClientIDList=[oidc.CLIENT],
        ThumbprintList=[running_provider.thumbprint],
    )
    running_provider.is_away = False
    running_provider.discovery = {}
    return running_provider


def arn_of(people: People, provider: oidc.Provider) -> str:
    account = people.cloud.admin["account_id"]
    return f"arn:aws:iam::{account}:oidc-provider/{provider.url.removeprefix('https://')}"


def role_for(people: People, provider: oidc.Provider, **conditions: Any) -> str:
    """A role that trusts a provider under conditions on its claims."""
    host = provider.url.removeprefix("https://")
    tests = {f"{host}:{name}": value for name, value in {"aud": oidc.CLIENT, **conditions}.items()}
    trust = {
        "Principal": {"Federated": arn_of(people, provider)},
        "Action": TRUSTED,
        "Condition": {"StringEquals": tests},
    }
    return people.role(trust, DESCRIBE)


def trade(people: People, role: str, token: str, **more: Any) -> Any:
    """Send the request as SDKs do: without a signature."""
    sts = boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=people.cloud.url,
        config=Config(
            signature_version=botocore.UNSIGNED,
            retries={"max_attempts": 0},
            parameter_validation=False,
        ),
    )
    asked = {"RoleArn": role, "RoleSessionName": "app", "WebIdentityToken": token, **more}
    return sts.assume_role_with_web_identity(**asked)


def test_token_is_traded_for_the_role_that_trusts_its_provider(
    people: People, provider: oidc.Provider
) -> None:
    role = role_for(people, provider, sub="alice")
    answer = trade(people, role, provider.token())
    assert answer["SubjectFromWebIdentityToken"] == "alice"
    assert answer["Audience"] == oidc.CLIENT
    assert answer["Provider"] == provider.url
    people.client("ec2", answer["Credentials"]).describe_instances()
    identity = people.client("sts", answer["Credentials"]).get_caller_identity()
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert identity["Arn"].endswith("/app")


def test_trust_policy_decides_by_what_the_provider_says(
    people: People, provider: oidc.Provider
) -> None:
    role = role_for(people, provider, sub="bob", email="bob@example.org")
    token = provider.token
    assert refused(trade, people, role, token()) == "AccessDenied"
    assert refused(trade, people, role, token(sub="bob")) == "AccessDenied"
    disguised = token(sub="bob", Email="bob@example.org", email="eve@example.org")
    assert refused(trade, people, role, disguised) == "AccessDenied"
    trade(people, role, token(sub="bob", email="bob@example.org"))


def test_role_that_trusts_somebody_else_is_not_given(
    people: People, provider: oidc.Provider
) -> None:
    account = people.cloud.admin["account_id"]
    own = people.role({"Principal": {"AWS": account}, "Action": [*TRUSTED[1:], "sts:AssumeRole"]})
    plain = people.role(
        {"Principal": {"Federated": arn_of(people, provider)}, "Action": TRUSTED[1]}
    )
    for arn in (own, plain, f"arn:aws:iam::{account}:role/absent"):
        assert refused(trade, people, arn, provider.token()) == "AccessDenied"


def test_provider_counts_only_in_the_account_that_made_it(
    people: People, provider: oidc.Provider
) -> None:
    other = people.account()
    foreign = {"Principal": {"Federated": arn_of(people, provider)}, "Action": TRUSTED}
    role = people.role(foreign, of=other)
    assert refused(trade, people, role, provider.token()) == "InvalidIdentityToken"
    nowhere = "arn:aws:iam::999999999999:role/any"
    assert refused(trade, people, nowhere, provider.token()) == "InvalidIdentityToken"


def test_token_that_proves_nothing_is_refused(people: People, provider: oidc.Provider) -> None:
    role = role_for(people, provider)
    stranger = oidc.new_key(provider.keys[0].kid)
    for token in (
        provider.token(stranger),
        provider.token(aud="somebody-else"),
        provider.token(iss="https://localhost"),
        provider.token(sub=None),
        provider.token(exp=None),
        provider.token(iat=int(time.time()) + 3600),
        "nothing at all",
    ):
        assert refused(trade, people, role, token) == "InvalidIdentityToken", token
    expired = provider.token(exp=int(time.time()) - 3600)
    assert refused(trade, people, role, expired) == "ExpiredTokenException"


def test_keys_of_a_provider_may_change(people: People, provider: oidc.Provider) -> None:
    role = role_for(people, provider)
    old = provider.token()
    trade(people, role, old)
    provider.rotate("next", "EC")
    trade(people, role, provider.token())
    assert refused(trade, people, role, old) == "InvalidIdentityToken"


def test_provider_that_is_away_goes_on_counting_with_what_is_known(
    people: People, provider: oidc.Provider
) -> None:
    role = role_for(people, provider)
    trade(people, role, provider.token())
    provider.is_away = True
    trade(people, role, provider.token())
    unknown = provider.token(oidc.new_key("unknown"))
    assert refused(trade, people, role, unknown) == "InvalidIdentityToken"


def test_provider_is_not_asked_for_every_token(
    people: People, provider: oidc.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = role_for(people, provider)
    trade(people, role, provider.token())
    monkeypatch.setattr(keysets, "AGAIN_S", 3600.0)
    provider.asked.clear()
    for _ in range(5):
        trade(people, role, provider.token())
        unknown = provider.token(oidc.new_key("unknown"))
        assert refused(trade, people, role, unknown) == "InvalidIdentityToken"
    assert provider.asked == []


def test_server_must_be_who_it_says(people: People, provider: oidc.Provider) -> None:
    role = role_for(people, provider)
    arn = arn_of(people, provider)
    iam = people.client("iam")
    iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=arn, ThumbprintList=["0" * 40]
    )
    assert refused(trade, people, role, provider.token()) == "IDPCommunicationError"
    provider.discovery = {"issuer": "https://evil.example.org"}
    iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=arn, ThumbprintList=[provider.thumbprint, "1" * 40]
    )
    assert refused(trade, people, role, provider.token()) == "IDPCommunicationError"


def test_keys_can_be_handed_over_where_nothing_can_be_fetched(
    people: People, provider: oidc.Provider, tmp_path: Path
) -> None:
    role = role_for(people, provider)
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(provider.published()))
    model = tmp_path / "models/mallee" / VERSIONS["mallee"] / "service-2.json"
    model.parent.mkdir(parents=True)
    shutil.copy(Path(models.__file__).with_name("mallee.json"), model)
    admin = people.cloud.admin
    environment = {
        "AWS_ACCESS_KEY_ID": admin["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": admin["secret_access_key"],
        "AWS_DATA_PATH": str(tmp_path / "models"),
    }
    words = ["mallee", "put-open-id-connect-provider-keys", "--open-id-connect-provider-arn"]
    words += [arn_of(people, provider), "--json-web-key-set", f"file://{keys}"]
    assert aws(people, environment, *words) == {"Keys": 1}
    provider.is_away = True
    provider.asked.clear()
    trade(people, role, provider.token())
    assert provider.asked == []
    asked = {"OpenIDConnectProviderArn": arn_of(people, provider), "JsonWebKeySet": '{"keys": []}'}
    sender = Sender(people.cloud.port, admin)
    assert sender.ask("mallee", "PutOpenIDConnectProviderKeys", **asked).code == "InvalidInput"


def aws(people: People, environment: dict[str, str], *words: str) -> Any:
    """What the AWS CLI prints."""
    done = subprocess.run(
        [Path(sys.executable).with_name("aws"), *words, "--output", "json"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(people.cloud.layout.root),
            "AWS_ENDPOINT_URL": people.cloud.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_tags_of_a_token_take_a_role_that_lets_sessions_be_tagged(
    people: People, provider: oidc.Provider
) -> None:
    trust = {
        "Principal": {"Federated": arn_of(people, provider)},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    role = people.role(trust, DESCRIBE)
    trade(people, role, provider.token())
    for told in ({}, {"transitive_tag_keys": ["team"]}):
        tags = {"principal_tags": {"team": ["red"]}, **told}
        token = provider.token(**{"https://aws.amazon.com/tags": tags})
        assert refused(trade, people, role, token) == "AccessDenied"


def test_trust_policy_sees_which_tags_a_token_asks_for(
    people: People, provider: oidc.Provider
) -> None:
    only_red = {"StringEquals": {"aws:RequestTag/team": "red"}}
    to_tag = {"Null": {"sts:TransitiveTagKeys": "true"}, **only_red}
    named = {"ForAllValues:StringEquals": {"aws:TagKeys": "team"}, **to_tag}
    trust = {"Principal": {"Federated": arn_of(people, provider)}, "Action": TRUSTED}
    role = people.role({**trust, "Condition": named}, DESCRIBE)

    def token(told: Any) -> str:
        return provider.token(**{"https://aws.amazon.com/tags": told})

    trade(people, role, token({"principal_tags": {"team": ["red"]}}))
    for told in (
        {"principal_tags": {"team": ["blue"]}},
        {"principal_tags": {"team": ["red"], "rank": ["high"]}},
        {"principal_tags": {"team": ["red"]}, "transitive_tag_keys": ["team"]},
    ):
        assert refused(trade, people, role, token(told)) == "AccessDenied", told


def test_tags_and_source_identity_come_with_the_token(
    people: People, provider: oidc.Provider
) -> None:
    red = {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:SourceIdentity": "alice"}}
    trust = {"Principal": {"Federated": arn_of(people, provider)}, "Action": TRUSTED}
    role = people.role(trust, {"Action": "ec2:*", "Condition": red})
    closed = people.role({**trust, "Action": TRUSTED[0]})
    told = {
        "https://aws.amazon.com/tags": {
            "principal_tags": {"team": ["red"]},
            "transitive_tag_keys": ["team"],
        },
        "https://aws.amazon.com/source_identity": "alice",
    }
    token = provider.token(**told)
    answer = trade(people, role, token)
    assert answer["SourceIdentity"] == "alice"
    people.client("ec2", answer["Credentials"]).describe_vpcs()
    assert refused(trade, people, closed, token) == "AccessDenied"
    for bad in ("x", {}, {"principal_tags": {"a": "b"}}, {"principal_tags": {"a": ["b", "c"]}}):
        spoilt = provider.token(**{**told, "https://aws.amazon.com/tags": bad})
        assert refused(trade, people, role, spoilt) == "InvalidIdentityToken", bad


def test_session_policies_take_away_here_too(people: People, provider: oidc.Provider) -> None:
    role = role_for(people, provider)
    nothing = policy({"Effect": "Deny", "Action": "ec2:*"})
    answer = trade(people, role, provider.token(), Policy=nothing)
    ec2 = people.client("ec2", answer["Credentials"])
    assert refused(ec2.describe_instances) == "UnauthorizedOperation"


ODD: list[Any] = [
    None,
    True,
    -1,
    1e308,
    10**400,
    "",
    "\0",
    "\ud800",
    "x" * 9000,
    [],
    [None, "a", ["b"]],
    ["\ud800"],
    {},
    {"principal_tags": {"\ud800": ["x"]}},
    {"principal_tags": {"a": [7]}},
    {"principal_tags": {"a": ["x" * 300]}},
    {"principal_tags": {f"k{n}": ["x"] for n in range(51)}},
    {"principal_tags": ["a"]},
    {"principal_tags": {"a": ["x"]}, "transitive_tag_keys": 7},
    {"principal_tags": {"aws:a": ["x"]}},
]
CLAIMS = ["sub", "aud", "azp", "iss", "iat", "exp", "nbf", "amr", "email", "\ud800", "a b"]
SPOILT = [*CLAIMS, "https://aws.amazon.com/tags", "https://aws.amazon.com/source_identity"]


@pytest.mark.parametrize("name", SPOILT)
def test_odd_claims_are_refused_or_ignored_and_break_nothing(
    people: People, provider: oidc.Provider, name: str
) -> None:
    role = role_for(people, provider)
    for value in ODD:
        try:
            trade(people, role, provider.token(**{name: value}))
        except ClientError as error:
            told = error.response
            assert told["ResponseMetadata"]["HTTPStatusCode"] < 500, (name, value)
            assert told["Error"]["Code"] in {
                "AccessDenied",
                "ExpiredTokenException",
                "InvalidIdentityToken",
                "PackedPolicyTooLarge",
                "ValidationError",
            }, (name, value)


def test_client_trades_the_token_in_a_file_by_itself(
    people: People, provider: oidc.Provider, tmp_path: Path
) -> None:
    role = role_for(people, provider)
    token = tmp_path / "token"
    token.write_text(provider.token())
    environment = {
        "AWS_ROLE_ARN": role,
        "AWS_ROLE_SESSION_NAME": "pod",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
    }
    assert aws(people, environment, "sts", "get-caller-identity")["Arn"].endswith("/pod")


def test_strangers_are_let_in_so_often_and_no_more(
    people: People, provider: oidc.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = role_for(people, provider)
    monkeypatch.setattr(strangers, "BURST", 2)
    monkeypatch.setattr(strangers, "PER_S", 0.0)
    codes: list[str] = []
    for _ in range(4):
        try:
            trade(people, role, provider.token())
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert codes[-1] == "Throttling"
    people.client("ec2").describe_instances()
