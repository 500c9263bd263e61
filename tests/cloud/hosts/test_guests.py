"""Guests have their role's credentials and the API, by their own host and by no other."""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import msgspec
import pytest
from botocore.exceptions import ClientError

from mallee.cloud.identity import rolecredentials
from mallee.cloud.state import records, store
from mallee.model.hosts.standing import Standing
from mallee.model.images.images import Blob, Image
from tests import wholecloud
from tests.cloud.agent import Agent, speaking
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

IMAGE_ID = "ami-0123456789abcdef0"
DOOR = "http://169.254.169.254:8773/"


def trusting(service: str, **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(*actions: str, **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class World:
    cloud: RunningCloud
    agent: Agent
    other: Agent
    instance: str

    def credentials(self, agent: Agent | None = None) -> dict[str, Any]:
        status, answer = (agent or self.agent).post(
            "/v1/credentials", {"instance_ids": [self.instance]}
        )
        assert status == 200, answer
        return answer["credentials"]

    def client(self, service: str, held: dict[str, Any]) -> Any:
        """A client with the credentials, which speaks to the front door."""
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.cloud.url,
            aws_access_key_id=held["access_key_id"],
            aws_secret_access_key=held["secret_access_key"],
            aws_session_token=held["token"],
        )

    def ask(
        self, held: dict[str, Any], body: str, agent: Agent | None = None, **whence: str
    ) -> tuple[int, Any]:
        """Bring a guest's signed request, as its host does, which says whence it came."""
        asked = botocore.awsrequest.AWSRequest("POST", DOOR, data=body.encode())
        asked.headers["Content-Type"] = "application/x-www-form-urlencoded"
        asked.headers["Host"] = "169.254.169.254:8773"
        key = botocore.credentials.Credentials(
            held["access_key_id"], held["secret_access_key"], held["token"]
        )
        botocore.auth.SigV4Auth(key, "ec2", "us-east-1").add_auth(asked)
        headers = {name.lower(): value for name, value in asked.headers.items()}
        return self.bring(headers, body, agent, **whence)

    def bring(
        self, headers: dict[str, str], body: str, agent: Agent | None = None, **whence: str
    ) -> tuple[int, Any]:
        status, answer = (agent or self.agent).post(
            "/v1/requests",
            {
                "whence": whence or {"instance_id": self.instance},
                "method": "POST",
                "path": "/",
                "query": "",
                "headers": headers,
                "body": base64.b64encode(body.encode()).decode(),
            },
        )
        if status != 200:
            return status, answer
        return answer["status"], base64.b64decode(answer["body"]).decode()


@pytest.fixture(scope="module")
def world(cloud: RunningCloud) -> World:
    """An instance with a profile on the first of two hosts."""
    agents = [_join(cloud, "host-1"), _join(cloud, "host-2")]
    image = Image(
        id=IMAGE_ID,
        name="image",
        kind="machine",
        location="image",
        is_public=True,
        blob=Blob(sha256="0" * 64, size_bytes=1 << 20, format="qcow2"),
        disk_gib=1,
        created_at=0.0,
    )
    account = cloud.admin["account_id"]
    cloud.store.transact(lambda tx: tx.insert(records.IMAGE, account, image.id, image))
    iam = cloud.client("iam")
    iam.create_role(
        RoleName="web", AssumeRolePolicyDocument=trusting("ec2.amazonaws.com"), Path="/x/"
    )
    iam.create_instance_profile(InstanceProfileName="web")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    with speaking(agents[0]), speaking(agents[1]):
        made = cloud.client("ec2").run_instances(
            ImageId=IMAGE_ID, MinCount=1, MaxCount=1, IamInstanceProfile={"Name": "web"}
        )["Instances"][0]["InstanceId"]
    record = cloud.store.view.get(records.INSTANCE, made)
    assert record is not None
    agents.sort(key=lambda agent: agent.host_id != record.doc.host_id)
    return World(cloud, agents[0], agents[1], made)


def _join(cloud: RunningCloud, name: str) -> Agent:
    token = Sender(cloud.port, cloud.admin).ask("mallee", "CreateJoinToken")
    agent = Agent(cloud.agents_port, token.element("CaCertificate"))
    assert agent.join(token.element("Token"), name)[0] == 200
    return agent


@pytest.fixture(autouse=True)
def role(world: World) -> Iterator[Any]:
    """The role as it was, after whatever a test did to it."""
    iam = world.cloud.client("iam")
    yield iam
    iam.update_assume_role_policy(RoleName="web", PolicyDocument=trusting("ec2.amazonaws.com"))
    for name in iam.list_role_policies(RoleName="web")["PolicyNames"]:
        iam.delete_role_policy(RoleName="web", PolicyName=name)


def test_an_instances_credentials_are_a_session_of_its_role(world: World, role: Any) -> None:
    held = world.credentials()[world.instance]
    assert held["access_key_id"].startswith("ASIA")
    left_s = held["expires_at"] - time.time()
    assert rolecredentials.LIFE_S - 60 < left_s <= rolecredentials.LIFE_S
    who = world.client("sts", held).get_caller_identity()
    account = world.cloud.admin["account_id"]
    assert who["Arn"] == f"arn:aws:sts::{account}:assumed-role/web/{world.instance}"
    ec2 = world.client("ec2", held)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.describe_instances()
    role.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=allow("ec2:Describe*"))
    assert ec2.describe_instances()["Reservations"]


def test_another_host_gets_nothing(world: World) -> None:
    assert world.credentials(world.other) == {}
    held = world.credentials()[world.instance]
    assert world.ask(held, "Action=DescribeInstances", world.other)[0] == 403


def test_a_role_that_does_not_trust_ec2_gives_none(world: World, role: Any) -> None:
    for trust in (
        trusting("autoscaling.amazonaws.com"),
        trusting("ec2.amazonaws.com", Condition={"StringEquals": {"aws:SourceAccount": "1"}}),
    ):
        role.update_assume_role_policy(RoleName="web", PolicyDocument=trust)
        held = world.credentials()[world.instance]
        assert (held["code"], held.get("token", "")) == (rolecredentials.NO_TRUST, "")


def test_a_guests_request_is_known_by_its_vpc(world: World, role: Any) -> None:
    held = world.credentials()[world.instance]
    record = world.cloud.store.view.get(records.INSTANCE, world.instance)
    assert record is not None
    ask = "Action=DescribeInstances&Version=2016-11-15"
    assert world.ask(held, ask)[0] == 403
    for condition, status in (
        ({"StringEquals": {"aws:SourceVpc": record.doc.vpc_id}}, 200),
        ({"StringEquals": {"aws:SourceVpc": "vpc-00000000000000000"}}, 403),
        ({"IpAddress": {"aws:VpcSourceIp": "172.31.0.0/16"}}, 200),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, 403),
        ({"ArnLike": {"ec2:SourceInstanceArn": f"arn:aws:ec2:*:*:instance/{world.instance}"}}, 200),
    ):
        document = allow("ec2:DescribeInstances", Condition=condition)
        role.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=document)
        answer = world.ask(held, ask)
        assert answer[0] == status, (condition, answer)
        assert ("<instanceId>" in answer[1]) == (status == 200)


def test_a_guest_without_a_signature_gets_nothing(world: World) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", "host": "169.254.169.254:8773"}
    body = "Action=DescribeInstances&Version=2016-11-15"
    assert world.bring(headers, body)[0] in (400, 401, 403)


def test_a_large_request_of_a_guest_is_refused(world: World) -> None:
    assert world.bring({}, "a" * (1 << 20))[0] == 413


def test_a_slice_tells_the_profile(world: World) -> None:
    wanted = world.agent.sync()["wanted"]
    (instance,) = wanted["instances"]
    assert instance["profile"]["arn"].endswith(":instance-profile/web")
    assert instance["profile"]["role_name"] == "web"


def test_who_loses_the_profile_loses_the_credentials(world: World) -> None:
    ec2 = world.cloud.client("ec2")
    listed = ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    ec2.disassociate_iam_instance_profile(AssociationId=listed[0]["AssociationId"])
    try:
        assert world.credentials() == {}
        assert world.agent.sync()["wanted"]["instances"][0].get("profile") is None
    finally:
        ec2.associate_iam_instance_profile(
            InstanceId=world.instance, IamInstanceProfile={"Name": "web"}
        )


def test_credentials_that_were_given_are_in_the_trail_without_their_secret(world: World) -> None:
    held = world.credentials()[world.instance]
    files = sorted(world.cloud.layout.trail.glob("*.jsonl"))
    text = "".join(path.read_text() for path in files)
    assert held["secret_access_key"] not in text
    assert held["token"] not in text
    (line,) = [json.loads(one) for one in text.splitlines() if held["access_key_id"] in one]
    assert (line["action"], line["user"]) == ("AssumeRole", "ec2.amazonaws.com")
    assert line["asked"]["RoleSessionName"] == world.instance
    attribute = {"AttributeKey": "ResourceName", "AttributeValue": held["access_key_id"]}
    trail = world.cloud.client("cloudtrail")
    (event,) = trail.lookup_events(LookupAttributes=[attribute])["Events"]
    identity = json.loads(event["CloudTrailEvent"])["userIdentity"]
    assert identity == {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}


ASK = "Action=DescribeInstances&Version=2016-11-15"
S3, EC2 = "com.amazonaws.us-east-1.s3", "com.amazonaws.us-east-1.ec2"


@pytest.fixture
def endpoints(world: World) -> Iterator[dict[str, str]]:
    """An interface endpoint of EC2 and a gateway endpoint of S3, where the instance is."""
    ec2 = world.cloud.client("ec2")
    (shown,) = ec2.describe_instances(InstanceIds=[world.instance])["Reservations"][0]["Instances"]
    made = {
        "vpc": shown["VpcId"],
        "ip": shown["PrivateIpAddress"],
        EC2: _endpoint(
            ec2, VpcId=shown["VpcId"], ServiceName=EC2, VpcEndpointType="Interface",
            SubnetIds=[shown["SubnetId"]], PrivateDnsEnabled=False,
        ),
        S3: _endpoint(ec2, VpcId=shown["VpcId"], ServiceName=S3),
    }  # fmt: skip
    yield made
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made[EC2], made[S3]])


def _endpoint(ec2: Any, **asked: Any) -> str:
    return ec2.create_vpc_endpoint(**asked)["VpcEndpoint"]["VpcEndpointId"]


def test_a_request_by_an_endpoint_is_known_by_it(
    world: World, role: Any, endpoints: dict[str, str]
) -> None:
    held = world.credentials()[world.instance]
    by = {"endpoint_id": endpoints[EC2], "source_ip": endpoints["ip"]}
    for condition, status in (
        ({"StringEquals": {"aws:SourceVpce": endpoints[EC2]}}, 200),
        ({"StringEquals": {"aws:SourceVpce": endpoints[S3]}}, 403),
        ({"StringEquals": {"aws:SourceVpc": endpoints["vpc"]}}, 200),
        ({"IpAddress": {"aws:VpcSourceIp": endpoints["ip"]}}, 200),
        ({"IpAddress": {"aws:VpcSourceIp": "192.0.2.0/24"}}, 403),
        ({"Null": {"aws:SourceIp": "false"}}, 403),
    ):
        document = allow("ec2:DescribeInstances", Condition=condition)
        role.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=document)
        assert world.ask(held, ASK, **by)[0] == status, condition
    straight = allow("ec2:*", Condition={"Null": {"aws:SourceVpce": "true"}})
    role.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=straight)
    assert world.ask(held, ASK)[0] == 200
    assert world.ask(held, ASK, **by)[0] == 403


@pytest.mark.parametrize("whose", ["role", "administrator"])
def test_an_endpoints_policy_is_the_most_that_may_be_asked_there(
    world: World, role: Any, endpoints: dict[str, str], whose: str
) -> None:
    role.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=allow("*"))
    held = world.credentials()[world.instance]
    if whose == "administrator":
        held = {**world.cloud.admin, "token": None}
    by = {"endpoint_id": endpoints[EC2], "source_ip": endpoints["ip"]}
    assert world.ask(held, ASK, **by)[0] == 200
    ec2 = world.cloud.client("ec2")
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "ec2:*", "Resource": "*"}
    for statements, told in (
        ([{**everybody, "Action": "ec2:DescribeImages"}], "no VPC endpoint policy allows"),
        ([everybody, {**everybody, "Effect": "Deny"}], "explicit deny in a VPC endpoint policy"),
        ([{**everybody, "Principal": {"AWS": "000000000000"}}], "no VPC endpoint policy allows"),
    ):
        text = json.dumps({"Version": "2012-10-17", "Statement": statements})
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoints[EC2], PolicyDocument=text)
        status, answer = world.ask(held, ASK, **by)
        assert (status, told in answer) == (403, True), answer
        assert world.ask(held, ASK)[0] == 200
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoints[EC2], ResetPolicy=True)
    assert world.ask(held, ASK, **by)[0] == 200


def test_an_endpoint_takes_requests_for_its_own_service_only(
    world: World, role: Any, endpoints: dict[str, str]
) -> None:
    role.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=allow("*"))
    held = world.credentials()[world.instance]
    by = {"instance_id": world.instance, "endpoint_id": endpoints[S3]}
    assert world.ask(held, ASK, **by)[0] == 403


def test_nobody_comes_by_an_endpoint_that_is_not_his_hosts(
    world: World, role: Any, endpoints: dict[str, str]
) -> None:
    held = world.credentials()[world.instance]
    by = {"endpoint_id": endpoints[EC2], "source_ip": endpoints["ip"]}
    assert world.ask(held, ASK, world.other, **by)[0] == 403
    strange = {**by, "endpoint_id": "vpce-0123456789abcdef0"}
    assert world.ask(held, ASK, **strange)[0] == 403
    assert world.ask(held, ASK, **{**by, "source_ip": "nowhere"})[0] == 400
    assert world.ask(held, ASK, endpoint_id="", source_ip=endpoints["ip"])[0] == 403


def test_the_trail_says_by_which_endpoint_a_call_came(
    world: World, role: Any, endpoints: dict[str, str]
) -> None:
    held = world.credentials()[world.instance]
    by = {"endpoint_id": endpoints[EC2], "source_ip": endpoints["ip"]}
    assert world.ask(held, ASK, **by)[0] == 403

    def told() -> set[tuple[str, str]]:
        files = sorted(world.cloud.layout.trail.glob("*.jsonl"))
        text = "".join(path.read_text() for path in files)
        # The last line may be written just now.
        lines = [json.loads(one) for one in text[: text.rfind("\n") + 1].splitlines()]
        found = (one for one in lines if one.get("endpoint") == endpoints[EC2])
        return {(one["action"], one["peer"]) for one in found}

    wholecloud.wait_until(lambda: bool(told()), 60, "a line with the endpoint")
    assert told() == {("DescribeInstances", world.instance)}


def test_session_of_a_guest_ends_when_its_host_is_retired(world: World) -> None:
    held = world.credentials()[world.instance]
    sts = world.client("sts", held)
    assert sts.get_caller_identity()["Arn"].endswith(world.instance)
    stand(world, Standing.RETIRED)
    try:
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            sts.get_caller_identity()
    finally:
        stand(world, Standing.ENABLED)
    assert sts.get_caller_identity()["Arn"].endswith(world.instance)


def stand(world: World, standing: Standing) -> None:
    """Say how far the instance's host takes part."""

    def write(tx: store.Tx) -> None:
        instance = tx.get(records.INSTANCE, world.instance)
        assert instance is not None
        host = tx.get(records.HOST, instance.doc.host_id)
        assert host is not None
        tx.write(host, msgspec.structs.replace(host.doc, standing=standing))

    world.cloud.store.transact(write)
