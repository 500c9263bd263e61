"""The text of answers, whole: envelopes, lists, empty results, errors, odd characters."""

from datetime import UTC, datetime

import pytest

from mallee.aws import codec, errors
from tests.aws.codec import oracle

EC2 = codec.for_service("ec2")
IAM = codec.for_service("iam")


def test_an_ec2_answer() -> None:
    result = {
        "Reservations": [
            {
                "ReservationId": "r-1",
                "OwnerId": None,
                "Groups": [],
                "Instances": [
                    {
                        "InstanceId": "i-1",
                        "State": {"Code": 16, "Name": "running"},
                        "LaunchTime": datetime(2026, 11, 21, 7, 44, 1, 999_999, tzinfo=UTC),
                        "EbsOptimized": False,
                        "Tags": [{"Key": "Name", "Value": "R&D <1>\r\n"}],
                    }
                ],
            }
        ]
    }
    assert EC2.encode("DescribeInstances", result, "request-1").decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        "<requestId>request-1</requestId><reservationSet><item><reservationId>r-1</reservationId>"
        "<groupSet></groupSet><instancesSet><item><instanceId>i-1</instanceId>"
        "<instanceState><code>16</code><name>running</name></instanceState>"
        "<launchTime>2026-11-21T07:44:01.999Z</launchTime><ebsOptimized>false</ebsOptimized>"
        "<tagSet><item><key>Name</key><value>R&amp;D &lt;1&gt;&#13;\n</value></item></tagSet>"
        "</item></instancesSet></item></reservationSet></DescribeInstancesResponse>"
    )


def test_an_ec2_operation_without_output_answers_true() -> None:
    assert EC2.encode("CreateTags", {}, "request-1").decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<CreateTagsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        "<requestId>request-1</requestId><return>true</return></CreateTagsResponse>"
    )


def test_a_query_answer_stands_in_its_wrapper() -> None:
    result = {
        "User": {
            "Path": "/",
            "UserName": "somebody",
            "CreateDate": 1795247040.75,
            "Tags": [{"Key": "a", "Value": ""}],
        }
    }
    assert IAM.encode("CreateUser", result, "request-1").decode() == (
        '<CreateUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateUserResult>'
        "<User><Path>/</Path><UserName>somebody</UserName>"
        "<CreateDate>2026-11-21T07:44:00Z</CreateDate>"
        "<Tags><member><Key>a</Key><Value></Value></member></Tags></User></CreateUserResult>"
        "<ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata>"
        "</CreateUserResponse>"
    )


def test_a_query_operation_without_output_has_only_metadata() -> None:
    assert IAM.encode("DeleteUser", {}, "request-1").decode() == (
        '<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        "<ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata>"
        "</DeleteUserResponse>"
    )


def test_an_ec2_error() -> None:
    error = errors.InvalidInstanceIDNotFound(["i-1", "i-<2>"])
    assert EC2.encode_error(error, "request-1").decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code>"
        "<Message>The instance IDs 'i-1, i-&lt;2&gt;' do not exist</Message></Error></Errors>"
        "<RequestID>request-1</RequestID></Response>"
    )


def test_a_query_error_says_whose_fault_it_is() -> None:
    error = errors.NoSuchEntity("user", "nobody")
    assert IAM.encode_error(error, "request-1").decode() == (
        '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error>'
        "<Type>Sender</Type><Code>NoSuchEntity</Code>"
        "<Message>The user with name nobody cannot be found.</Message></Error>"
        "<RequestId>request-1</RequestId></ErrorResponse>"
    )
    assert b"<Type>Receiver</Type>" in IAM.encode_error(errors.InternalFailure(), "request-1")


@pytest.mark.parametrize("service", oracle.SERVICES)
def test_botocore_reads_every_errors_code_message_and_request_id(service: str) -> None:
    operation = next(iter(oracle.botocore_model(service).operation_names))
    error = errors.InvalidRequest("a <b> & 'c'")
    body = codec.for_service(service).encode_error(error, "request-1")
    read = oracle.botocore_result(service, operation, body, error.status)
    assert read["Error"]["Code"] == "InvalidRequest"
    assert read["Error"]["Message"] == "a <b> & 'c'"
    assert read["ResponseMetadata"]["RequestId"] == "request-1"


def test_text_that_xml_cannot_carry_is_replaced() -> None:
    result = {"Tags": [{"Key": "\x00\x1b[1m\ud800\ufffe\x7f\x85\u2028ok"}]}
    body = EC2.encode("DescribeTags", result, "request-1")
    read = oracle.botocore_result("ec2", "DescribeTags", body)
    assert read["Tags"] == [{"Key": "\ufffd\ufffd[1m\ufffd\ufffd\x7f\x85\u2028ok"}]


def test_a_fragment_stands_for_the_value_it_was_made_of() -> None:
    instance = {"InstanceId": "i-1", "Tags": [{"Key": "k&", "Value": "v"}]}
    tags = EC2.encode_shape("TagList", instance["Tags"])
    kept = EC2.encode_shape("Instance", {**instance, "Tags": tags})
    whole = EC2.encode_result("DescribeInstances", {"Reservations": [{"Instances": [instance]}]})
    fast = EC2.encode_result("DescribeInstances", {"Reservations": [{"Instances": [kept]}]})
    assert fast == whole
    assert EC2.wrap("DescribeInstances", fast, "r") == EC2.encode(
        "DescribeInstances", {"Reservations": [{"Instances": [instance]}]}, "r"
    )


@pytest.mark.parametrize(
    "instance",
    [
        {"InstanceId": 3},
        {"InstanceId": b"i-1"},
        {"Colour": "red"},
        {"State": "running"},
        {"State": {"Code": "16"}},
        {"State": {"Code": True}},
        {"EbsOptimized": "false"},
        {"EbsOptimized": 0},
        {"LaunchTime": datetime(2026, 11, 21)},
        {"LaunchTime": "2026-11-21T07:44:00Z"},
        {"SecurityGroups": "sg-1"},
        {"SecurityGroups": {"GroupId": "sg-1"}},
        {"SecurityGroups": ["sg-1"]},
        {"SecurityGroups": [None]},
    ],
)
def test_a_result_that_does_not_fit_the_model_is_not_sent(instance: dict[str, object]) -> None:
    with pytest.raises(codec.Mismatch):
        EC2.encode("DescribeInstances", {"Reservations": [{"Instances": [instance]}]}, "r")


def test_a_result_of_an_operation_without_output_is_not_sent() -> None:
    with pytest.raises(codec.Mismatch):
        EC2.encode("CreateTags", {"Return": True}, "r")
