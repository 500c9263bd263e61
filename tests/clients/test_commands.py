"""Every command that a first week needs, by both generations of the AWS CLI, on a real guest."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import programs
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

both = pytest.mark.parametrize("program", programs.CLIS, ids=["cli-1", "cli-2"])


@pytest.fixture(scope="module")
def guest(cloud: Cloud) -> Iterator[str]:
    """A guest that both clients may stop, start and reboot."""
    instance = cloud.run()
    cloud.wait_state(instance, "running")
    yield instance
    cloud.terminate(instance)


def test_a_life_by_commands(cloud: Cloud, guest: str) -> None:
    """Each command by both, one after the other: the guest is stopped and booted once for both."""

    def ec2(*words: str) -> list[str]:
        return [programs.aws(cloud, program, "ec2", *words) for program in programs.CLIS]

    def wait(state: str) -> None:
        ec2("wait", f"instance-{state}", "--instance-ids", guest)

    for said in ec2("stop-instances", "--instance-ids", guest):
        assert said.startswith("STOPPINGINSTANCES")
    wait("stopped")
    for said in ec2("describe-instance-status", "--include-all", "--instance-ids", guest):
        assert "stopped" in said
    for said in ec2("start-instances", "--instance-ids", guest):
        assert said.startswith("STARTINGINSTANCES")
    wait("running")
    wait("status-ok")
    ec2("reboot-instances", "--instance-ids", guest)


@both
def test_tags_by_commands(cloud: Cloud, guest: str, program: Path) -> None:
    def ec2(*words: str) -> str:
        return programs.aws(cloud, program, "ec2", *words)

    ec2("create-tags", "--resources", guest, "--tags", "Key=Name,Value=red box")
    named = ec2(
        *("describe-instances", "--filters", "Name=tag:Name,Values=red*"),
        *("--query", "Reservations[].Instances[].InstanceId"),
    )
    assert named == guest
    assert ec2("describe-tags", "--filters", f"Name=resource-id,Values={guest}").split("\t") == [
        *("TAGS", "Name", guest, "instance", "red box")
    ]
    ec2("delete-tags", "--resources", guest, "--tags", "Key=Name")
    assert not cloud.instance(guest).get("Tags")


@both
def test_an_address_by_commands(cloud: Cloud, guest: str, program: Path) -> None:
    def ec2(*words: str) -> str:
        return programs.aws(cloud, program, "ec2", *words)

    allocation, address = ec2("allocate-address", "--query", "[AllocationId,PublicIp]").split()
    association = ec2(
        *("associate-address", "--allocation-id", allocation, "--instance-id", guest),
        *("--query", "AssociationId"),
    )
    assert cloud.instance(guest)["PublicIpAddress"] == address
    assert guest in ec2("describe-addresses", "--public-ips", address)
    cloud.ssh_to(address, "true")
    ec2("disassociate-address", "--association-id", association)
    ec2("release-address", "--allocation-id", allocation)
    assert ec2("describe-addresses") == ""


@both
def test_keys_and_groups_by_commands(cloud: Cloud, tmp_path: Path, program: Path) -> None:
    def ec2(*words: str) -> str:
        return programs.aws(cloud, program, "ec2", *words)

    private = ec2("create-key-pair", "--key-name", "made", "--query", "KeyMaterial")
    path = tmp_path / "made.pem"
    path.write_text(private + "\n")
    path.chmod(0o600)
    public = tmp_path / "made.pub"
    public.write_text(programs.run(cloud, "ssh-keygen", "-y", "-f", path).out + " someone\n")
    ec2("import-key-pair", "--key-name", "brought", "--public-key-material", f"fileb://{public}")
    keys = ec2("describe-key-pairs", "--query", "KeyPairs[].[KeyName,KeyType]").splitlines()
    assert {"made\trsa", "brought\trsa"} <= set(keys)
    for name in ("made", "brought"):
        ec2("delete-key-pair", "--key-name", name)

    group = ec2(
        *("create-security-group", "--group-name", "web", "--description", "for a while"),
        *("--tag-specifications", "ResourceType=security-group,Tags=[{Key=of,Value=test}]"),
        *("--query", "GroupId"),
    )
    rule = ("--group-id", group, "--protocol", "tcp", "--port", "80-81", "--cidr", "10.0.0.0/8")
    ec2("authorize-security-group-ingress", *rule)
    shown = ec2("describe-security-groups", "--group-ids", group)
    assert "IPPERMISSIONS\t80\ttcp\t81" in shown
    assert "TAGS\tof\ttest" in shown
    ec2("revoke-security-group-ingress", *rule)
    ec2("delete-security-group", "--group-id", group)


@both
def test_looking_around_by_commands(cloud: Cloud, program: Path) -> None:
    def aws(*words: str) -> str:
        return programs.aws(cloud, program, *words)

    assert aws("sts", "get-caller-identity", "--query", "Account") == cloud.access.account_id
    arn = aws("iam", "get-user", "--query", "User.Arn")
    assert arn.startswith(f"arn:aws:iam::{cloud.access.account_id}:user/")
    zones = aws("ec2", "describe-availability-zones", "--query", "AvailabilityZones[].ZoneName")
    assert zones == "us-east-1a"
    assert "us-east-1" in aws("ec2", "describe-regions")
    size = aws(
        *("ec2", "describe-instance-types", "--instance-types", "m1.small"),
        *("--query", "InstanceTypes[0].[VCpuInfo.DefaultVCpus,MemoryInfo.SizeInMiB]"),
    )
    assert size == "1\t256"
    own = aws("ec2", "describe-images", "--owners", "self", "--query", "Images[].Name").split()
    assert sorted(own)[:2] == ["mallee-tiny", "mallee-tiny-kernel"]
    assert "default" in aws("ec2", "describe-security-groups", "--group-names", "default")
    assert "True" in aws("ec2", "describe-vpcs", "--query", "Vpcs[].IsDefault")


@both
def test_pages_make_the_same_whole(cloud: Cloud, program: Path) -> None:
    def types(*words: str) -> Any:
        line = ("--query", "InstanceTypes[].InstanceType", "--output", "json")
        return programs.aws(cloud, program, "ec2", "describe-instance-types", *words, *line)

    whole = sorted(json.loads(types()))
    assert sorted(json.loads(types("--page-size", "5"))) == whole
    first = json.loads(
        programs.aws(
            cloud,
            program,
            *("ec2", "describe-instance-types", "--max-items", "7", "--output", "json"),
        )
    )
    rest = json.loads(types("--starting-token", first["NextToken"]))
    assert sorted([one["InstanceType"] for one in first["InstanceTypes"]] + rest) == whole


@both
def test_a_dry_run_says_that_it_would_have_succeeded(cloud: Cloud, program: Path) -> None:
    line = ("run-instances", "--image-id", cloud.image(), "--dry-run")
    assert programs.refusal(cloud, program, "ec2", *line) == (
        "An error occurred (DryRunOperation) when calling the RunInstances operation: "
        "Request would have succeeded, but DryRun flag is set."
    )


@both
def test_the_same_client_token_launches_once(cloud: Cloud, program: Path) -> None:
    token = f"once-{program.parent.name}"
    line = (
        *("ec2", "run-instances", "--image-id", cloud.image(), "--client-token", token),
        *("--query", "Instances[].InstanceId", "--instance-type"),
    )
    first = programs.aws(cloud, program, *line, "m1.small")
    try:
        assert programs.aws(cloud, program, *line, "m1.small") == first
        said = programs.refusal(cloud, program, *line, "m1.large")
        assert "(IdempotentParameterMismatch)" in said
    finally:
        cloud.terminate(first)


@both
def test_a_skeleton_that_is_filled_in_is_a_request(
    cloud: Cloud, tmp_path: Path, program: Path
) -> None:
    skeleton: dict[str, Any] = json.loads(
        programs.run(cloud, program, "ec2", "run-instances", "--generate-cli-skeleton").out
    )
    wanted = {
        "ImageId": cloud.image(),
        "InstanceType": "m1.small",
        "MinCount": 1,
        "MaxCount": 1,
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "by", "Value": "skeleton"}]}
        ],
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 3},
        "DryRun": True,
    }
    assert set(wanted) <= set(skeleton)
    path = tmp_path / "request.json"
    path.write_text(json.dumps(wanted))
    line = ("ec2", "run-instances", "--cli-input-json", f"file://{path}")
    assert "(DryRunOperation)" in programs.refusal(cloud, program, *line)


REFUSALS = {
    "describe-instances --instance-ids i-0123456789abcdef0": (
        "(InvalidInstanceID.NotFound) when calling the DescribeInstances operation: "
        "The instance ID 'i-0123456789abcdef0' does not exist"
    ),
    "describe-instances --instance-ids nonsense": (
        "(InvalidInstanceID.Malformed) when calling the DescribeInstances operation: "
        'Invalid id: "nonsense"'
    ),
    "run-instances --image-id ami-0123456789abcdef0": (
        "(InvalidAMIID.NotFound) when calling the RunInstances operation: "
        "The image id '[ami-0123456789abcdef0]' does not exist"
    ),
    "delete-security-group --group-id sg-0123456789abcdef0": (
        "(InvalidGroup.NotFound) when calling the DeleteSecurityGroup operation: "
        "The security group 'sg-0123456789abcdef0' does not exist"
    ),
    "release-address --allocation-id eipalloc-0123456789abcdef0": (
        "(InvalidAllocationID.NotFound) when calling the ReleaseAddress operation: "
        "The allocation ID 'eipalloc-0123456789abcdef0' does not exist"
    ),
    "describe-key-pairs --key-names nobody": (
        "(InvalidKeyPair.NotFound) when calling the DescribeKeyPairs operation: "
        "The key pair 'nobody' does not exist"
    ),
    "describe-instances --filters Name=no-such,Values=1": (
        "(InvalidParameterValue) when calling the DescribeInstances operation: "
        "The filter 'no-such' is invalid"
    ),
    "describe-reserved-instances": "(UnsupportedOperation)",
}


@pytest.mark.parametrize("line", REFUSALS)
def test_a_refusal_reads_as_on_aws(cloud: Cloud, line: str) -> None:
    said = programs.refusal(cloud, programs.CLIS[0], "ec2", *line.split())
    assert REFUSALS[line] in said
