"""A whole cloud keeps everything over a restart, on either engine."""

from pathlib import Path

from msgspec.structs import replace

from tests.cloud.running import RunningCloud


def test_a_cloud_finds_everything_after_a_restart(url: str, root_dir: Path) -> None:
    cloud = RunningCloud(root_dir)
    cloud.settings = replace(cloud.settings, database_url=url)
    with cloud:
        made = cloud.client("ec2").create_key_pair(KeyName="mine", KeyType="ed25519")
        groups = cloud.client("ec2").describe_security_groups()["SecurityGroups"]
        cloud.restart()
        ec2 = cloud.client("ec2")
        (found,) = ec2.describe_key_pairs()["KeyPairs"]
        assert found["KeyPairId"] == made["KeyPairId"]
        assert ec2.describe_security_groups()["SecurityGroups"] == groups
