"""What is written down of parameters: everything but secrets, and never too much of it."""

from typing import Any

import msgspec
import pytest

from mallee.aws import model
from mallee.cloud.trail import hiding

SERVICES = ("ec2", "iam", "sts", "mallee", "cloudtrail")
SECRET = "the-secret"
DEPTH_MAX = 6

SECRET_NAMES = [
    ("iam", "ChangePassword", {"OldPassword": SECRET, "NewPassword": SECRET}),
    ("iam", "CreateLoginProfile", {"UserName": "ann", "Password": SECRET}),
    ("iam", "EnableMFADevice", {"AuthenticationCode1": SECRET, "AuthenticationCode2": SECRET}),
    ("iam", "UploadServerCertificate", {"PrivateKey": SECRET, "CertificateBody": "shown"}),
    ("iam", "CreateSAMLProvider", {"AddPrivateKey": SECRET}),
    ("sts", "AssumeRole", {"TokenCode": SECRET, "RoleArn": "shown"}),
    ("sts", "AssumeRoleWithWebIdentity", {"WebIdentityToken": SECRET}),
    ("sts", "AssumeRoleWithSAML", {"SAMLAssertion": SECRET}),
    ("sts", "GetSessionToken", {"TokenCode": SECRET, "SerialNumber": "shown"}),
    ("ec2", "RunInstances", {"UserData": SECRET, "ImageId": "shown"}),
    ("ec2", "ModifyInstanceAttribute", {"UserData": {"Value": SECRET.encode()}}),
    ("ec2", "ImportKeyPair", {"PublicKeyMaterial": SECRET.encode(), "KeyName": "shown"}),
    ("ec2", "RequestSpotInstances", {"LaunchSpecification": {"UserData": SECRET}}),
]


@pytest.mark.parametrize(("service", "operation", "asked"), SECRET_NAMES)
def test_a_secret_is_hidden_and_the_rest_is_shown(
    service: str, operation: str, asked: dict[str, Any]
) -> None:
    told = msgspec.json.encode(hiding.shown(service, operation, asked)).decode()
    assert SECRET not in told
    assert ("shown" in told) is ("shown" in asked.values())


def test_what_only_sounds_secret_is_shown() -> None:
    asked = {"UserName": "ann", "PasswordResetRequired": True}
    assert hiding.shown("iam", "UpdateLoginProfile", asked) == asked


@pytest.mark.parametrize("service", SERVICES)
def test_no_sensitive_value_of_any_operation_is_written_down(service: str) -> None:
    known = model.load(service)
    for name, operation in ((name, known.operations[name]) for name in known.operations):
        if operation.input is not None:
            asked = _filled(known, operation.input, 0)
            told = msgspec.json.encode(hiding.shown(service, name, asked))
            assert SECRET.encode() not in told, name


def _filled(known: model.ServiceModel, shape: model.Shape, depth: int) -> Any:
    """A value with every member, in which all that the model calls sensitive is the secret."""
    if shape.type == "structure":
        if depth > DEPTH_MAX:
            return {}
        members = {name: known.shape(member.shape) for name, member in shape.members.items()}
        return {name: _filled(known, inner, depth + 1) for name, inner in members.items()}
    if shape.type == "list":
        assert shape.member is not None
        return [_filled(known, known.shape(shape.member.shape), depth + 1)]
    if shape.type == "map":
        assert shape.value is not None
        return {"key": _filled(known, known.shape(shape.value.shape), depth + 1)}
    text = SECRET if shape.sensitive else "plain"
    return text.encode() if shape.type == "blob" else text


def test_a_flood_of_parameters_is_cut() -> None:
    ids = [f"i-{number:017x}" for number in range(1000)]
    told = hiding.shown("ec2", "DescribeInstances", {"InstanceIds": ids})["InstanceIds"]
    assert told[: hiding.ITEMS_MAX] == ids[: hiding.ITEMS_MAX]
    assert told[hiding.ITEMS_MAX :] == ["… and 900 more"]
    long = hiding.shown("iam", "CreatePolicy", {"PolicyName": "p", "PolicyDocument": "x" * 100_000})
    assert long["PolicyDocument"].endswith("… (100000 characters)")
    wide = {"Filters": [{"Name": "n" * 3000, "Values": ["v" * 3000] * 50}] * 50}
    assert "bytes of parameters" in hiding.shown("ec2", "DescribeInstances", wide)["omitted"]
