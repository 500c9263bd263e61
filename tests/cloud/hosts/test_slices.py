"""A host is told all of its own, nothing of others', and hears again only when that changed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.cloud.hosts.slices import slices
from mallee.cloud.state import records, store
from mallee.model.compute.events import Code, Event, Outcome
from mallee.model.compute.instances import MetadataOptions, Phase, Power
from mallee.model.configuration.settings import Settings
from mallee.model.images.images import Blob, DirectBoot
from tests.cloud import clouds
from tests.handclock import NOW, HandClock

KERNEL = Blob(sha256="cd" * 32, size_bytes=1, format="kernel")


@pytest.fixture
def opened(root_dir: Path) -> Iterator[store.Store]:
    for one in clouds.open_store(root_dir, HandClock()):
        one.transact(lambda tx: clouds.add_host(tx, "host-1"))
        one.transact(lambda tx: clouds.launch(tx, 1))
        yield one


def wanted(opened: store.Store) -> slices.HostWanted:
    return slices.host_wanted(opened.view, "host-1", Settings())


def change(opened: store.Store, **changes: object) -> None:
    def write(tx: store.Tx) -> None:
        instance = clouds.get(tx, "i-1")
        tx.write(instance, replace(instance.doc, **changes))

    opened.transact(write)


def test_a_slice_holds_the_hosts_instances_with_their_network(opened: store.Store) -> None:
    told = wanted(opened)
    assert told.zone == clouds.ZONE
    assert [instance.id for instance in told.instances] == ["i-1"]
    assert told.instances[0].disk == clouds.INTERNAL_BLOB
    (vpc,) = told.vpcs
    assert [subnet.cidr for subnet in vpc.subnets] == ["172.31.0.0/20"]
    (interface,) = vpc.interfaces
    assert (interface.private_ip, interface.public_ip) == ("172.31.0.11", "203.0.113.11")
    assert interface.hostname == "ip-172-31-0-11"
    assert [group.id for group in vpc.groups] == ["sg-1", "sg-2"]
    assert [group.member_ips for group in vpc.groups] == [("172.31.0.11",), ()]


def test_another_hosts_instances_show_only_as_members_of_groups(opened: store.Store) -> None:
    def launch_elsewhere(tx: store.Tx) -> None:
        clouds.silence(tx, "host-1")
        clouds.add_host(tx, "host-2")
        clouds.launch(tx, 2)

    opened.transact(launch_elsewhere)
    told = wanted(opened)
    assert [instance.id for instance in told.instances] == ["i-1"]
    assert [interface.id for interface in told.vpcs[0].interfaces] == ["eni-1"]
    assert told.vpcs[0].groups[0].member_ips == ("172.31.0.11", "172.31.0.12")


def test_an_elastic_address_goes_before_the_lent_one(opened: store.Store) -> None:
    opened.transact(lambda tx: clouds.add_address(tx, "eipalloc-1", "203.0.113.99", "eni-1"))
    assert wanted(opened).vpcs[0].interfaces[0].public_ip == "203.0.113.99"
    assert wanted(opened).instances[0].metadata["meta-data/public-ipv4"] == "203.0.113.99"


def test_a_terminated_instance_is_told_until_it_is_gone(opened: store.Store) -> None:
    change(opened, power=Power.TERMINATED)
    assert wanted(opened).instances[0].power is Power.TERMINATED
    change(opened, gone_at=NOW)
    assert wanted(opened).instances == ()


def test_what_is_seen_changes_no_generation(opened: store.Store) -> None:
    kept = slices.Slices(Settings())
    before = kept.host_wanted(opened.view, "host-1")
    opened.transact(lambda tx: clouds.see(tx, "i-1", Phase.RUNNING))
    assert kept.host_wanted(opened.view, "host-1") is before


def test_what_concerns_others_changes_no_generation(opened: store.Store) -> None:
    kept = slices.Slices(Settings())
    before = kept.host_wanted(opened.view, "host-1")
    opened.transact(lambda tx: clouds.add_group(tx, "sg-3"))
    opened.transact(lambda tx: clouds.add_host(tx, "host-2"))
    assert kept.host_wanted(opened.view, "host-1") is before


def test_a_change_is_a_newer_generation(opened: store.Store) -> None:
    kept = slices.Slices(Settings())
    before = kept.host_wanted(opened.view, "host-1")
    change(opened, power=Power.STOPPED)
    after = kept.host_wanted(opened.view, "host-1")
    assert after.generation > before.generation
    assert after.generation == opened.view.rev
    assert after == slices.host_wanted(opened.view, "host-1", Settings())


def test_a_rule_that_changes_reaches_the_hosts_that_enforce_it(opened: store.Store) -> None:
    kept = slices.Slices(Settings())
    kept.host_wanted(opened.view, "host-1")

    def drop_rules(tx: store.Tx) -> None:
        group = tx.get(records.SECURITY_GROUP, "sg-1")
        assert group is not None
        tx.write(group, replace(group.doc, rules=()))

    opened.transact(drop_rules)
    assert [group.id for group in kept.host_wanted(opened.view, "host-1").vpcs[0].groups] == [
        "sg-1"
    ]


def test_a_kernel_of_its_own_boots_directly(opened: store.Store) -> None:
    def register(tx: store.Tx) -> None:
        image = tx.get(records.IMAGE, "ami-1")
        assert image is not None
        kernel = replace(image.doc, id="aki-1", kind="kernel", blob=KERNEL)
        tx.insert(records.IMAGE, clouds.ACCOUNT, "aki-1", kernel)
        tx.write(image, replace(image.doc, kernel_id="aki-1", is_root_file_system=True))

    assert wanted(opened).instances[0].boot is None
    opened.transact(register)
    boot = wanted(opened).instances[0].boot
    assert isinstance(boot, DirectBoot)
    assert (boot.kernel, boot.ramdisk) == (KERNEL, None)
    assert "root=/dev/vda " in boot.command_line + " "


def test_metadata_has_awss_paths_and_eucalyptus(opened: store.Store) -> None:
    told = wanted(opened).instances[0].metadata
    mac = "meta-data/network/interfaces/macs/02:00:00:00:00:01"
    for path, value in {
        "meta-data/ami-id": "ami-1",
        "meta-data/ami-launch-index": "0",
        "meta-data/block-device-mapping/ami": "vda",
        "dynamic/fws/instance-monitoring": "disabled",
        "meta-data/events/maintenance/history": "[]",
        "meta-data/events/maintenance/scheduled": "[]",
        "meta-data/hostname": "ip-172-31-0-11.ec2.internal",
        "meta-data/instance-id": "i-1",
        "meta-data/instance-life-cycle": "on-demand",
        "meta-data/instance-type": "t3.nano",
        "meta-data/local-ipv4": "172.31.0.11",
        "meta-data/mac": "02:00:00:00:00:01",
        "meta-data/placement/availability-zone": "us-east-1a",
        "meta-data/placement/availability-zone-id": "use1-az1",
        "meta-data/placement/region": "us-east-1",
        "meta-data/public-ipv4": "203.0.113.11",
        "meta-data/public-keys/": "0=my-key",
        "meta-data/public-keys/0/openssh-key": "ssh-ed25519 AAAA my-key",
        "meta-data/reservation-id": "r-1",
        "meta-data/security-groups": "name-sg-1",
        "meta-data/services/partition": "aws",
        f"{mac}/device-number": "0",
        f"{mac}/interface-id": "eni-1",
        f"{mac}/ipv4-associations/203.0.113.11": "172.31.0.11",
        f"{mac}/network-card": "0",
        f"{mac}/owner-id": clouds.ACCOUNT,
        f"{mac}/security-group-ids": "sg-1",
        f"{mac}/subnet-id": "subnet-1",
        f"{mac}/subnet-ipv4-cidr-block": "172.31.0.0/20",
        f"{mac}/vpc-id": "vpc-1",
        f"{mac}/vpc-ipv4-cidr-block": "172.31.0.0/16",
    }.items():
        assert told[path] == value, path


def test_the_identity_document_has_awss_keys(opened: store.Store) -> None:
    text = wanted(opened).instances[0].metadata["dynamic/instance-identity/document"]
    assert json.loads(text) == {
        "accountId": clouds.ACCOUNT,
        "architecture": "x86_64",
        "availabilityZone": "us-east-1a",
        "billingProducts": None,
        "devpayProductCodes": None,
        "marketplaceProductCodes": None,
        "imageId": "ami-1",
        "instanceId": "i-1",
        "instanceType": "t3.nano",
        "kernelId": None,
        "pendingTime": "2027-01-15T08:00:00Z",
        "privateIp": "172.31.0.11",
        "ramdiskId": None,
        "region": "us-east-1",
        "version": "2017-09-30",
    }


def test_scheduled_events_are_told_while_they_are_kept(opened: store.Store) -> None:
    def schedule(tx: store.Tx) -> None:
        for number, outcome in enumerate(Outcome):
            event = Event(
                id=f"instance-event-{number}",
                instance_id="i-1",
                code=Code.SYSTEM_REBOOT,
                description="work",
                not_before=1_800_000_000.0 + number,
                not_after=1_800_003_600.0,
                outcome=outcome,
            )
            tx.insert(records.EVENT, clouds.ACCOUNT, event.id, event)

    opened.transact(schedule)
    told = wanted(opened).instances[0].metadata
    assert json.loads(told["meta-data/events/maintenance/scheduled"]) == [
        {
            "NotBefore": "15 Jan 2027 08:00:00 GMT",
            "Code": "system-reboot",
            "Description": "work",
            "EventId": "instance-event-0",
            "NotAfter": "15 Jan 2027 09:00:00 GMT",
            "State": "active",
        }
    ]
    history = json.loads(told["meta-data/events/maintenance/history"])
    assert [(one["Description"], one["State"]) for one in history] == [
        ("[Completed] work", "completed"),
        ("[Canceled] work", "canceled"),
    ]


def test_tags_are_told_only_when_that_is_enabled(opened: store.Store) -> None:
    change(opened, tags={"Name": "web"})
    assert "meta-data/tags/instance/Name" not in wanted(opened).instances[0].metadata
    change(opened, metadata=MetadataOptions(instance_metadata_tags="enabled"))
    assert wanted(opened).instances[0].metadata["meta-data/tags/instance/Name"] == "web"


def test_an_image_that_vanished_takes_no_instance_along(opened: store.Store) -> None:
    def lose(tx: store.Tx) -> None:
        image = tx.get(records.IMAGE, "ami-1")
        assert image is not None
        tx.delete(image)

    opened.transact(lose)
    assert [instance.id for instance in wanted(opened).instances] == ["i-1"]
