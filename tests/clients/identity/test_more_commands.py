"""What is used seldom, by both AWS CLIs: certificates, providers, reports, tags."""

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mallee.kit import pki
from tests import wholecloud
from tests.clients.identity.conftest import AWS, Person

PROVIDER = "id.example.org"


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a certificate, its key, and an SSH public key."""
    made = tmp_path_factory.mktemp("pems")
    authority = pki.create_authority("somebody", time.time())
    (made / "certificate.pem").write_bytes(authority.certificate_pem)
    (made / "key.pem").write_bytes(authority.key_pem)
    public = rsa.generate_private_key(65537, 2048).public_key()
    form = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    (made / "id_rsa.pub").write_bytes(public.public_bytes(*form))
    return made


def suffix(program: Path) -> str:
    return "one" if program == wholecloud.AWS_1 else "two"


@AWS
def test_certificates_and_keys_by_commands(
    administrator: Person, pems: Path, program: Path
) -> None:
    name = f"cert-{suffix(program)}"

    def iam(*words: str) -> str:
        return administrator.aws(program, "iam", *words)

    iam("create-user", "--user-name", name)
    who = ("--user-name", name)
    body = f"file://{pems}/certificate.pem"
    signing = iam(
        *("upload-signing-certificate", *who, "--certificate-body", body),
        *("--query", "Certificate.CertificateId"),
    )
    assert signing in iam("list-signing-certificates", *who)
    iam("delete-signing-certificate", *who, "--certificate-id", signing)
    ssh = iam(
        *("upload-ssh-public-key", *who, "--ssh-public-key-body", f"file://{pems}/id_rsa.pub"),
        *("--query", "SSHPublicKey.SSHPublicKeyId"),
    )
    shown = ("get-ssh-public-key", *who, "--ssh-public-key-id", ssh, "--encoding", "SSH")
    assert "ssh-rsa" in iam(*shown)
    iam("delete-ssh-public-key", *who, "--ssh-public-key-id", ssh)
    iam("delete-user", *who)
    server = ("--server-certificate-name", name)
    iam(
        *("upload-server-certificate", *server, "--certificate-body", body),
        *("--private-key", f"file://{pems}/key.pem"),
    )
    assert name in iam("list-server-certificates")
    assert "PRIVATE KEY" not in iam("get-server-certificate", *server)
    iam("delete-server-certificate", *server)


@AWS
def test_providers_and_services_roles_by_commands(administrator: Person, program: Path) -> None:
    def iam(*words: str) -> str:
        return administrator.aws(program, "iam", *words)

    url = f"https://{suffix(program)}.{PROVIDER}"
    arn = iam(
        *("create-open-id-connect-provider", "--url", url, "--client-id-list", "app"),
        *("--thumbprint-list", "a" * 40, "--query", "OpenIDConnectProviderArn"),
    )
    assert arn in iam("list-open-id-connect-providers")
    iam(
        "tag-open-id-connect-provider",
        "--open-id-connect-provider-arn",
        arn,
        *("--tags", "Key=Of,Value=us"),
    )
    assert "us" in iam("list-open-id-connect-provider-tags", "--open-id-connect-provider-arn", arn)
    iam("delete-open-id-connect-provider", "--open-id-connect-provider-arn", arn)
    role = iam(
        *("create-service-linked-role", "--aws-service-name", "autoscaling.amazonaws.com"),
        *("--query", "Role.RoleName"),
    )
    task = iam("delete-service-linked-role", "--role-name", role, "--query", "DeletionTaskId")
    status = iam("get-service-linked-role-deletion-status", "--deletion-task-id", task)
    assert status in ("SUCCEEDED", "IN_PROGRESS")


@AWS
def test_own_password_by_commands(administrator: Person, program: Path) -> None:
    name = f"pat-{suffix(program)}"

    def iam(*words: str) -> str:
        return administrator.aws(program, "iam", *words)

    iam("update-account-password-policy", "--allow-users-to-change-password")
    iam("create-user", "--user-name", name)
    iam("create-login-profile", "--user-name", name, "--password", "first-Secret-1")
    key, secret = iam(
        *("create-access-key", "--user-name", name),
        *("--query", "AccessKey.[AccessKeyId,SecretAccessKey]"),
    ).split()
    pat = administrator.as_(program, key, secret)
    change = ("iam", "change-password", "--old-password")
    wrong = pat(*change, "no-Secret-at-all-9", "--new-password", "second-Secret-2")
    assert "(AccessDenied)" in wrong.err or "InvalidUserType" in wrong.err, wrong.err
    said = pat(*change, "first-Secret-1", "--new-password", "second-Secret-2")
    assert said.status == 0, said.err
    iam("delete-login-profile", "--user-name", name)
    assert "(NoSuchEntity)" in administrator.refusal(
        program, "iam", "get-login-profile", "--user-name", name
    )
    iam("delete-account-password-policy")


@AWS
def test_use_is_reported_by_commands(administrator: Person, program: Path) -> None:
    def iam(*words: str) -> str:
        return administrator.aws(program, "iam", *words)

    arn = iam("get-user", "--query", "User.Arn")
    job = iam("generate-service-last-accessed-details", "--arn", arn, "--query", "JobId")
    told = iam("get-service-last-accessed-details", "--job-id", job, "--query", "JobStatus")
    assert told in ("COMPLETED", "IN_PROGRESS")
    granted = iam(
        "list-policies-granting-service-access", "--arn", arn, "--service-namespaces", "ec2"
    )
    assert "ec2" in granted


@AWS
def test_everything_is_tagged_alike_by_commands(administrator: Person, program: Path) -> None:
    def iam(*words: str) -> str:
        return administrator.aws(program, "iam", *words)

    name = f"tag-{suffix(program)}"
    document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    trust = document.replace(
        '"Action":"*","Resource":"*"',
        ('"Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}'),
    )
    iam("create-user", "--user-name", name)
    iam("create-role", "--role-name", name, "--assume-role-policy-document", trust)
    iam("create-instance-profile", "--instance-profile-name", name)
    policy = iam(
        *("create-policy", "--policy-name", name, "--policy-document", document),
        *("--query", "Policy.Arn"),
    )
    for noun, option, value in (
        ("user", "--user-name", name),
        ("role", "--role-name", name),
        ("instance-profile", "--instance-profile-name", name),
        ("policy", "--policy-arn", policy),
    ):
        iam(f"tag-{noun}", option, value, "--tags", "Key=a,Value=1", "Key=b,Value=2")
        iam(f"untag-{noun}", option, value, "--tag-keys", "a")
        assert iam(f"list-{noun}-tags", option, value, "--query", "Tags[].[Key,Value]") == "b\t2"
        iam(f"delete-{noun}", option, value)
