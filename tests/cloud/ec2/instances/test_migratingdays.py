"""What holds guests that shall go: their volumes, what is described of them, drained hosts."""

import contextlib
from typing import Any

import botocore.exceptions
import pytest
from msgspec.structs import replace

from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.moves import migrating
from mallee.cloud.hosts.moves.volumekeys import VolumeKeys
from mallee.cloud.reconcile import instances, migrations, runner
from mallee.cloud.reconcile.storage import volumes
from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model.compute.instances import InstanceSeen, Phase
from mallee.model.compute.migrations import MigrationSeen
from mallee.model.hosts import hosts
from mallee.model.hosts.standing import Role, Standing
from mallee.model.storage.volumes import Volume
from tests.cloud.ec2.asking import launch_one
from tests.cloud.ec2.instances.migrants import DIGEST, as_eucalyptus, go, held, record, say
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import KERNEL_ID, ROOT_ID, FakeHost, Front, World


@pytest.fixture
def guest(alice: Any, host: FakeHost) -> str:
    made: str = launch_one(alice)["InstanceId"]
    host.settle()
    return made


def elsewhere(world: World) -> FakeHost:
    """Another host, with more room than the guest's."""
    return FakeHost(world, "there", hosts.Capacity(64, 1 << 18, 9_000), "us-east-1a")


def attach(alice: Any, host: FakeHost, guest: str, **made: Any) -> str:
    """Give a guest a volume; return it."""
    zone = alice.describe_instances(InstanceIds=[guest])["Reservations"][0]["Instances"][0]
    at = zone["Placement"]["AvailabilityZone"]
    volume: str = alice.create_volume(AvailabilityZone=at, Size=4, **made)["VolumeId"]
    host.settle()
    alice.attach_volume(VolumeId=volume, InstanceId=guest, Device="/dev/sdf")
    host.settle()
    return volume


SHARED = {"VolumeType": "io2", "Iops": 100, "MultiAttachEnabled": True}


@pytest.mark.parametrize("made", [{"Encrypted": True}, SHARED])
def test_a_guest_takes_along_what_only_it_has(
    made: dict[str, Any], alice: Any, host: FakeHost, world: World, guest: str
) -> None:
    volume, there = attach(alice, host, guest, **made), elsewhere(world)
    id = go(world, guest, there)
    say(world, host, guest, migration_id=id, digest=DIGEST, is_given=True)
    assert volume_of(world, volume).host_id == there.id


def test_a_guest_stays_with_a_volume_that_others_have(
    alice: Any, administration: Administration, host: FakeHost, world: World, guest: str
) -> None:
    other: str = launch_one(alice)["InstanceId"]
    host.settle()
    volume = attach(alice, host, guest, **SHARED)
    alice.attach_volume(VolumeId=volume, InstanceId=other, Device="/dev/sdf")
    host.settle()
    there = elsewhere(world)
    asked = {"InstanceId": guest, "DestinationHost.1": "there", "AllowHosts": "true"}
    refused = as_eucalyptus(administration.sender, **asked)
    assert refused.code == "IncorrectState"
    assert f"its volume {volume} cannot go along: several instances have it" in refused.text
    assert other in refused.text
    assert record(world, guest).doc.migration is None
    assert held(world, there) == (0, 0, 0)
    alice.detach_volume(VolumeId=volume, InstanceId=other)
    assert as_eucalyptus(administration.sender, **asked).code == "IncorrectState"
    host.settle()
    assert as_eucalyptus(administration.sender, **asked).status == 200
    # While it is on its way, nobody else gets it.
    with pytest.raises(botocore.exceptions.ClientError, match="on its way to another host"):
        alice.attach_volume(VolumeId=volume, InstanceId=other, Device="/dev/sdf")


def test_a_key_is_opened_for_the_host_to_which_its_volume_goes_with_a_guest(
    alice: Any, host: FakeHost, world: World, guest: str
) -> None:
    volume, there = attach(alice, host, guest, Encrypted=True), elsewhere(world)
    third = FakeHost(world, "third", hosts.Capacity(1, 64, 10), "us-east-1a")
    keys = VolumeKeys(world.store, world.means.box)

    def opening() -> set[str]:
        found: set[str] = set()
        for one in (host, there, third):
            with contextlib.suppress(refusals.Refused):
                keys.open(one.id, volume)
                found.add(one.id)
        return found

    assert opening() == {host.id}
    id = go(world, guest, there)
    assert opening() == {host.id, there.id}
    say(world, host, guest, migration_id=id, failure="cancelled")
    assert opening() == {host.id}


def test_a_guest_on_its_way_is_given_no_volume(
    alice: Any, host: FakeHost, world: World, guest: str
) -> None:
    volume = attach(alice, host, guest)
    alice.detach_volume(VolumeId=volume)
    host.settle()
    go(world, guest, elsewhere(world))
    to = {"VolumeId": volume, "InstanceId": guest, "Device": "/dev/sdf"}
    with pytest.raises(botocore.exceptions.ClientError, match="on its way to another host"):
        alice.attach_volume(**to)


@pytest.mark.parametrize("is_given", [False, True])
@pytest.mark.parametrize("ends", ["detached", "gone"])
def test_a_volume_is_its_guest_s_until_it_is_clear_where_both_are(
    is_given: bool, ends: str, alice: Any, host: FakeHost, world: World, guest: str
) -> None:
    """Which reconciler looks first at what the host says is nobody's to know."""
    volume, there = attach(alice, host, guest), elsewhere(world)
    id = go(world, guest, there)
    if ends == "detached":
        alice.detach_volume(VolumeId=volume)
    else:
        alice.terminate_instances(InstanceIds=[guest])
    over = MigrationSeen(migration_id=id, digest=DIGEST, is_given=is_given, failure="cancelled")
    phase = Phase.RUNNING if ends == "detached" else Phase.GONE
    gone = InstanceSeen(launch=1, phase=phase, migration=over)
    world.store.transact(lambda tx: tx.observe(record_in(tx, guest), gone))
    world.store.transact(lambda tx: volumes.settle_one(tx, volume))
    terms = instances.Terms(world.settings.deadlines, began_at=0.0)
    world.store.transact(lambda tx: instances.settle_one(tx, guest, terms))
    assert len(volume_of(world, volume).attachments) == 1
    assert record(world, guest).doc.gone_at is None
    world.store.transact(lambda tx: migrations.settle_one(tx, guest))
    world.store.transact(lambda tx: volumes.settle_one(tx, volume))
    doc = volume_of(world, volume)
    assert (doc.attachments, doc.move) == ((), None)
    assert doc.host_id == (there.id if is_given else host.id)
    assert doc.former_host_id == (host.id if is_given else there.id)


def record_in(tx: store.Tx, guest: str) -> migrating.InstanceRecord:
    found = tx.get(records.INSTANCE, guest)
    assert found is not None
    return found


def volume_of(world: World, id: str) -> Volume:
    found = world.store.view.get(records.VOLUME, id)
    assert found is not None
    return found.doc


def test_what_is_described_of_a_guest_is_the_same_while_it_goes_and_after(
    alice: Any, host: FakeHost, world: World, guest: str
) -> None:
    there = elsewhere(world)

    def shown() -> tuple[Any, Any]:
        found = alice.describe_instances(InstanceIds=[guest])["Reservations"][0]["Instances"][0]
        status = alice.describe_instance_status(InstanceIds=[guest])["InstanceStatuses"]
        return found, status

    before = shown()
    id = go(world, guest, there)
    assert shown() == before
    say(world, host, guest, migration_id=id, digest=DIGEST, step="its memory is sent")
    assert shown() == before
    say(world, host, guest, migration_id=id, digest=DIGEST, is_given=True)
    assert shown() == before
    there.settle()
    assert shown() == before


def test_a_host_that_is_set_back_while_it_is_drained_keeps_who_has_not_gone(
    alice: Any, host: FakeHost, world: World, guest: str
) -> None:
    """Who is on its way goes on; nobody else begins, and who could not go says so no more."""
    others: list[str] = [launch_one(alice)["InstanceId"] for _ in range(3)]
    host.settle()
    there = elsewhere(world)
    everyone = [guest, *others]

    def stand(standing: Standing) -> None:
        def write(tx: store.Tx) -> None:
            found = tx.get(records.HOST, host.id)
            assert found is not None
            tx.write(found, replace(found.doc, standing=standing))

        world.store.transact(write)

    def bind(tx: store.Tx) -> None:
        found = tx.get(records.INSTANCE, others[0])
        assert found is not None
        tx.write(found, replace(found.doc, placement_group_id="pg-0123456789abcdef0"))

    def settle() -> list[str]:
        for one in everyone:
            world.store.transact(lambda tx, one=one: migrations.settle_one(tx, one))
        return [one for one in everyone if record(world, one).doc.migration is not None]

    world.store.transact(bind)
    stand(Standing.DRAINING)
    under_way = settle()
    assert len(under_way) == migrations.AT_ONCE
    assert others[0] not in under_way
    assert "placement group" in migrating.why_not_drained(
        world.store.view, record(world, others[0])
    )
    stand(Standing.ENABLED)
    first = record(world, under_way[0]).doc.migration
    assert first is not None
    say(world, host, under_way[0], migration_id=first.id, digest=DIGEST, is_given=True)
    assert record(world, under_way[0]).doc.host_id == there.id
    assert settle() == under_way[1:]
    assert migrating.why_not_drained(world.store.view, record(world, others[0])) == ""


def test_guests_that_fit_nowhere_do_not_hold_others_on_a_drained_host(
    alice: Any, host: FakeHost, world: World, front: Front, guest: str
) -> None:
    others: list[str] = [launch_one(alice)["InstanceId"] for _ in range(migrations.AT_ONCE)]
    host.settle()
    FakeHost(world, "there", hosts.Capacity(2, 1 << 14, 900), "us-east-1a")
    *large, small = sorted([guest, *others])

    def prepare(tx: store.Tx) -> None:
        found = tx.get(records.HOST, host.id)
        assert found is not None
        tx.write(found, replace(found.doc, standing=Standing.DRAINING))
        for id in large:
            instance = tx.get(records.INSTANCE, id)
            assert instance is not None
            tx.write(instance, replace(instance.doc, vcpus=3))

    world.store.transact(prepare)
    reconciler = migrations.reconciler(world.store, clock.SYSTEM)
    assert reconciler.keys() == tuple(large)
    front.run(runner.settle_all(reconciler)).result()
    after = reconciler.keys()
    assert small in after
    front.run(runner.settle_all(reconciler)).result()
    assert record(world, small).doc.migration is not None
    assert all(record(world, id).doc.migration is None for id in large)


def test_a_guest_goes_where_its_volumes_may_be(alice: Any, host: FakeHost, world: World) -> None:
    guest: str = launch_one(alice, ImageId=ROOT_ID, KernelId=KERNEL_ID)["InstanceId"]
    host.settle()
    assert record(world, guest).doc.root_device == ""
    attach(alice, host, guest)
    there = elsewhere(world)
    keeps_none = FakeHost(world, "keeps-none", hosts.Capacity(128, 1 << 19, 9_000), "us-east-1a")
    assert migrating.choose(world.store.view, record(world, guest)) == keeps_none.id

    def write(tx: store.Tx) -> None:
        found = tx.get(records.HOST, keeps_none.id)
        assert found is not None
        tx.write(found, replace(found.doc, roles=(Role.COMPUTE,)))

    world.store.transact(write)
    assert migrating.choose(world.store.view, record(world, guest)) == there.id
