"""Signing certificates are checked, at most two per user, and nobody else's."""

from typing import Any

import pytest

from tests.cloud.iam.papers import Paper
from tests.cloud.running import RunningCloud
from tests.cloud.sts.people import People, refused


@pytest.fixture
def people(cloud: RunningCloud) -> People:
    return People(cloud)


@pytest.fixture
def iam(people: People) -> Any:
    return people.client("iam", people.account())


def test_life_of_a_certificate(iam: Any) -> None:
    paper = Paper("anna")
    made = iam.upload_signing_certificate(CertificateBody=paper.body)["Certificate"]
    assert (made["UserName"], made["Status"]) == ("admin", "Active")
    again = {"CertificateBody": paper.body}
    assert refused(iam.upload_signing_certificate, **again) == "DuplicateCertificate"
    id = made["CertificateId"]
    iam.update_signing_certificate(CertificateId=id, Status="Inactive")
    (found,) = iam.list_signing_certificates()["Certificates"]
    assert found["Status"] == "Inactive"
    assert found["CertificateBody"] == paper.body
    wrong = {"CertificateId": id, "Status": "Expired"}
    assert refused(iam.update_signing_certificate, **wrong) == "ValidationError"
    iam.upload_signing_certificate(CertificateBody=Paper("b").body)
    third = {"CertificateBody": Paper("c").body}
    assert refused(iam.upload_signing_certificate, **third) == "LimitExceeded"
    iam.delete_signing_certificate(CertificateId=id)
    assert refused(iam.delete_signing_certificate, CertificateId=id) == "NoSuchEntity"


def test_what_is_no_certificate_is_refused(iam: Any) -> None:
    good = Paper("good").body
    for body, code in (
        ("nonsense", "MalformedCertificate"),
        (good[:200], "MalformedCertificate"),
        (good + Paper("second").body, "MalformedCertificate"),
        (Paper("old", days=-1).body, "InvalidCertificate"),
    ):
        assert refused(iam.upload_signing_certificate, CertificateBody=body) == code


def test_certificate_of_another_is_not_there(people: People, iam: Any) -> None:
    id = iam.upload_signing_certificate(CertificateBody=Paper("x").body)["Certificate"][
        "CertificateId"
    ]
    other = people.client("iam", people.account())
    assert refused(other.delete_signing_certificate, CertificateId=id) == "NoSuchEntity"
    iam.create_user(UserName="neighbour")
    asked = {"UserName": "neighbour", "CertificateId": id}
    assert refused(iam.delete_signing_certificate, **asked) == "NoSuchEntity"
    assert iam.list_signing_certificates(UserName="neighbour")["Certificates"] == []
