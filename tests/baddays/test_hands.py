"""Days on which somebody works on the host by hand: put right, or reported, within seconds."""

import os
import signal
import subprocess

import pytest

from mallee.box import client as api
from mallee.node.plan.guests import domain
from tests import wholecloud
from tests.baddays import traces
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

WITHIN_S = 240.0


def by_hand(*argv: str) -> None:
    """Do what somebody did."""
    subprocess.run(argv, check=True, capture_output=True)


def said_of_host(cloud: Cloud) -> str:
    """Everything that administrators are told of the host."""
    return str(api.call(cloud.access, "mallee", "DescribeHosts")["Hosts"])


def wait_other_process(cloud: Cloud, guest: str, before: int | None) -> None:
    """Wait until the guest's QEMU is another one."""

    def is_another() -> bool:
        return cloud.guest_process(guest) not in (None, before)

    wholecloud.wait_until(is_another, WITHIN_S, "the guest to be started again")


def wait_reason(cloud: Cloud, guest: str, words: str) -> None:
    """Wait until the guest's reason holds those words."""

    def is_said() -> bool:
        return words in cloud.instance(guest).get("StateReason", {}).get("Message", "")

    wholecloud.wait_until(is_said, WITHIN_S, f"the reason {words!r}")


def namespace_of(cloud: Cloud, guest: str) -> str:
    """The namespace of the guest's VPC."""
    return cloud.layout.vpc_namespace(cloud.instance(guest)["VpcId"])


def test_a_flushed_firewall_stands_again_and_cuts_no_connection(cloud: Cloud, guest: str) -> None:
    name = namespace_of(cloud, guest)

    def rules() -> str:
        argv = ["ip", "netns", "exec", name, "nft", "-s", "list", "ruleset"]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    assert "chain" in rules()
    with traces.open_shell(cloud, guest) as shell:
        by_hand("ip", "netns", "exec", name, "nft", "flush", "ruleset")
        wholecloud.wait_until(lambda: "chain" in rules(), WITHIN_S, "the rules to be back")
        assert shell.echo("still here") == "still here"
    cloud.ssh(guest, "true")


def test_a_vpcs_namespace_that_lost_its_name_has_it_again_with_all_that_is_inside(
    cloud: Cloud, guest: str
) -> None:
    name, before = namespace_of(cloud, guest), traces.life_of(cloud, guest)
    inside = traces.links(name)
    with traces.open_shell(cloud, guest) as shell:
        by_hand("ip", "netns", "delete", name)
        wholecloud.wait_until(lambda: name in traces.namespaces(cloud), WITHIN_S, "the name")
        assert shell.echo("still here") == "still here"
    assert sorted(traces.links(name)) == sorted(inside)
    assert traces.life_of(cloud, guest) == before


def test_a_tap_that_is_deleted_is_reported_and_a_new_start_brings_another(
    cloud: Cloud, guest: str
) -> None:
    interface = traces.interface_of(cloud, guest)["NetworkInterfaceId"]
    tap, name = cloud.layout.tap(interface), namespace_of(cloud, guest)
    by_hand("ip", "-n", name, "link", "delete", tap)
    words = f"the tap {tap} of {interface} has been removed under its guest"
    wholecloud.wait_until(lambda: words in said_of_host(cloud), WITHIN_S, "the report")
    assert "until it is started again" in said_of_host(cloud)

    cloud.ec2.stop_instances(InstanceIds=[guest], Force=True)
    cloud.wait_state(guest, "stopped")
    cloud.ec2.start_instances(InstanceIds=[guest])
    cloud.ssh(guest, "true")
    wholecloud.wait_until(lambda: words not in said_of_host(cloud), WITHIN_S, "no report")


def test_a_guest_that_is_switched_off_by_hand_is_started_again_and_says_so(
    cloud: Cloud, guest: str
) -> None:
    before = cloud.guest_process(guest)
    traces.virsh(cloud, "destroy", guest)
    wait_other_process(cloud, guest, before)
    wait_reason(cloud, guest, "the guest was switched off by hand")


def test_a_domain_that_is_removed_by_hand_is_defined_again_and_says_so(
    cloud: Cloud, guest: str
) -> None:
    before = cloud.guest_process(guest)
    traces.virsh(cloud, "undefine", guest)
    traces.virsh(cloud, "destroy", guest)
    wait_other_process(cloud, guest, before)
    wait_reason(cloud, guest, "the guest's domain was removed by hand")
    assert guest in traces.domains(cloud)
    cloud.ssh(guest, "true")


def test_a_domain_of_ours_that_nobody_owns_is_removed_and_its_disk_kept(
    cloud: Cloud, guest: str
) -> None:
    stranger = "i-0123456789abcdef0"
    directory = cloud.layout.instances / stranger
    directory.mkdir()
    (directory / domain.DISK_FILE).write_bytes(b"somebody's work")
    text = traces.virsh(cloud, "dumpxml", "--inactive", guest).replace(guest, stranger)
    text = text.replace(domain.uuid_of(guest), domain.uuid_of(stranger))
    described = cloud.layout.root / "stranger.xml"
    described.write_text(text)
    by_hand("virsh", "-c", cloud.layout.libvirt_uri, "define", str(described))

    kept = cloud.layout.lost / stranger / domain.DISK_FILE
    wholecloud.wait_until(kept.exists, WITHIN_S, "the disk to be put aside")
    assert kept.read_bytes() == b"somebody's work"
    assert stranger not in traces.domains(cloud)
    wholecloud.wait_until(lambda: stranger in said_of_host(cloud), WITHIN_S, "the report")
    assert cloud.state(guest) == "running"


def test_a_guest_that_dies_again_and_again_is_given_up_with_words(cloud: Cloud, guest: str) -> None:
    """It is started again at once, then after ever longer pauses, then no more."""
    died: set[int | None] = set()

    def is_another_or_none() -> bool:
        runs = traces.virsh(cloud, "domstate", guest).strip() == "running"
        is_another = runs and cloud.guest_process(guest) not in died
        return is_another or cloud.state(guest) == "stopped"

    while cloud.state(guest) != "stopped":
        process = cloud.guest_process(guest)
        died |= {None, process}
        if process is not None:
            os.kill(process, signal.SIGKILL)
        assert len(died) < 10
        wholecloud.wait_until(is_another_or_none, WITHIN_S, "another start, or the end")
    stopped = cloud.instance(guest)
    assert "times in a row" in stopped["StateReason"]["Message"]
    assert "given up" in stopped["StateReason"]["Message"]
    assert cloud.guest_process(guest) is None

    cloud.ec2.start_instances(InstanceIds=[guest])
    cloud.ssh(guest, "true")
    assert "StateReason" not in cloud.instance(guest)
