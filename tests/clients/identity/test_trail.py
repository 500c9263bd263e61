"""The trail by both generations of the AWS CLI, as people who audit an account read it."""

import json
from pathlib import Path

from tests.clients.identity.conftest import AWS, Person
from tests.cloud.running import RunningCloud


@AWS
def test_who_made_a_user_is_looked_up(administrator: Person, program: Path) -> None:
    administrator.aws(program, "iam", "create-user", "--user-name", "watched")
    administrator.aws(program, "iam", "delete-user", "--user-name", "watched")
    lookup = ("cloudtrail", "lookup-events", "--lookup-attributes")
    named = "AttributeKey=ResourceName,AttributeValue=watched"
    query = ("--query", "Events[:2].[EventName,Username]")
    said = administrator.aws(program, *lookup, named, *query).split()
    assert said == ["DeleteUser", "admin", "CreateUser", "admin"]
    record = ("--max-items", "1", "--query", "Events[0].CloudTrailEvent")
    text = administrator.aws(program, *lookup, named, *record).partition("\n")[0]
    assert json.loads(text)["userAgent"].startswith("aws-cli/")


@AWS
def test_a_refusal_is_found_by_its_action(
    cloud: RunningCloud, administrator: Person, program: Path
) -> None:
    missing = ("ec2", "describe-instances", "--instance-ids", "i-0123456789abcdef0")
    administrator.refusal(program, *missing)
    lookup = ("cloudtrail", "lookup-events", "--start-time", "2026-01-01T00:00:00Z")
    named = ("--lookup-attributes", "AttributeKey=EventName,AttributeValue=DescribeInstances")
    found = administrator.aws(program, *lookup, *named, "--query", "Events[].CloudTrailEvent")
    assert "Client.InvalidInstanceID.NotFound" in found


@AWS
def test_no_trails_are_shown_and_none_made(administrator: Person, program: Path) -> None:
    trails = ("cloudtrail", "describe-trails", "--query", "length(trailList)")
    assert administrator.aws(program, *trails) == "0"
    status = ("cloudtrail", "get-trail-status", "--name", "mine")
    assert "TrailNotFoundException" in administrator.refusal(program, *status)
    create = ("cloudtrail", "create-trail", "--name", "mine", "--s3-bucket-name", "mine")
    assert "UnsupportedOperationException" in administrator.refusal(program, *create)
