"""What a guest learns from the metadata service, and what no guest can learn from it."""

import json
from typing import Any

import pytest

from tests import wholecloud
from tests.machines import guests, wires
from tests.machines.guests import Pair
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

ID = "/latest/meta-data/instance-id"
FELT_S = 240.0


def change(cloud: Cloud, instance: str, **options: Any) -> None:
    """Change how the instance may ask."""
    cloud.ec2.modify_instance_metadata_options(InstanceId=instance, **options)


def test_no_token_no_answer(cloud: Cloud, pair: Pair) -> None:
    assert guests.ask(cloud, pair.one, "GET", ID).status == 401
    wrong = guests.ask(cloud, pair.one, "GET", ID, X_aws_ec2_metadata_token="AQAEwrong")
    assert wrong.status == 401
    told = guests.ask(
        cloud, pair.one, "GET", ID, X_aws_ec2_metadata_token=guests.token(cloud, pair.one)
    )
    assert (told.status, told.body) == (200, pair.one.id)


def test_a_token_of_one_guest_is_worth_nothing_to_another(cloud: Cloud, pair: Pair) -> None:
    stolen = guests.token(cloud, pair.one)
    told = guests.ask(cloud, pair.other, "GET", ID, X_aws_ec2_metadata_token=stolen)
    assert told.status == 401


def test_a_token_is_not_given_through_a_proxy(cloud: Cloud, pair: Pair) -> None:
    asked = guests.ask(
        cloud,
        pair.one,
        "PUT",
        "/latest/api/token",
        X_aws_ec2_metadata_token_ttl_seconds="60",
        X_Forwarded_For="192.0.2.1",
    )
    assert asked.status == 403


def test_each_guest_is_told_about_itself(cloud: Cloud, pair: Pair) -> None:
    for guest in (pair.one, pair.other):
        shown = cloud.instance(guest.id)
        wanted = {
            "instance-id": guest.id,
            "ami-id": shown["ImageId"],
            "instance-type": shown["InstanceType"],
            "local-ipv4": guest.private_ip,
            "public-ipv4": shown["PublicIpAddress"],
            "local-hostname": shown["PrivateDnsName"],
            "mac": guest.mac,
            "placement/availability-zone": shown["Placement"]["AvailabilityZone"],
            "security-groups": shown["SecurityGroups"][0]["GroupName"],
            "public-keys/": "0=tests",
            f"network/interfaces/macs/{guest.mac}/subnet-id": shown["SubnetId"],
            f"network/interfaces/macs/{guest.mac}/vpc-id": shown["VpcId"],
            f"network/interfaces/macs/{guest.mac}/interface-id": guest.interface_id,
            f"network/interfaces/macs/{guest.mac}/security-group-ids": guest.group_id,
        }
        told = guests.read(cloud, guest, *(f"meta-data/{path}" for path in wanted))
        assert dict(zip(wanted, told, strict=True)) == wanted


def test_a_directory_lists_what_is_in_it(cloud: Cloud, pair: Pair) -> None:
    top, service, mac = guests.read(
        cloud, pair.one, "", "meta-data/", "meta-data/network/interfaces/macs/"
    )
    assert top.split() == ["dynamic", "meta-data", "user-data"]
    assert {"ami-id", "placement/", "public-keys/", "network/"} <= set(service.split())
    assert mac == f"{pair.one.mac}/"
    assert guests.read(cloud, pair.one, "meta-data/no-such-thing") == ["absent"]


def test_the_identity_document_is_the_instances(cloud: Cloud, pair: Pair) -> None:
    [text] = guests.read(cloud, pair.one, "dynamic/instance-identity/document")
    document = json.loads(text)
    shown = cloud.instance(pair.one.id)
    assert document["instanceId"] == pair.one.id
    assert document["accountId"] == cloud.access.account_id
    assert document["imageId"] == shown["ImageId"]
    assert document["privateIp"] == pair.one.private_ip
    assert document["region"] == cloud.access.region
    assert document["pendingTime"] == shown["LaunchTime"].strftime("%Y-%m-%dT%H:%M:%SZ")


def test_user_data_is_told_as_it_was_given(cloud: Cloud, pair: Pair) -> None:
    assert guests.read(cloud, pair.one, "user-data") == [guests.USER_DATA]
    assert guests.read(cloud, pair.other, "user-data") == ["absent"]


def test_a_user_data_script_runs_once_in_an_instances_life(cloud: Cloud, pair: Pair) -> None:
    cloud.wait_console(pair.one.id, "user data ended with status 0")
    boot = "cat /proc/sys/kernel/random/boot_id"
    before = cloud.ssh(pair.one.id, boot)
    cloud.ec2.reboot_instances(InstanceIds=[pair.one.id])
    wholecloud.wait_until(
        lambda: cloud.ssh(pair.one.id, boot) != before, wholecloud.GUEST_S, "another boot"
    )
    said = cloud.ssh(pair.one.id, "while [ ! -e /run/mallee-up ]; do :; done; cat /root/runs")
    assert said == "run\n"


def test_options_take_effect_while_the_guest_runs(cloud: Cloud, pair: Pair) -> None:
    def status(**headers: str) -> int:
        return guests.ask(cloud, pair.other, "GET", ID, **headers).status

    held = guests.token(cloud, pair.other)
    change(cloud, pair.other.id, HttpTokens="optional")
    wholecloud.wait_until(lambda: status() == 200, FELT_S, "version 1 to be answered")
    change(cloud, pair.other.id, HttpEndpoint="disabled")
    wholecloud.wait_until(
        lambda: status(X_aws_ec2_metadata_token=held) == 403, FELT_S, "the service to be shut"
    )
    change(cloud, pair.other.id, HttpEndpoint="enabled", HttpTokens="required")
    wholecloud.wait_until(lambda: status() == 401, FELT_S, "version 1 to be refused")
    assert status(X_aws_ec2_metadata_token=held) == 200


def test_tags_are_told_when_the_instances_owner_wants_it(cloud: Cloud, pair: Pair) -> None:
    cloud.ec2.create_tags(Resources=[pair.other.id], Tags=[{"Key": "Name", "Value": "blue gum"}])
    path = "meta-data/tags/instance/Name"
    assert guests.read(cloud, pair.other, path) == ["absent"]
    change(cloud, pair.other.id, InstanceMetadataTags="enabled")
    wholecloud.wait_until(
        lambda: guests.read(cloud, pair.other, path) == ["blue gum"], FELT_S, "the tag to be told"
    )
    change(cloud, pair.other.id, InstanceMetadataTags="disabled")
    wholecloud.wait_until(
        lambda: guests.read(cloud, pair.other, path) == ["absent"], FELT_S, "the tag to be silent"
    )


@pytest.mark.parametrize("hops", [1, 5])
def test_a_token_travels_no_farther_than_its_owner_wants(
    cloud: Cloud, pair: Pair, hops: int
) -> None:
    change(cloud, pair.other.id, HttpPutResponseHopLimit=hops)
    vpc = cloud.instance(pair.other.id)["VpcId"]
    device = cloud.layout.tap(pair.other.interface_id)

    def travels() -> int:
        with wires.Capture(device, cloud.layout.vpc_namespace(vpc)) as capture:
            given = guests.token(cloud, pair.other).encode()
            return capture.wait(lambda packet: given in packet.payload).hops_left

    wholecloud.wait_until(lambda: travels() == hops, FELT_S, f"{hops} hops")


@pytest.mark.parametrize("with_mac", [False, True])
def test_who_forges_an_address_is_told_nothing(cloud: Cloud, pair: Pair, with_mac: bool) -> None:
    one, other = pair.one, pair.other
    token = guests.token(cloud, one)
    question = guests.asking_in_vain("GET", ID, X_aws_ec2_metadata_token=token)
    wish = guests.asking_in_vain(
        "PUT", "/latest/api/token", X_aws_ec2_metadata_token_ttl_seconds="60"
    )
    # In the background: a guest with another's MAC cannot hear its own SSH.
    script = f"""
        rm -f /tmp/told /tmp/forged
        gateway=$(arp -n 172.31.0.1 | sed 's/.* at \\([0-9a-f:]*\\) .*/\\1/')
        cat >/tmp/forge <<END
        ip link set eth0 address {other.mac if with_mac else one.mac}
        arp -s 172.31.0.1 $gateway
        ip addr add {other.private_ip}/32 dev eth0
        ip route add 169.254.169.254 via 172.31.0.1 dev eth0 src {other.private_ip}
        ( {question}; {wish} ) >/tmp/told 2>&1
        ip route del 169.254.169.254
        ip addr del {other.private_ip}/32 dev eth0
        ip link set eth0 address {one.mac}
        arp -d 172.31.0.1
        touch /tmp/forged
END
        setsid sh /tmp/forge </dev/null >/dev/null 2>&1 &
    """
    vpc = cloud.layout.vpc_namespace(cloud.instance(one.id)["VpcId"])
    with wires.Capture(cloud.layout.tap(one.interface_id), vpc) as capture:
        cloud.ssh(one.id, script)
        capture.wait(lambda packet: packet.source == other.private_ip)
        wholecloud.wait_until(
            lambda: "forged" in cloud.ssh(one.id, "ls /tmp"), wholecloud.GUEST_S, "the forger"
        )
        answered = [one for one in capture.seen() if one.destination == other.private_ip]
    assert answered == []
    assert "HTTP" not in cloud.ssh(one.id, "cat /tmp/told")
    for guest in (one, other):
        assert guests.read(cloud, guest, "meta-data/instance-id") == [guest.id]
