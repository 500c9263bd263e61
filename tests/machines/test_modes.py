"""The network mode of a running cloud becomes another by `mallee config`, guests in it included."""

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.kit import process
from mallee.model.configuration import settings
from mallee.model.configuration.settings import Network
from mallee.model.network.classic import Classic
from tests import freeports, wholecloud
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

MALLEE = (sys.executable, "-m", "mallee.cli.main")
CLASSIC = Classic(device="trunk0", subnet="10.20.0.0/16")
BECOMES_S = 240.0


@pytest.fixture
def changing() -> Generator[Cloud]:
    """A cloud in a network with a bridge, which it does not use yet."""
    for line in ("link add trunk0 type bridge", "link set trunk0 up"):
        subprocess.run(["ip", *line.split()], check=True)
    with wholecloud.fresh(replace(wholecloud.SETTINGS, ports=freeports.ports())) as cloud:
        yield cloud


def mallee(cloud: Cloud, *words: str) -> str:
    done = process.run((*MALLEE, *words, "--root", str(cloud.layout.root)), timeout_s=900)
    return done.text + done.stderr.decode()


def test_a_cloud_of_vpcs_becomes_a_managed_one(changing: Cloud, tmp_path: Path) -> None:
    ec2: Any = changing.ec2
    held = settings.parse(changing.layout.settings.read_text())
    network = Network(egress=False, mode="managed-novlan", classic=CLASSIC)
    wished = tmp_path / "managed.toml"
    wished.write_text(settings.encode(replace(held, network=network)))

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    with pytest.raises(process.Failed, match=vpc):
        mallee(changing, "config", "plan", str(wished))
    ec2.delete_vpc(VpcId=vpc)
    planned = mallee(changing, "config", "plan", str(wished))
    assert 'network.mode\t"vpc"\t"managed-novlan"' in planned
    assert "2,048 networks of 32 addresses, 27 of each are lent" in planned
    mallee(changing, "config", "apply", str(wished), "--confirm", "240")
    assert "managed-novlan" in mallee(changing, "zones")

    guest = changing.run()
    changing.wait_state(guest, "running", BECOMES_S)
    assert changing.instance(guest)["PrivateIpAddress"] == "10.20.0.4"
    assert "10.20.0.4/27" in changing.ssh(guest, "ip -4 -o address show dev eth0")
    listed = mallee(changing, "networks")
    assert "10.20.0.0/27\t-\t10.20.0.1" in listed
    assert "1 of 2,048 in use" in listed
    with pytest.raises(process.Failed, match=guest):
        mallee(changing, "config", "rollback", "1")
    changing.terminate(guest)
    assert "0 of" in mallee(changing, "networks")
    mallee(changing, "config", "rollback", "1")
    (subnet,) = ec2.describe_subnets()["Subnets"]
    assert subnet["CidrBlock"] == "172.31.0.0/20"
