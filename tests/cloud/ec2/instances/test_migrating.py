"""Guests on their way between hosts: whose they are, by whose word, and what goes along."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.admin.hosts import retiring
from mallee.cloud.explain import states
from mallee.cloud.hosts.moves import migrating
from mallee.cloud.reconcile import migrations
from mallee.cloud.state import records, store
from mallee.model.hosts import hosts
from mallee.model.hosts.standing import Standing
from tests.cloud.ec2.asking import launch_one, state
from tests.cloud.ec2.instances.migrants import (
    DIGEST,
    PROOF,
    as_eucalyptus,
    go,
    held,
    record,
    say,
    told,
)
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import FakeHost, World


@pytest.fixture
def there(world: World, guest: str) -> FakeHost:
    """Another host, with more room than the guest's."""
    return FakeHost(world, "there", hosts.Capacity(64, 1 << 18, 9_000), "us-east-1a")


@pytest.fixture
def guest(alice: Any, host: FakeHost) -> str:
    made: str = launch_one(alice)["InstanceId"]
    host.settle()
    return made


def test_it_is_its_old_hosts_until_that_gave_it_away(
    alice: Any, host: FakeHost, world: World, guest: str, there: FakeHost
) -> None:
    before = held(world, host)
    id = go(world, guest, there)
    old, new = told(world, host, guest), told(world, there, guest)
    assert old is not None
    assert old.going is not None
    assert new is not None
    assert new.coming is not None
    assert (old.going.word, old.going.migration_id) == (new.coming.word, new.coming.migration_id)
    assert (old.coming, new.going) == (None, None)
    assert held(world, there) == held(world, host) == before
    say(world, host, guest, migration_id=id, digest=DIGEST, step="its memory is sent")
    assert record(world, guest).doc.host_id == host.id
    say(world, host, guest, migration_id=id, digest=DIGEST, is_given=True)
    assert record(world, guest).doc.host_id == there.id
    assert told(world, host, guest) is None
    now = told(world, there, guest)
    assert now is not None
    assert (now.going, now.coming) == (None, None)
    assert {one.doc.host_id for one in world.store.view.by(records.VOLUME, "instance", guest)} == {
        there.id
    }
    assert state(alice, guest) == "running"
    host.settle()
    there.settle()
    assert held(world, host) == (0, 0, 0)
    assert held(world, there) == before


def test_the_new_host_shows_what_it_can_only_have_from_the_old_one(
    host: FakeHost, world: World, guest: str, there: FakeHost
) -> None:
    id = go(world, guest, there)
    # Before the old one has said anything, nothing is proved.
    say(world, there, guest, migration_id=id, proof=PROOF)
    assert record(world, guest).doc.host_id == host.id
    say(world, host, guest, migration_id=id, digest=DIGEST)
    for lie in (
        {"migration_id": id, "proof": "ac" * 16},
        {"migration_id": id, "proof": ""},
        {"migration_id": id, "is_given": True},
        {"migration_id": id, "digest": DIGEST},
        {"migration_id": "mig-0123456789abcdef0", "proof": PROOF},
    ):
        say(world, there, guest, **lie)
        assert record(world, guest).doc.host_id == host.id
    # What the old host says it means is no reason that others are not heard.
    say(world, host, guest, migration_id=id, digest="ä")
    say(world, there, guest, migration_id=id, proof=PROOF)
    assert record(world, guest).doc.host_id == host.id
    say(world, host, guest, migration_id=id, digest=DIGEST)
    third = FakeHost(world, "third", hosts.Capacity(1, 64, 10), "us-east-1a")
    say(world, third, guest, migration_id=id, proof=PROOF)
    assert record(world, guest).doc.host_id == host.id
    say(world, there, guest, migration_id=id, proof=PROOF)
    assert record(world, guest).doc.host_id == there.id


def test_what_was_given_up_stays(host: FakeHost, world: World, guest: str, there: FakeHost) -> None:
    id = go(world, guest, there)
    say(world, host, guest, migration_id=id, failure="a disk could not be mirrored")
    doc = record(world, guest).doc
    assert (doc.host_id, doc.migration) == (host.id, None)
    assert doc.migrated is not None
    assert doc.migrated.failure == "a disk could not be mirrored"
    assert told(world, there, guest) is None
    there.settle()
    assert held(world, there) == (0, 0, 0)
    # A word about a migration that is over is nothing.
    say(world, host, guest, migration_id=id, is_given=True)
    assert record(world, guest).doc.host_id == host.id


def test_only_its_old_host_gives_a_migration_up(
    alice: Any, host: FakeHost, world: World, guest: str, there: FakeHost
) -> None:
    id = go(world, guest, there)
    alice.stop_instances(InstanceIds=[guest])
    world.store.transact(lambda tx: migrations.settle_one(tx, guest))
    old = told(world, host, guest)
    assert old is not None
    assert old.going is not None
    assert old.going.is_cancelled
    # It had been given before it was heard that nobody wants it.
    say(world, host, guest, migration_id=id, digest=DIGEST, is_given=True)
    assert record(world, guest).doc.host_id == there.id


def test_a_drained_host_gives_its_guests_away(
    alice: Any, host: FakeHost, world: World, guest: str, there: FakeHost
) -> None:
    def drain(tx: store.Tx) -> None:
        found = tx.get(records.HOST, host.id)
        assert found is not None
        tx.write(found, replace(found.doc, standing=Standing.DRAINING))

    world.store.transact(lambda tx: migrations.settle_one(tx, guest))
    assert record(world, guest).doc.migration is None
    world.store.transact(drain)
    world.store.transact(lambda tx: migrations.settle_one(tx, guest))
    migration = record(world, guest).doc.migration
    assert migration is not None
    assert migration.to_host_id == there.id


def test_why_a_guest_stays_on_a_drained_host_is_said(
    world: World, host: FakeHost, guest: str, there: FakeHost
) -> None:
    assert there.id
    assert migrating.why_not_drained(world.store.view, record(world, guest)) == ""

    def bind(tx: store.Tx) -> None:
        found, instance = tx.get(records.HOST, host.id), tx.get(records.INSTANCE, guest)
        assert found is not None
        assert instance is not None
        tx.write(found, replace(found.doc, standing=Standing.DRAINING))
        tx.write(instance, replace(instance.doc, placement_group_id="pg-0123456789abcdef0"))

    world.store.transact(bind)
    assert "placement group" in migrating.why_not_drained(world.store.view, record(world, guest))
    why = states.of(world.store.view, record(world, guest)).why
    assert "its host is drained, and its guest stays" in why


def unlike(world: World, host: FakeHost, **facts: str) -> None:
    """Have a host be of another kind than others."""

    def write(tx: store.Tx) -> None:
        found = tx.get(records.HOST, host.id)
        assert found is not None
        assert found.seen is not None
        tx.observe(found, replace(found.seen, facts=replace(found.seen.facts, **facts)))

    world.store.transact(write)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"acceleration": "other"}, "runs guests by"),
        (
            {"hypervisor": "QEMU 9.2.0, libvirt 11.0.0"},
            "there QEMU 9.2.0, libvirt 11.0.0; give both the same",
        ),
    ],
)
def test_a_drained_host_gives_its_guests_to_hosts_of_its_own_kind(
    facts: dict[str, str],
    why: str,
    administration: Administration,
    world: World,
    host: FakeHost,
    guest: str,
    there: FakeHost,
) -> None:
    """The one with most room cannot carry them; why is told as long as no other is there."""
    unlike(world, there, **facts)

    def drain(tx: store.Tx) -> None:
        found = tx.get(records.HOST, host.id)
        assert found is not None
        tx.write(found, replace(found.doc, standing=Standing.DRAINING))

    world.store.transact(drain)
    world.store.transact(lambda tx: migrations.settle_one(tx, guest))
    assert record(world, guest).doc.migration is None
    assert why in states.of(world.store.view, record(world, guest)).why
    described = administration.sender.ask("mallee", "DescribeHosts").text
    assert f"The guest of {guest} stays: " in described
    assert why in described
    refused = as_eucalyptus(administration.sender, InstanceId=guest)
    assert why in refused.text
    like = FakeHost(world, "like", hosts.Capacity(4, 1 << 14, 900), "us-east-1a")
    world.store.transact(lambda tx: migrations.settle_one(tx, guest))
    migration = record(world, guest).doc.migration
    assert migration is not None
    assert migration.to_host_id == like.id
    assert migrating.why_not_drained(world.store.view, record(world, guest)) == ""


def test_what_cannot_go_is_said(
    alice: Any, host: FakeHost, world: World, guest: str, there: FakeHost
) -> None:
    view = world.store.view
    assert "it is there" in migrating.why_not(view, record(world, guest), host.id)
    there.fall_silent()
    assert "is not heard" in migrating.why_not(world.store.view, record(world, guest), there.id)
    alice.stop_instances(InstanceIds=[guest])
    host.settle()
    assert "does not run" in migrating.why_not(world.store.view, record(world, guest), there.id)


def test_old_tools_have_one_guest_go(
    administration: Administration, host: FakeHost, world: World, guest: str, there: FakeHost
) -> None:
    sender = administration.sender
    for wrong in ({}, {"InstanceId": guest, "SourceHost": "there"}):
        assert as_eucalyptus(sender, **wrong).code == "InvalidInput"
    for unknown in ({"InstanceId": "i-0123456789abcdef0"}, {"SourceHost": "nowhere"}):
        assert as_eucalyptus(sender, **unknown).code == "NoSuchResource"
    kept_out = as_eucalyptus(sender, **{"InstanceId": guest, "DestinationHost.1": "there"})
    assert kept_out.code == "IncorrectState"
    assert "no host is allowed" in kept_out.text
    asked = {"InstanceId": guest, "DestinationHost.1": "there", "AllowHosts": "true"}
    begun = as_eucalyptus(sender, **asked)
    assert begun.status == 200, begun.text
    assert begun.element("return") == "true"
    assert begun.element("ToHostId") == there.id
    move = record(world, guest).doc.migration
    assert move is not None
    assert move.to_host_id == there.id
    assert "on its way already" in as_eucalyptus(sender, InstanceId=guest).text


def test_old_tools_clear_a_host_of_what_can_go(
    alice: Any,
    administration: Administration,
    host: FakeHost,
    world: World,
    guest: str,
) -> None:
    bound: str = launch_one(alice)["InstanceId"]
    host.settle()

    def bind(tx: store.Tx) -> None:
        found = tx.get(records.INSTANCE, bound)
        assert found is not None
        tx.write(found, replace(found.doc, placement_group_id="pg-0123456789abcdef0"))

    world.store.transact(bind)
    there = FakeHost(world, "there", hosts.Capacity(64, 1 << 18, 9_000), "us-east-1a")
    here, where = (record(world, one).doc.host_id for one in (guest, bound))
    assert here == where
    found = world.store.view.get(records.HOST, here)
    assert found is not None
    begun = as_eucalyptus(administration.sender, SourceHost=found.doc.address)
    assert begun.status == 200, begun.text
    move = record(world, guest).doc.migration
    assert move is not None
    assert move.to_host_id == there.id
    assert record(world, bound).doc.migration is None
    assert f"The guest of {bound} cannot go: it is bound to its host" in begun.text
    again = as_eucalyptus(administration.sender, SourceHost=found.doc.name)
    assert again.code == "IncorrectState"


def test_a_name_that_a_retired_host_had_is_its_successors(
    administration: Administration, host: FakeHost, world: World, guest: str
) -> None:
    bygone = FakeHost(world, "bygone", hosts.Capacity(64, 1 << 18, 9_000), "us-east-1a")

    def retire(tx: store.Tx) -> None:
        found = tx.get(records.HOST, bygone.id)
        assert found is not None
        retiring.retire(tx, tx.write(found, replace(found.doc, name="again")))

    world.store.transact(retire)
    there = FakeHost(world, "again", hosts.Capacity(64, 1 << 18, 9_000), "us-east-1a")
    asked = {"InstanceId": guest, "DestinationHost.1": "again", "AllowHosts": "true"}
    begun = as_eucalyptus(administration.sender, **asked)
    assert begun.status == 200, begun.text
    assert begun.element("ToHostId") == there.id
    gone = as_eucalyptus(administration.sender, SourceHost=bygone.id)
    assert gone.code == "NoSuchResource"


def test_guests_owners_move_nothing(
    administration: Administration, world: World, guest: str, there: FakeHost
) -> None:
    tenant = administration.bob
    asked = {"InstanceId": guest, "DestinationHost.1": there.id, "AllowHosts": "true"}
    assert as_eucalyptus(tenant, **asked).code == "AccessDenied"
    assert record(world, guest).doc.migration is None
