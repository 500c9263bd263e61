"""A cloud without daemons for the tests of EC2: real store, real pipeline, real socket, fake host.

One server for the whole test run answers for whichever `World` is current, so a test costs a fresh
store and no start. Two accounts exist, Alice's and Bob's, with fixed access keys.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent import futures
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from msgspec.structs import replace

from mallee.cloud import accounts, actions, http, pipeline, server
from mallee.cloud.hosts.doors import asks
from mallee.cloud.hosts.moves import moving
from mallee.cloud.hosts.slices import slices, volumeslices
from mallee.cloud.identity import authenticate, authorize
from mallee.cloud.reconcile import instances as reconciling
from mallee.cloud.reconcile.storage import volumes as volumereconciling
from mallee.cloud.state import records, store
from mallee.cloud.trail import journal
from mallee.kit import clock, secretbox
from mallee.model.compute.instances import InstanceSeen, Phase, Power, Reach, Reason
from mallee.model.configuration.settings import Deadlines, Settings
from mallee.model.hosts import hosts, parts
from mallee.model.identity.accounts import AccessKey
from mallee.model.images.images import INSTANCE_STORE, Blob, Image
from mallee.model.storage import volumes
from mallee.model.storage.buckets import Bucket
from mallee.model.storage.moves import ArrivalSeen

SECRET = "secret" * 6
IMAGE_ID = "ami-00000000000000001"
KERNEL_ID = "aki-00000000000000002"
RAMDISK_ID = "ari-00000000000000003"
ROOT_ID = "ami-00000000000000004"
LOG_BUCKET = "flow-logs-of-alice"
BIG = hosts.Capacity(vcpus=64, memory_mib=65536, disk_gib=1000)


def key_of(name: str) -> str:
    """The access key id of a test's account."""
    return f"AKIA{name.upper():X<16}"


class World:
    """A store with two accounts, images and a host."""

    def __init__(self, path: Path, settings: Settings, trail: journal.Journal) -> None:
        self.settings = settings
        self.store = store.Store.open(f"sqlite:///{path}/state.db", clock=clock.SYSTEM)
        box = secretbox.SecretBox(bytes(32))
        self.means = accounts.Means(settings=settings, entropy=os.urandom, box=box)
        self.accounts = {
            name: self._make_account(name, is_cloud_admin=name == "alice")
            for name in ("alice", "bob")
        }
        self.store.transact(self._make_images)
        self.store.transact(self._make_bucket)
        self.slices = slices.Slices(settings)
        self.told: dict[str, hosts.HostWanted] = {}
        self.untold: list[str] = []
        """Hosts that would not have heard of a change that concerned them."""
        self.cloud = pipeline.Cloud(
            settings=settings,
            clock=clock.SYSTEM,
            trail=trail,
            store=self.store,
            box=box,
            keys=authenticate.Keys(self.store.view, box),
            judge=authorize.judge(self.store.view, box),
            asks=asks.Asks(),
            agents=pipeline.Agents(),
            table=actions.TABLE,
        )

    def _make_account(self, name: str, *, is_cloud_admin: bool) -> str:
        def make(tx: store.Tx) -> str:
            account = accounts.create(tx, name, self.means, is_cloud_admin=is_cloud_admin)
            key = AccessKey(
                id=key_of(name),
                sealed_secret=self.means.box.seal(SECRET.encode()),
                user_id=account.doc.admin_user_id,
                created_at=tx.now,
            )
            tx.insert(records.ACCESS_KEY, account.id, key.id, key)
            return account.id

        return self.store.transact(make)

    def check_slices(self, after: str) -> None:
        """Note where a host would not be told what it is to be told, after a request."""
        view = self.store.view
        for host in view.list(records.HOST):
            fresh = slices.host_wanted(view, host.id, self.settings)
            known = self.told.get(host.id)
            wanted, kept = self.slices.news(view, host.id, known.generation if known else 0)
            answer = parts.join_parts(hosts.SyncAnswer(wanted=wanted, kept=kept), known)
            assert answer.wanted is not None
            self.told[host.id] = answer.wanted
            if replace(answer.wanted, generation=fresh.generation) != fresh:
                self.untold.append(f"{host.id} after {after}")

    def _make_images(self, tx: store.Tx) -> None:
        disk = Blob(sha256="a" * 64, size_bytes=1 << 20, format="qcow2")
        whole = Image(
            id=IMAGE_ID,
            name="tiny",
            description="a tiny guest",
            kind="machine",
            location="mallee/tiny",
            is_public=True,
            blob=disk,
            disk_gib=1,
            created_at=tx.now,
        )
        boot = replace(whole, blob=Blob(sha256="b" * 64, size_bytes=9, format="kernel"), disk_gib=0)
        for image in (
            whole,
            replace(boot, id=KERNEL_ID, name="tiny-kernel", kind="kernel"),
            replace(boot, id=RAMDISK_ID, name="tiny-ramdisk", kind="ramdisk"),
            replace(
                whole,
                id=ROOT_ID,
                name="tiny-root",
                is_root_file_system=True,
                root_device_type=INSTANCE_STORE,
            ),
        ):
            tx.insert(records.IMAGE, self.accounts["alice"], image.id, image)

    def _make_bucket(self, tx: store.Tx) -> None:
        """A bucket of Alice's, into which anything may be logged for her."""
        bucket = Bucket(name=LOG_BUCKET, number=1, created_at=tx.now)
        tx.insert(records.BUCKET, self.accounts["alice"], bucket.name, bucket)

    def close(self) -> None:
        self.store.close()


class FakeHost:
    """A host that does at once what is wanted, when told to look; the reconciler follows it."""

    def __init__(self, world: World, name: str, capacity: hosts.Capacity, zone: str) -> None:
        self.id = f"host-{name}"
        self._store = world.store
        host = hosts.Host(
            id=self.id,
            name=name,
            zone=zone,
            certificate_serial=name,
            joined_at=clock.SYSTEM.now(),
            address=f"198.18.{len(name)}.{sum(name.encode()) % 250 + 1}",
        )
        facts = hosts.HostFacts(
            capacity=capacity,
            acceleration="tcg",
            acceleration_reason="a test",
            hypervisor="none",
            agent_version="0",
            channel_port=8775,
        )

        def join(tx: store.Tx) -> None:
            record = tx.insert(records.HOST, "", self.id, host)
            tx.observe(record, records.HostSeen(facts=facts, heard_at=tx.now))

        self._store.transact(join)

    def settle(self) -> None:
        """See everything as it is wanted, and let the reconciler draw its conclusions."""

        def look(tx: store.Tx) -> None:
            for record in tx.list(records.INSTANCE):
                if record.doc.host_id == self.id and record.doc.gone_at is None:
                    phase = {
                        Power.RUNNING: Phase.RUNNING,
                        Power.STOPPED: Phase.OFF,
                        Power.TERMINATED: Phase.GONE,
                    }[record.doc.power]
                    reach = Reach(answers=True, since=tx.now) if phase is Phase.RUNNING else None
                    has = () if phase is not Phase.RUNNING else self._plugged(tx, record.id)
                    launch = record.doc.launch
                    seen = InstanceSeen(launch=launch, phase=phase, reach=reach, volume_ids=has)
                    tx.observe(record, seen)
            for volume in tx.by(records.VOLUME, "host", self.id):
                move = volume.doc.move
                if volume.doc.host_id == self.id:
                    tx.observe(volume, self._kept(volume.doc))
                elif move is not None and move.to_host_id == self.id:
                    come = ArrivalSeen(move_id=move.id, is_whole=True)
                    coming = volumes.VolumeSeen(phase=volumes.Phase.CHANGING, arrival=come)
                    tx.observe(volume, moving.heard(volume, self.id, coming) or volume.seen)
                else:
                    gone = volumes.VolumeSeen(phase=volumes.Phase.GONE)
                    moving.forget(tx, self.id, {volume.id: gone})

        self._store.transact(look)
        self.reconcile()

    def forced(self, instance_id: str) -> tuple[str, ...]:
        """The volumes that its agent is told to take from an instance's guest."""
        return self._store.transact(lambda tx: volumeslices.forced(tx, instance_id))

    def _plugged(self, tx: store.Tx, instance_id: str) -> tuple[str, ...]:
        return tuple(disk.volume_id for disk in volumeslices.disks(tx, instance_id))

    def _kept(self, doc: volumes.Volume) -> volumes.VolumeSeen:
        if doc.deleted_at is not None:
            return volumes.VolumeSeen(phase=volumes.Phase.GONE)
        return volumes.VolumeSeen(
            phase=volumes.Phase.READY, size_gib=doc.size_gib, limits=volumes.limits_of(doc)
        )

    def reconcile(self) -> None:
        """Let the reconciler draw its conclusions until there are none left."""

        terms = reconciling.Terms(deadlines=Deadlines(), began_at=clock.SYSTEM.now())

        def settle(tx: store.Tx) -> int:
            for record in tx.list(records.INSTANCE):
                reconciling.settle_one(tx, record.id, terms)
            for volume in tx.list(records.VOLUME):
                volumereconciling.settle_one(tx, volume.id)
            return len(tx.changes)

        while self._store.transact(settle):
            pass

    def fall_silent(self) -> None:
        """Be heard no more."""

        def silence(tx: store.Tx) -> None:
            record = tx.get(records.HOST, self.id)
            assert record is not None
            assert record.seen is not None
            tx.observe(record, replace(record.seen, is_silent=True))

        self._store.transact(silence)

    def report(
        self, instance_id: str, phase: Phase, cause: Reason | None = None, restarts: int = 0
    ) -> None:
        """See one instance in a phase of its present launch."""

        def look(tx: store.Tx) -> None:
            record = tx.get(records.INSTANCE, instance_id)
            assert record is not None
            ended = phase is Phase.OFF
            seen = InstanceSeen(
                launch=record.doc.launch,
                phase=phase,
                cause=cause,
                ended_by_guest=ended,
                restarts=restarts,
            )
            tx.observe(record, seen)

        self._store.transact(look)


class Front:
    """The one server of the test run; `world` is whom it answers for."""

    def __init__(self, trail: journal.Journal) -> None:
        self.trail = trail
        self.world: World | None = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._started.wait(30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    def client(self, account: str, service: str = "ec2") -> Any:
        """A boto3 client that tries once; made once, because that costs a third of a second."""
        if (account, service) not in self._clients:
            self._clients[account, service] = boto3.client(
                service,
                endpoint_url=f"http://127.0.0.1:{self._port}",
                region_name="us-east-1",
                aws_access_key_id=key_of(account),
                aws_secret_access_key=SECRET,
                config=Config(retries={"max_attempts": 0}, parameter_validation=False),
            )
        return self._clients[account, service]

    def answer_next_ask(
        self, host_id: str, answer: bytes | Callable[[hosts.Ask], bytes]
    ) -> "futures.Future[hosts.Ask]":
        """Answer the next question to that host; the result is what was asked."""

        async def wait() -> hosts.Ask:
            assert self.world is not None
            asks_of = self.world.cloud.asks
            await asks_of.wait_asked(host_id)
            (asked,) = asks_of.take(host_id)
            said = answer if isinstance(answer, bytes) else answer(asked)
            asks_of.answer(host_id, asked.id, said)
            return asked

        return asyncio.run_coroutine_threadsafe(wait(), self._loop)

    def answer_asks(self, host_id: str, *answers: bytes) -> "futures.Future[list[hosts.Ask]]":
        """Answer the next questions to that host, one after the other."""

        async def wait() -> list[hosts.Ask]:
            assert self.world is not None
            asks_of, asked = self.world.cloud.asks, list[hosts.Ask]()
            for answer in answers:
                await asks_of.wait_asked(host_id)
                asked += asks_of.take(host_id)
                asks_of.answer(host_id, asked[-1].id, answer)
            return asked

        return asyncio.run_coroutine_threadsafe(wait(), self._loop)

    def run(self, work: Coroutine[Any, Any, Any]) -> "futures.Future[Any]":
        """Run something where requests are answered, as the cloud's reconcilers do."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        front = server.Server(server.Front(self._answer, self._refuse))
        self._port = await front.listen("127.0.0.1", 0)
        self._started.set()
        await self._stop.wait()
        await front.close()

    async def _answer(self, request: http.Request) -> http.Response:
        assert self.world is not None
        answer = await pipeline.answer(self.world.cloud, request)
        self.world.check_slices(request.body.decode(errors="replace"))
        return answer

    def _refuse(self, request: http.Request, error: Any) -> http.Response:
        assert self.world is not None
        return pipeline.refuse(self.world.cloud, request, error)
