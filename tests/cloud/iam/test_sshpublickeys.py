"""SSH public keys: RSA that is long enough, shown in either encoding."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tests.cloud.iam import papers
from tests.cloud.running import RunningCloud
from tests.cloud.sts.people import People, refused


@pytest.fixture
def people(cloud: RunningCloud) -> People:
    return People(cloud)


@pytest.fixture
def iam(people: People) -> Any:
    iam = people.client("iam", people.account())
    iam.create_user(UserName="u")
    return iam


def test_life_of_a_key(iam: Any, tmp_path: Path) -> None:
    body = papers.ssh()
    made = iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=f"{body} me@home")
    key = made["SSHPublicKey"]
    assert key["SSHPublicKeyId"].startswith("APKA")
    assert key["SSHPublicKeyBody"] == body
    (tmp_path / "key.pub").write_text(body)
    told = subprocess.run(
        ["ssh-keygen", "-E", "md5", "-lf", tmp_path / "key.pub"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"MD5:{key['Fingerprint']}" in told.stdout
    asked = {"UserName": "u", "SSHPublicKeyId": key["SSHPublicKeyId"]}
    pem = iam.get_ssh_public_key(**asked, Encoding="PEM")["SSHPublicKey"]["SSHPublicKeyBody"]
    assert serialization.load_pem_public_key(pem.encode())
    assert refused(iam.get_ssh_public_key, **asked, Encoding="DER") in (
        "UnrecognizedPublicKeyEncoding",
        "ValidationError",
    )
    again = {"UserName": "u", "SSHPublicKeyBody": pem}
    assert refused(iam.upload_ssh_public_key, **again) == "DuplicateSSHPublicKey"
    iam.update_ssh_public_key(**asked, Status="Inactive")
    (found,) = iam.list_ssh_public_keys(UserName="u")["SSHPublicKeys"]
    assert found["Status"] == "Inactive"
    assert "SSHPublicKeyBody" not in found
    assert refused(iam.delete_user, UserName="u") == "DeleteConflict"
    iam.delete_ssh_public_key(**asked)
    assert refused(iam.delete_ssh_public_key, **asked) == "NoSuchEntity"
    iam.delete_user(UserName="u")


def test_what_is_no_such_key_is_refused(iam: Any) -> None:
    for body, code in (
        ("nonsense", "UnrecognizedPublicKeyEncoding"),
        ("ssh-rsa nonsense", "InvalidPublicKey"),
        (papers.ssh(1024), "InvalidPublicKey"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43, "InvalidPublicKey"),
    ):
        asked = {"UserName": "u", "SSHPublicKeyBody": body}
        assert refused(iam.upload_ssh_public_key, **asked) == code


def test_user_has_five_at_most(iam: Any) -> None:
    bodies = [papers.ssh() for _ in range(6)]
    for body in bodies[:5]:
        iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=body)
    asked = {"UserName": "u", "SSHPublicKeyBody": bodies[5]}
    assert refused(iam.upload_ssh_public_key, **asked) == "LimitExceeded"


def test_no_service_takes_credentials_of_its_own(iam: Any) -> None:
    asked = {"UserName": "u", "ServiceName": "codecommit.amazonaws.com"}
    assert refused(iam.create_service_specific_credential, **asked) == "NotSupportedService"
    listed = iam.list_service_specific_credentials(UserName="u")
    assert listed["ServiceSpecificCredentials"] == []
    gone = {"ServiceSpecificCredentialId": "A" * 20}
    assert refused(iam.delete_service_specific_credential, **gone) == "NoSuchEntity"
