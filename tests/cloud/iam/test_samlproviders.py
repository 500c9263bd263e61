"""Providers of SAML are made of metadata that means something, and are an account's own."""

from typing import Any

import pytest

from mallee.cloud.iam import samlproviders
from tests.cloud.iam.samlmetadata import ENDS_AT, METADATA
from tests.cloud.running import RunningCloud
from tests.cloud.sts.people import People, refused


@pytest.fixture
def iam(cloud: RunningCloud) -> Any:
    return cloud.client("iam")


def create(iam: Any, name: str, document: str = METADATA) -> str:
    made = iam.create_saml_provider(Name=name, SAMLMetadataDocument=document)
    return made["SAMLProviderArn"]


def test_provider_is_made_changed_and_gone(iam: Any, cloud: RunningCloud) -> None:
    arn = create(iam, "corp")
    assert arn == f"arn:aws:iam::{cloud.admin['account_id']}:saml-provider/corp"
    found = iam.get_saml_provider(SAMLProviderArn=arn)
    assert found["SAMLMetadataDocument"] == METADATA
    assert found["ValidUntil"] == ENDS_AT
    (listed,) = iam.list_saml_providers()["SAMLProviderList"]
    assert listed["Arn"] == arn
    other = METADATA.replace("/login", "/sign-in")
    iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=other)
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == other
    assert refused(iam.update_saml_provider, SAMLProviderArn=arn) == "InvalidInput"
    iam.tag_saml_provider(SAMLProviderArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    assert iam.list_saml_provider_tags(SAMLProviderArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    iam.untag_saml_provider(SAMLProviderArn=arn, TagKeys=["a"])
    assert refused(create, iam, "corp") == "EntityAlreadyExists"
    iam.delete_saml_provider(SAMLProviderArn=arn)
    assert refused(iam.get_saml_provider, SAMLProviderArn=arn) == "NoSuchEntity"
    assert refused(iam.delete_saml_provider, SAMLProviderArn=arn) == "NoSuchEntity"


@pytest.mark.parametrize(
    "document",
    [
        "x" * 2000,
        METADATA.replace("<md:IDPSSODescriptor", "<md:SPSSODescriptor").replace(
            "</md:IDPSSODescriptor", "</md:SPSSODescriptor"
        ),
        METADATA.replace("<md:SingleSignOnService", "<md:Other"),
        METADATA.replace('use="signing"', 'use="encryption"'),
        METADATA.replace("<ds:X509Certificate>", "<ds:X509Certificate>AAAA"),
        METADATA.replace("entityID", "entityId"),
        METADATA.replace(
            "<md:EntityDescriptor",
            '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><md:EntityDescriptor',
        ),
        "<a>" * 100_000,
    ],
)
def test_metadata_that_means_nothing_is_refused(iam: Any, document: str) -> None:
    assert refused(create, iam, "bad", document) == "InvalidInput"


def test_there_are_so_many_and_no_more(iam: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samlproviders, "PROVIDERS_MAX", 0)
    assert refused(create, iam, "more") == "LimitExceeded"


def test_provider_of_another_account_is_not_there(iam: Any, cloud: RunningCloud) -> None:
    people = People(cloud)
    arn = create(people.client("iam", people.account()), "theirs")
    for call, more in (
        (iam.get_saml_provider, {}),
        (iam.delete_saml_provider, {}),
        (iam.update_saml_provider, {"SAMLMetadataDocument": METADATA}),
        (iam.list_saml_provider_tags, {}),
        (iam.tag_saml_provider, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (iam.untag_saml_provider, {"TagKeys": ["a"]}),
    ):
        assert refused(call, SAMLProviderArn=arn, **more) == "NoSuchEntity", call
