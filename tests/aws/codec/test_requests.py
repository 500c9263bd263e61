"""Wrong requests are refused with the service's own code, right ones in odd forms pass."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mallee.aws import codec, errors
from mallee.aws.codec import parameters
from tests.aws.codec import oracle

LAUNCH = {"ImageId": "ami-1", "MinCount": "1", "MaxCount": "1"}


def _decode(service: str, operation: str, **given: str) -> Any:
    pairs = [(name.replace("_", "."), text) for name, text in given.items()]
    return codec.for_service(service).decode(operation, pairs)


def _refused(service: str, operation: str, **given: str) -> errors.AwsError:
    return oracle.refusal(lambda: _decode(service, operation, **given))


def _launch_refused(**given: str) -> errors.AwsError:
    return _refused("ec2", "RunInstances", **{**LAUNCH, **given})


# --- EC2 ---


def test_names_of_the_protocol_are_passed_over() -> None:
    pairs = [
        ("Action", "DescribeVpcs"),
        ("Version", "2016-11-15"),
        ("AWSAccessKeyId", "AKIA"),
        ("SignatureVersion", "2"),
        ("Timestamp", "2026-11-21T07:44:00Z"),
        ("X-Amz-Date", "20261121T074400Z"),
        ("x-amz-security-token", "token"),
    ]
    assert codec.for_service("ec2").decode("DescribeVpcs", pairs) == {}


def test_an_unknown_parameter_is_named() -> None:
    error = _launch_refused(Colour="red")
    assert (error.code, error.message) == (
        "UnknownParameter",
        "The parameter Colour is not recognized",
    )
    nested = _launch_refused(NetworkInterface_1_Colour_2_Shade="x")
    assert nested.message == ("The parameter NetworkInterface.1.Colour.2.Shade is not recognized")


def test_a_missing_parameter_is_named_also_inside_a_structure() -> None:
    error = _refused("ec2", "RunInstances", ImageId="ami-1", MinCount="1")
    assert (error.code, error.message) == (
        "MissingParameter",
        "The request must contain the parameter MaxCount",
    )
    nested = _launch_refused(CreditSpecification_Foo="x")
    assert nested.code == "UnknownParameter"
    nested = _launch_refused(ElasticInferenceAccelerator_1_Count="1")
    assert nested.message == (
        "The request must contain the parameter ElasticInferenceAccelerator.1.Type"
    )


def test_a_parameter_given_twice_is_refused() -> None:
    pairs = [*LAUNCH.items(), ("ImageId", "ami-2")]
    error = oracle.refusal(lambda: codec.for_service("ec2").decode("RunInstances", pairs))
    assert error.code == "InvalidParameterCombination"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MinCount", "one"),
        ("MinCount", ""),
        ("MinCount", "1.5"),
        ("MinCount", "1_000"),
        ("MinCount", " 1"),
        ("MinCount", "١"),
        ("MinCount", "2147483648"),
        ("MinCount", "9" * 5000),
        ("DryRun", "yes"),
        ("DryRun", "1"),
        ("EbsOptimized", ""),
        ("KeyName", "bell\x07"),
        ("KeyName", "half \ud800"),
        ("KeyName", "nul\x00"),
        ("SubnetId_1", "subnet-1"),
        ("SecurityGroupId_first", "sg-1"),
        ("SecurityGroupId_-1", "sg-1"),
        ("SecurityGroupId_01", "sg-1"),
        ("SecurityGroupId_²", "sg-1"),
        ("SecurityGroupId_1000000000", "sg-1"),
        ("SecurityGroupId_1_x", "sg-1"),
        ("Placement", "us-east-1a"),
        ("HttpTokens", "maybe"),
        ("InstanceInitiatedShutdownBehavior", "explode"),
    ],
)
def test_a_malformed_value_is_refused(name: str, text: str) -> None:
    error = _launch_refused(**{name: text})
    assert error.code in ("InvalidParameterValue", "UnknownParameter")
    assert error.status == 400
    body = codec.for_service("ec2").encode_error(error, "request")
    read = oracle.botocore_result("ec2", "RunInstances", body, 400)
    assert read["Error"]["Code"] == error.code


def test_ec2_takes_one_value_for_a_list_of_one() -> None:
    assert _decode("ec2", "DescribeKeyPairs", KeyName="a") == {"KeyNames": ["a"]}
    error = _refused("ec2", "DescribeKeyPairs", Filter="a")
    assert error.message.endswith("Expecting a list: name.1, name.2 and so on.")


def test_a_number_out_of_range_is_told_its_bound() -> None:
    error = _refused("ec2", "DescribeVpcs", MaxResults="4")
    assert error.message == (
        "Value (4) for parameter MaxResults is invalid. "
        "Expecting a value greater than or equal to 5."
    )


def test_list_items_come_in_the_order_of_their_indices_whatever_the_gaps() -> None:
    request = _decode(
        "ec2",
        "TerminateInstances",
        InstanceId_10="c",
        InstanceId_2="b",
        InstanceId_0="a",
        InstanceId_1000000="d",
    )
    assert request == {"InstanceIds": ["a", "b", "c", "d"]}


def test_too_many_and_too_deep_parameters_are_refused() -> None:
    many = [(f"InstanceId.{n}", "i-1") for n in range(parameters.PARAMETERS_MAX + 1)]
    ec2 = codec.for_service("ec2")
    error = oracle.refusal(lambda: ec2.decode("TerminateInstances", many))
    assert error.code == "InvalidParameterValue"
    for name in ("a" + ".a" * 10_000, "a" * 1_000_000, "." * 31 + "a" * 1_000_000):
        error = oracle.refusal(lambda name=name: ec2.decode("TerminateInstances", [(name, "x")]))
        assert error.code == "InvalidParameterValue"
        assert len(error.message) < 1000


def test_an_error_stays_short_whatever_the_request() -> None:
    tags = [(f"Tags.member.{n}.Key", "?" * 5000) for n in range(1, 5001)]
    error = oracle.refusal(lambda: codec.for_service("iam").decode("CreateUser", tags))
    assert error.message.startswith("15002 validation errors detected: ")
    assert len(error.message) < 50_000
    number = _refused("ec2", "DescribeVpcs", MaxResults="9" * 1_000_000)
    assert len(number.message) < 1000


def test_the_launching_room_judges_instance_types() -> None:
    assert _decode("ec2", "RunInstances", **LAUNCH, InstanceType="own.small")["InstanceType"]


def test_booleans_times_and_blobs_are_read_in_their_usual_forms() -> None:
    assert _decode("ec2", "DescribeVpcs", DryRun="True") == {"DryRun": True}
    for text in (
        "2026-11-21T07:44:00Z",
        "2026-11-21T08:44:00+01:00",
        "2026-11-21T07:44:00",
        "1795247040",
    ):
        request = _decode("ec2", "DescribeSpotPriceHistory", StartTime=text)
        assert request == {"StartTime": datetime(2026, 11, 21, 7, 44, tzinfo=UTC)}
    for text in ("aGVs\nbG8=", "aGVsbG8="):
        request = _decode("ec2", "ImportKeyPair", KeyName="k", PublicKeyMaterial=text)
        assert request["PublicKeyMaterial"] == b"hello"
    for text in ("aGVsbG8", "a?==", "é"):
        error = _refused("ec2", "ImportKeyPair", KeyName="k", PublicKeyMaterial=text)
        assert error.code == "InvalidParameterValue"


# --- The query services ---


def test_violations_are_counted_in_amazons_words() -> None:
    error = _refused("iam", "CreateUser", UserName="a b", Tags_member_1_Key="")
    assert error.code == "ValidationError"
    assert error.message == (
        "4 validation errors detected: "
        "Value 'a b' at 'userName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]+; "
        "Value '' at 'tags.1.member.key' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1; "
        "Value '' at 'tags.1.member.key' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+; "
        "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null"
    )


def test_one_violation_is_one() -> None:
    error = _refused("iam", "UpdateAccessKey", AccessKeyId="A" * 16, Status="Sleeping")
    assert error.message == (
        "1 validation error detected: Value 'Sleeping' at 'status' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Active, Inactive, Expired]"
    )


def test_secrets_are_not_repeated_in_messages() -> None:
    error = _refused("iam", "ChangePassword", OldPassword="o" * 200, NewPassword="new")
    assert "Value at 'oldPassword' failed" in error.message
    assert "ooo" not in error.message


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("Colour", "red", "InvalidQueryParameter"),
        ("UserName_1", "x", "MalformedQueryString"),
        ("Path_1", "x", "MalformedInput"),
        ("Tags", "x", "MalformedInput"),
        ("Tags_member", "x", "MalformedInput"),
        ("Tags_member_x_Key", "x", "MalformedInput"),
        ("Tags_1_Key", "x", "InvalidQueryParameter"),
    ],
)
def test_what_cannot_be_read_has_its_code(name: str, text: str, code: str) -> None:
    assert _refused("iam", "CreateUser", **{"UserName": "u", name: text}).code == code


def test_a_duplicate_makes_the_query_string_malformed() -> None:
    pairs = [("UserName", "a"), ("UserName", "b")]
    error = oracle.refusal(lambda: codec.for_service("iam").decode("GetUser", pairs))
    assert (error.code, error.status) == ("MalformedQueryString", 404)


def test_parameters_of_an_operation_without_any_are_refused() -> None:
    error = _refused("iam", "GetAccountSummary", Colour_1="red")
    assert error.code == "InvalidQueryParameter"


def test_an_empty_text_is_an_empty_list() -> None:
    assert _decode("iam", "CreateUser", UserName="u", Tags="") == {"UserName": "u", "Tags": []}
