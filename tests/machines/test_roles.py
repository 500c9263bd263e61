"""A guest with a role: it has credentials without being given any, and may do what its role may.

The guest itself fetches, signs and asks (`signed.sh`); nothing of the host takes part.
"""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import wholecloud
from tests.machines import guests
from tests.machines.guests import Pair
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

SCRIPT = Path(__file__).with_name("signed.sh")
LIST = "meta-data/iam/security-credentials"
DESCRIBE = "Action=DescribeInstances&Version=2016-11-15"
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"},
    "Action": "sts:AssumeRole",
}


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def iam(cloud: Cloud) -> Iterator[Any]:
    """A role that may look at instances from this VPC, in a profile, while the tests run."""
    client = cloud.client("iam")
    client.create_role(RoleName="guest", AssumeRolePolicyDocument=policy(TRUST))
    client.create_instance_profile(InstanceProfileName="guest")
    client.add_role_to_instance_profile(InstanceProfileName="guest", RoleName="guest")
    yield client
    client.remove_role_from_instance_profile(InstanceProfileName="guest", RoleName="guest")
    client.delete_instance_profile(InstanceProfileName="guest")
    for name in client.list_role_policies(RoleName="guest")["PolicyNames"]:
        client.delete_role_policy(RoleName="guest", PolicyName=name)
    client.delete_role(RoleName="guest")


@pytest.fixture
def instance(cloud: Cloud, pair: Pair, iam: Any) -> Iterator[str]:
    """A guest of the pair with the profile, and without it afterwards."""
    made = cloud.ec2.associate_iam_instance_profile(
        InstanceId=pair.one.id, IamInstanceProfile={"Name": "guest"}
    )["IamInstanceProfileAssociation"]
    cloud.ssh(pair.one.id, f"cat >/tmp/signed.sh <<'END'\n{SCRIPT.read_text()}END\n")
    wait_told(cloud, pair, f"{LIST}/", "guest")
    yield pair.one.id
    cloud.ec2.disassociate_iam_instance_profile(AssociationId=made["AssociationId"])
    wait_told(cloud, pair, f"{LIST}/", "absent")


def told(cloud: Cloud, pair: Pair, path: str) -> str:
    return guests.read(cloud, pair.one, path)[0]


def wait_told(cloud: Cloud, pair: Pair, path: str, text: str) -> None:
    """Wait until the metadata service says exactly that."""
    wholecloud.wait_until(
        lambda: told(cloud, pair, path) == text, wholecloud.GUEST_S, f"{path} to be {text}"
    )


def ask(cloud: Cloud, instance: str, service: str, body: str) -> str:
    """The answer to a request that the guest signs and sends."""
    words = shlex.join((service, cloud.access.region, body))
    return cloud.ssh(instance, f"sh /tmp/signed.sh {words}")


def test_a_guest_does_what_its_role_may(cloud: Cloud, pair: Pair, iam: Any, instance: str) -> None:
    said = ask(cloud, instance, "sts", "Action=GetCallerIdentity&Version=2011-06-15")
    assert f":assumed-role/guest/{instance}</Arn>" in said
    assert "UnauthorizedOperation" in ask(cloud, instance, "ec2", DESCRIBE)
    allowed = {
        "Effect": "Allow",
        "Action": "ec2:DescribeInstances",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceVpc": cloud.instance(instance)["VpcId"]}},
    }
    iam.put_role_policy(RoleName="guest", PolicyName="look", PolicyDocument=policy(allowed))
    said = ask(cloud, instance, "ec2", DESCRIBE)
    assert said.startswith("HTTP/1.1 200")
    assert f"<instanceId>{instance}</instanceId>" in said
    stop = f"Action=StopInstances&Version=2016-11-15&InstanceId.1={instance}"
    assert "UnauthorizedOperation" in ask(cloud, instance, "ec2", stop)


def test_a_guest_is_told_of_its_profile_and_no_other_guest_is(
    cloud: Cloud, pair: Pair, iam: Any, instance: str
) -> None:
    info = json.loads(told(cloud, pair, "meta-data/iam/info"))
    profile = iam.get_instance_profile(InstanceProfileName="guest")["InstanceProfile"]
    assert info["InstanceProfileArn"] == profile["Arn"]
    assert info["InstanceProfileId"] == profile["InstanceProfileId"]
    assert guests.read(cloud, pair.other, f"{LIST}/", "meta-data/iam/info") == ["absent"] * 2


def test_a_guest_has_its_role_when_it_starts(cloud: Cloud, iam: Any) -> None:
    script = (
        "#!/bin/sh\ntries=0\n"
        f"until role=$(/etc/mallee/imds {LIST}/); do tries=$((tries + 1)); done\n"
        'echo "the role is $role after $tries tries"\n'
    )
    given = {"IamInstanceProfile": {"Name": "guest"}, "UserData": script}
    with guests.launched(cloud, **given) as instance:
        cloud.wait_console(instance, "the role is guest after ")


def test_a_guest_finds_services_by_name(cloud: Cloud, pair: Pair) -> None:
    domain, endpoint = guests.read(
        cloud, pair.one, "meta-data/services/domain", "meta-data/services/endpoint"
    )
    found = cloud.ssh(pair.one.id, f"nslookup ec2.{cloud.access.region}.{domain}")
    assert "169.254.169.254" in found
    assert endpoint == "http://169.254.169.254:8773"


def test_a_role_that_trusts_ec2_no_more_is_said_so(
    cloud: Cloud, pair: Pair, iam: Any, instance: str
) -> None:
    arn = f"arn:aws:iam::{cloud.access.account_id}:root"
    nobody = {**TRUST, "Principal": {"AWS": arn}}
    iam.update_assume_role_policy(RoleName="guest", PolicyDocument=policy(nobody))
    try:
        # Another profile's credentials are fetched anew.
        iam.create_instance_profile(InstanceProfileName="again")
        with pytest.raises(ClientError, match="no associated IAM Roles"):
            cloud.ec2.associate_iam_instance_profile(
                InstanceId=pair.other.id, IamInstanceProfile={"Name": "again"}
            )
        made = cloud.ec2.associate_iam_instance_profile(
            InstanceId=pair.other.id, IamInstanceProfile={"Name": "guest"}
        )["IamInstanceProfileAssociation"]
        wholecloud.wait_until(
            lambda: (
                "AssumeRoleUnauthorizedAccess" in guests.read(cloud, pair.other, f"{LIST}/guest")[0]
            ),
            wholecloud.GUEST_S,
            "the refusal to be told",
        )
        cloud.ec2.disassociate_iam_instance_profile(AssociationId=made["AssociationId"])
    finally:
        iam.delete_instance_profile(InstanceProfileName="again")
        iam.update_assume_role_policy(RoleName="guest", PolicyDocument=policy(TRUST))


def test_a_guest_that_signs_nothing_or_wrongly_gets_nothing(
    cloud: Cloud, pair: Pair, instance: str
) -> None:
    plain = (
        f"printf 'GET /?{DESCRIBE} HTTP/1.0\\r\\nHost: ec2\\r\\n\\r\\n' "
        "| nc -w 60 169.254.169.254 8773"
    )
    assert "MissingAuthenticationToken" in cloud.ssh(instance, plain)
    wrong = cloud.ssh(
        instance,
        "sed 's/^secret=.*//; s/AWS4$secret/AWS4wrong/' /tmp/signed.sh >/tmp/wrong.sh; "
        f"sh /tmp/wrong.sh ec2 {cloud.access.region} '{DESCRIBE}'",
    )
    assert "<Reservation" not in wrong
    assert "403" in wrong.split("\n")[0] or "401" in wrong.split("\n")[0]
