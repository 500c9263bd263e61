"""Server certificates: key and chain must fit, and the key is never shown again."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mallee.cloud.iam import x509
from tests.cloud import written
from tests.cloud.iam.papers import Paper, large, private, spent_s
from tests.cloud.running import RunningCloud
from tests.cloud.sts.people import People, refused


@pytest.fixture
def people(cloud: RunningCloud) -> People:
    return People(cloud)


@pytest.fixture
def iam(people: People) -> Any:
    return people.client("iam", people.account())


def upload(iam: Any, name: str, paper: Paper, **more: Any) -> Any:
    asked = {"CertificateBody": paper.body, "PrivateKey": paper.private, **more}
    return iam.upload_server_certificate(ServerCertificateName=name, **asked)


def test_life_of_a_certificate(iam: Any) -> None:
    root = Paper("root")
    middle = Paper("middle", root)
    leaf = Paper("leaf", middle)
    chain = middle.body + root.body
    tags = [{"Key": "site", "Value": "one"}]
    made = upload(iam, "Web", leaf, CertificateChain=chain, Path="/cdn/", Tags=tags)
    data = made["ServerCertificateMetadata"]
    assert data["Arn"].endswith(":server-certificate/cdn/Web")
    assert data["ServerCertificateId"].startswith("ASCA")
    assert data["Expiration"] == leaf.certificate.not_valid_after_utc
    shown = iam.get_server_certificate(ServerCertificateName="Web")["ServerCertificate"]
    assert (shown["CertificateBody"], shown["CertificateChain"]) == (leaf.body, chain)
    assert shown["Tags"] == tags
    assert "PRIVATE" not in str(shown)
    again = {"ServerCertificateName": "web", "CertificateBody": leaf.body}
    assert refused(iam.upload_server_certificate, **again, PrivateKey=leaf.private) == (
        "EntityAlreadyExists"
    )
    iam.update_server_certificate(
        ServerCertificateName="Web", NewServerCertificateName="Shop", NewPath="/"
    )
    (listed,) = iam.list_server_certificates()["ServerCertificateMetadataList"]
    assert listed["Arn"].endswith(":server-certificate/Shop")
    assert iam.list_server_certificates(PathPrefix="/cdn/")["ServerCertificateMetadataList"] == []
    iam.tag_server_certificate(ServerCertificateName="Shop", Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_server_certificate(ServerCertificateName="Shop", TagKeys=["site"])
    found = iam.list_server_certificate_tags(ServerCertificateName="Shop")["Tags"]
    assert found == [{"Key": "b", "Value": "2"}]
    iam.delete_server_certificate(ServerCertificateName="Shop")
    gone = {"ServerCertificateName": "Shop"}
    assert refused(iam.get_server_certificate, **gone) == "NoSuchEntity"
    assert refused(iam.delete_server_certificate, **gone) == "NoSuchEntity"


def test_what_does_not_fit_is_refused(iam: Any) -> None:
    paper, other = Paper("one"), Paper("two")
    make = iam.upload_server_certificate
    base = {"ServerCertificateName": "x", "CertificateBody": paper.body}
    assert refused(make, **base, PrivateKey=other.private) == "KeyPairMismatch"
    assert refused(make, **base, PrivateKey="nonsense") == "MalformedCertificate"
    locked = private(paper.key, b"secret")
    assert refused(make, **base, PrivateKey=locked) == "MalformedCertificate"
    good = {**base, "PrivateKey": paper.private}
    assert refused(make, **good, CertificateChain=other.body) == "MalformedCertificate"
    assert refused(make, **good, CertificateChain="nonsense") == "MalformedCertificate"
    old = Paper("old", days=-1)
    assert refused(upload, iam, "x", old) == "MalformedCertificate"
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []


def test_a_large_key_holds_up_nobody(iam: Any) -> None:
    paper = Paper("large", key=large())
    whole = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    usual = private(whole).encode()
    # The library's own look at a key lets nothing else run meanwhile.
    looked_s = spent_s(lambda: serialization.load_pem_private_key(usual, None))
    assert spent_s(lambda: x509.parse_key(paper.private)) < looked_s
    upload(iam, "large", paper)
    spoilt = {"PrivateKey": private(large(spoilt=2)), "CertificateBody": paper.body}
    assert refused(iam.upload_server_certificate, ServerCertificateName="spoilt", **spoilt) == (
        "MalformedCertificate"
    )


def test_certificate_of_another_account_is_not_there(people: People, iam: Any) -> None:
    upload(iam, "mine", Paper("mine"))
    other = people.client("iam", people.account())
    asked = {"ServerCertificateName": "mine"}
    assert refused(other.get_server_certificate, **asked) == "NoSuchEntity"
    assert refused(other.delete_server_certificate, **asked) == "NoSuchEntity"


def test_private_key_lies_nowhere_in_the_open(people: People, cloud: RunningCloud) -> None:
    paper = Paper("hidden")
    upload(people.client("iam", people.account()), "hidden", paper)
    line = paper.private.splitlines()[1].encode()
    cloud.restart()
    files = written.contents(cloud.layout.root)
    assert not [path for path, data in files.items() if line in data]
