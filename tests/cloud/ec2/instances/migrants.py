"""Guests on their way between fake hosts: what they are told, and what they say, for tests."""

import hashlib
from typing import Any

from msgspec.structs import replace

from mallee.cloud.hosts.moves import migrating
from mallee.cloud.hosts.placing import reserved
from mallee.cloud.hosts.slices import slices
from mallee.cloud.reconcile import migrations
from mallee.cloud.state import records, store
from mallee.model.compute.instances import InstanceSeen, Phase
from mallee.model.compute.migrations import MigrationSeen
from mallee.model.hosts.hosts import InstanceWanted
from tests.cloud.ec2.world import FakeHost, World
from tests.cloud.signing import Answer, Sender

PROOF = "ab" * 16
DIGEST = hashlib.sha256(PROOF.encode()).hexdigest()


def record(world: World, guest: str) -> migrating.InstanceRecord:
    found = world.store.view.get(records.INSTANCE, guest)
    assert found is not None
    return found


def go(world: World, guest: str, there: FakeHost) -> str:
    """Have the guest go; return the migration's id."""

    def begin(tx: store.Tx) -> str:
        found = tx.get(records.INSTANCE, guest)
        assert found is not None
        assert not migrating.why_not(tx, found, there.id)
        begun = migrating.begin(tx, found, there.id, lambda n: bytes(range(n)))
        assert begun.doc.migration is not None
        return begun.doc.migration.id

    return world.store.transact(begin)


def say(world: World, host: FakeHost, guest: str, **said: Any) -> None:
    """Have a host report of the guest, and the cloud draw its conclusions."""
    now = record(world, guest)
    before = now.seen or InstanceSeen(launch=now.doc.launch, phase=Phase.RUNNING)
    seen = replace(before, migration=MigrationSeen(**said))

    def hear(tx: store.Tx) -> None:
        found = tx.get(records.INSTANCE, guest)
        assert found is not None
        is_its = found.doc.host_id == host.id
        news = seen if is_its else migrating.heard(found, host.id, seen)
        if news is not None:
            tx.observe(found, news)

    world.store.transact(hear)
    world.store.transact(lambda tx: migrations.settle_one(tx, guest))


def told(world: World, host: FakeHost, guest: str) -> InstanceWanted | None:
    wanted = slices.host_wanted(world.store.view, host.id, world.settings)
    return next((one for one in wanted.instances if one.id == guest), None)


def held(world: World, host: FakeHost) -> tuple[int, ...]:
    spaces = (reserved.space(host.id, name) for name in ("vcpus", "memory_mib", "disk_gib"))
    return tuple(world.store.view.total(space) for space in spaces)


def as_eucalyptus(sender: Sender, **asked: str) -> Answer:
    """Ask as `euserv-migrate-instances` does: EC2's path, version and scope."""
    asked = {"Version": "2016-11-15", "Action": "MigrateInstances", **asked}
    return sender.send(sender.signed("ec2", asked, path="/services/compute"))
