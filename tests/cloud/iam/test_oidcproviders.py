"""Providers of OpenID Connect are an account's own; what names none is refused."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mallee.cloud.iam import oidcproviders
from mallee.kit import httpsfetch
from mallee.model.configuration.settings import OpenId
from tests.cloud.running import RunningCloud, fresh
from tests.cloud.signing import Sender
from tests.cloud.sts.people import People, refused
from tests.fakes import oidc

THUMBPRINT = "ab" * 20


@pytest.fixture(scope="module")
def cloud() -> Iterator[RunningCloud]:
    with fresh(openid=OpenId(local=True)) as running:
        yield running


@pytest.fixture
def iam(cloud: RunningCloud) -> Any:
    return People(cloud).client("iam")


def create(iam: Any, url: str, **more: Any) -> str:
    asked = {"Url": url, "ThumbprintList": [THUMBPRINT], **more}
    return iam.create_open_id_connect_provider(**asked)["OpenIDConnectProviderArn"]


def test_provider_is_made_changed_and_gone(iam: Any, cloud: RunningCloud) -> None:
    tags = [{"Key": "team", "Value": "red"}]
    arn = create(iam, "https://ID.example.org/Realm", ClientIDList=["one"], Tags=tags)
    account = cloud.admin["account_id"]
    assert arn == f"arn:aws:iam::{account}:oidc-provider/id.example.org/Realm"
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    named = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(**named, ClientID="two")
    iam.add_client_id_to_open_id_connect_provider(**named, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="one")
    iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="never")
    iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=["CD" * 20])
    iam.tag_open_id_connect_provider(**named, Tags=[{"Key": "Team", "Value": "blue"}])
    found = iam.get_open_id_connect_provider(**named)
    assert found["Url"] == "id.example.org/Realm"
    assert found["ClientIDList"] == ["two"]
    assert found["ThumbprintList"] == ["cd" * 20]
    assert found["Tags"] == [{"Key": "Team", "Value": "blue"}]
    iam.untag_open_id_connect_provider(**named, TagKeys=["team"])
    assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == []
    iam.delete_open_id_connect_provider(**named)
    assert refused(iam.get_open_id_connect_provider, **named) == "NoSuchEntity"
    iam.delete_open_id_connect_provider(**named)


def test_issuer_is_there_once_in_an_account(iam: Any, cloud: RunningCloud) -> None:
    create(iam, "https://once.example.org")
    assert refused(create, iam, "https://once.example.org") == "EntityAlreadyExists"
    assert refused(create, iam, "https://ONCE.example.org") == "EntityAlreadyExists"
    people = People(cloud)
    create(people.client("iam", people.account()), "https://once.example.org")


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.org",
        "id.example.org",
        "https://",
        "https://id.example.org?x=1",
        "https://id.example.org/#x",
        "https://user@id.example.org",
        "https://id.example.org/a b",
        "https://id.example.org:port",
        "https://idé.example.org",
    ],
)
def test_what_is_no_issuer_is_refused(iam: Any, url: str) -> None:
    assert refused(create, iam, url) == "InvalidInput"


def test_lists_are_bounded(iam: Any) -> None:
    url = "https://much.example.org"
    many = [f"c{number}" for number in range(101)]
    assert refused(create, iam, url, ClientIDList=many) == "LimitExceeded"
    assert refused(create, iam, url, ThumbprintList=[THUMBPRINT] * 6) == "InvalidInput"
    assert refused(create, iam, url, ThumbprintList=["zz" * 20]) == "InvalidInput"
    assert refused(create, iam, url, ThumbprintList=["ab"]) == "ValidationError"


def test_thumbprint_that_is_not_given_is_asked_for(iam: Any) -> None:
    with oidc.Provider() as provider:
        made = iam.create_open_id_connect_provider(Url=provider.url)
        named = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
        found = iam.get_open_id_connect_provider(**named)
        assert found["ThumbprintList"] == [provider.thumbprint]
        url = provider.url + "/gone"
    away = refused(iam.create_open_id_connect_provider, Url=url)
    assert away == "OpenIdIdpCommunicationError"


def test_few_servers_are_asked_at_once(iam: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, is_over = threading.Semaphore(0), threading.Event()

    def wait(_url: str, _reach: httpsfetch.Reach) -> tuple[str, ...]:
        asked.release()
        assert is_over.wait(120.0)
        return ()

    monkeypatch.setattr(httpsfetch, "fetch_thumbprint", wait)
    ask = iam.create_open_id_connect_provider
    with ThreadPoolExecutor() as pool:
        waits = [
            pool.submit(refused, ask, Url=f"https://silent{number}.example.org")
            for number in range(oidcproviders.ASKED_MAX)
        ]
        assert all(asked.acquire(timeout=60.0) for _ in waits)
        assert refused(ask, Url="https://another.example.org") == "Throttling"
        is_over.set()
        assert {wait.result() for wait in waits} == {"OpenIdIdpCommunicationError"}


def test_provider_of_another_account_is_not_there(iam: Any, cloud: RunningCloud) -> None:
    people = People(cloud)
    other = people.account()
    arn = create(people.client("iam", other), "https://other.example.org")
    named = {"OpenIDConnectProviderArn": arn}
    for call, more in (
        (iam.get_open_id_connect_provider, {}),
        (iam.list_open_id_connect_provider_tags, {}),
        (iam.tag_open_id_connect_provider, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (iam.untag_open_id_connect_provider, {"TagKeys": ["a"]}),
        (iam.add_client_id_to_open_id_connect_provider, {"ClientID": "x"}),
        (iam.remove_client_id_from_open_id_connect_provider, {"ClientID": "x"}),
        (iam.update_open_id_connect_provider_thumbprint, {"ThumbprintList": [THUMBPRINT]}),
    ):
        assert refused(call, **named, **more) == "NoSuchEntity", call
    iam.delete_open_id_connect_provider(**named)
    keys = json.dumps({"keys": [oidc.new_key("k").as_dict(private=False)]})
    sender = Sender(cloud.port, cloud.admin)
    asked = {**named, "JsonWebKeySet": keys}
    assert sender.ask("mallee", "PutOpenIDConnectProviderKeys", **asked).code == "NoSuchEntity"
    found = people.client("iam", other).get_open_id_connect_provider(**named)
    assert found["ThumbprintList"] == [THUMBPRINT]


def test_permission_is_about_the_provider(iam: Any, cloud: RunningCloud) -> None:
    people = People(cloud)
    mine = create(iam, "https://mine.example.org")
    yours = create(iam, "https://yours.example.org")
    ann = people.user({"Action": "iam:*OpenID*", "Resource": mine})
    own = people.client("iam", ann)
    own.get_open_id_connect_provider(OpenIDConnectProviderArn=mine)
    for call in (own.get_open_id_connect_provider, own.delete_open_id_connect_provider):
        assert refused(call, OpenIDConnectProviderArn=yours) == "AccessDenied"
    assert refused(create, own, "https://third.example.org") == "AccessDenied"
