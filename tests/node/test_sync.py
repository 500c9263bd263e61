"""An agent and a real cloud: they join, talk, lose each other and find each other again."""

import asyncio
import base64
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mallee.box import client
from mallee.kit import clock, files, pki, process
from mallee.model.configuration.settings import Settings
from mallee.model.hosts.hosts import Capacity, HostFacts
from mallee.model.images import catalogue
from mallee.model.images.images import Blob, DirectBoot
from mallee.model.layout import Layout
from mallee.node import cloud, host, ledger, membership, questions, reconcile, silence, sync
from mallee.node.do.storage import images
from mallee.node.metadata import pushedkeys
from mallee.node.plan.guests import domain, instances
from mallee.node.volumes import volumekeys, volumeplace
from tests.cloud.running import RunningCloud
from tests.fakes.hypervisor import FakeHypervisor
from tests.fakes.network import FakeNetwork

WITHIN_S = 120.0
KERNEL = bytes(range(256)) * 9000
FACTS = HostFacts(
    capacity=Capacity(vcpus=8, memory_mib=8192, disk_gib=100),
    acceleration="tcg",
    acceleration_reason="a test",
    hypervisor="fake 1.0",
    agent_version="0",
    free_disk_bytes=50 << 30,
)


@pytest.fixture
def running() -> Iterator[RunningCloud]:
    """A cloud with one image."""
    root = Path(tempfile.mkdtemp(prefix="m-"))
    layout = Layout(root)
    disk = root / "disk"
    process.run(("qemu-img", "create", "-q", "-f", "qcow2", str(disk), "1M"))
    blobs = [blob_of(layout, disk.read_bytes(), "qcow2"), blob_of(layout, KERNEL, "kernel")]
    image = catalogue.CatalogueImage(
        key=catalogue.TINY_DISK,
        name="tiny",
        description="",
        kind="machine",
        blob=blobs[0],
        disk_gib=1,
        direct_boot=DirectBoot(blobs[1], None, "console=ttyS0"),
    )
    document = catalogue.Catalogue(name="tiny", description="", images=(image,))
    layout.catalogue.mkdir(parents=True)
    catalogue.document_path(layout, "tiny").write_bytes(catalogue.encode(document))
    try:
        with RunningCloud(root) as made:
            yield made
    finally:
        shutil.rmtree(root)


def blob_of(layout: Layout, content: bytes, form: str) -> Blob:
    blob = Blob(hashlib.sha256(content).hexdigest(), len(content), form)
    layout.blobs.mkdir(parents=True, exist_ok=True)
    catalogue.blob_path(layout, blob).write_bytes(content)
    return blob


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    """The agent's own root: it may be another machine."""
    layout = Layout(root_dir)
    layout.node.mkdir()
    return layout


def make_token(running: RunningCloud) -> membership.JoinToken:
    access = client.read_access(running.layout, running.settings)
    made = client.call(access, "mallee", "CreateJoinToken")
    return membership.JoinToken(
        f"https://127.0.0.1:{made['Port']}", made["Token"], made["CaCertificate"]
    )


@asynccontextmanager
async def agent(
    layout: Layout, hypervisor: FakeHypervisor, network: FakeNetwork
) -> AsyncIterator[reconcile.Reconciler]:
    """An agent that has joined."""
    member = membership.read(layout)
    assert member is not None
    door = cloud.Cloud(layout, member)
    here = host.Host(
        name="host-a",
        layout=layout,
        hypervisor=hypervisor,
        network=network,
        images=images.ImageCache(layout, door),
        keys=volumekeys.VolumeKeys(door),
        place=volumeplace.VolumePlace(layout, Settings(), member.host_id, clock.SYSTEM),
        rules=instances.Rules(layout, stop_s=60.0, terminate_s=10.0),
        traits=domain.HostTraits(layout, "tcg"),
        clock=clock.SYSTEM,
    )
    book = ledger.Ledger(layout)
    reconciler = reconcile.Reconciler(here, book)
    pushed = pushedkeys.PushedKeys(clock.SYSTEM)
    asked = questions.Questions(
        door=door,
        host=here,
        explain=reconciler.explain,
        wanted=lambda: book.wanted,
        cut=reconciler.volumes.cut,
        pushed=pushed,
    )
    talk = sync.Sync(door, reconciler, book, clock.SYSTEM, asked, lambda: FACTS)
    tasks = [asyncio.create_task(reconciler.run()), asyncio.create_task(talk.run())]
    try:
        yield reconciler
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await here.images.close()
        await door.close()


async def wait_until(is_so: Callable[[], Any]) -> Any:
    async with asyncio.timeout(WITHIN_S):
        while not (found := await asyncio.to_thread(is_so)):
            await asyncio.sleep(0.02)
        return found


async def launch(ec2: Any) -> str:
    """Launch an instance as soon as the host and the image are known."""
    image = (await wait_until(lambda: ec2.describe_images()["Images"]))[0]["ImageId"]

    def run() -> str:
        try:
            made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.nano")
        except ec2.exceptions.ClientError:
            return ""
        return made["Instances"][0]["InstanceId"]

    return await wait_until(run)


def state_of(ec2: Any, instance_id: str) -> str:
    answer = ec2.describe_instances(InstanceIds=[instance_id])
    return answer["Reservations"][0]["Instances"][0]["State"]["Name"]


async def test_a_life_from_request_to_report(running: RunningCloud, layout: Layout) -> None:
    await cloud.join(layout, await asyncio.to_thread(make_token, running), "host-a")
    ec2 = running.client("ec2")
    hypervisor, network = FakeHypervisor(layout.tag), FakeNetwork(layout)
    async with agent(layout, hypervisor, network):
        instance_id = await launch(ec2)
        await wait_until(lambda: state_of(ec2, instance_id) == "running")
        console = domain.directory_of(layout, instance_id) / domain.CONSOLE_LOG
        console.write_text("hello\r\n")
        said = await asyncio.to_thread(ec2.get_console_output, InstanceId=instance_id)
        assert said["Output"] == "hello\r\n"
        shown = await asyncio.to_thread(
            ec2.get_console_screenshot, InstanceId=instance_id, WakeUp=True
        )
        assert base64.b64decode(shown["ImageData"]).startswith(b"\xff\xd8\xff")
        assert hypervisor.keys_pressed == 1
        other = await launch(ec2)
        await wait_until(lambda: state_of(ec2, other) == "running")
        log = domain.directory_of(layout, other) / domain.CONSOLE_LOG
        log.write_text("panic: gone\r\n")
        await asyncio.to_thread(ec2.terminate_instances, InstanceIds=[other])
        await wait_until(lambda: state_of(ec2, other) == "terminated")
        said = await asyncio.to_thread(ec2.get_console_output, InstanceId=other)
        assert said["Output"] == "panic: gone\r\n"
        assert not log.exists()
        # Without the cloud the guest is kept; with it back, the talk goes on.
        await asyncio.to_thread(running.stop)
        hypervisor.crash(domain.uuid_of(instance_id))
        await wait_until(lambda: hypervisor.starts.count(instance_id) == 2)


async def test_what_would_be_done_is_told_by_the_host(
    running: RunningCloud, layout: Layout
) -> None:
    await cloud.join(layout, await asyncio.to_thread(make_token, running), "host-a")
    ec2 = running.client("ec2")
    access = client.read_access(running.layout, running.settings)
    hypervisor = FakeHypervisor(layout.tag)
    async with agent(layout, hypervisor, FakeNetwork(layout)):
        instance_id = await launch(ec2)
        await wait_until(lambda: state_of(ec2, instance_id) == "running")
        hypervisor.guests_listen = False
        await asyncio.to_thread(ec2.stop_instances, InstanceIds=[instance_id])
        await wait_until(lambda: state_of(ec2, instance_id) == "stopping")

        def ask(id: str) -> Any:
            return client.call(access, "mallee", "ExplainPlan", {"ResourceId": id})

        def ask_with_network() -> Any:
            """What is told once the network of what is wanted stands: it is made meanwhile."""
            told = ask(instance_id)
            return told if told["IsNetworkSet"] else None

        told = await wait_until(ask_with_network)
        (plan,) = told["Plans"]
        assert (plan["InstanceId"], plan["Stage"]) == (instance_id, "ran")
        # Between two presses of the button there is nothing to do but wait.
        assert plan.get("LooksAgainAt") or [it["Name"] for it in plan["Steps"]] == ["ShutDown"]
        why = await asyncio.to_thread(
            client.call, access, "mallee", "ExplainResource", {"ResourceId": instance_id}
        )
        assert "it shall be off" in why["Why"]
        whole = await asyncio.to_thread(ask, told["HostId"])
        assert {one["InstanceId"] for one in whole["Plans"]} <= {instance_id}


async def test_a_cloud_that_comes_back_is_found(running: RunningCloud, layout: Layout) -> None:
    token = await asyncio.to_thread(make_token, running)
    await cloud.join(layout, token, "host-a")
    port = running.agents_port
    hypervisor, network = FakeHypervisor(layout.tag), FakeNetwork(layout)
    async with agent(layout, hypervisor, network):
        first = await launch(running.client("ec2"))
        await asyncio.to_thread(running.stop)
        running.settings = type(running.settings)(
            ports=type(running.settings.ports)(services=0, agents=port)
        )
        await asyncio.to_thread(running.start)
        ec2 = running.client("ec2")
        await wait_until(lambda: state_of(ec2, first) == "running")
        await asyncio.to_thread(ec2.terminate_instances, InstanceIds=[first])
        await wait_until(lambda: state_of(ec2, first) == "terminated")
    assert hypervisor.list() == ()


async def test_a_fetch_is_resumed_where_it_was_broken_off(
    running: RunningCloud, layout: Layout
) -> None:
    await cloud.join(layout, await asyncio.to_thread(make_token, running), "host-a")
    member = membership.read(layout)
    assert member is not None
    await wait_until(lambda: running.client("ec2").describe_images()["Images"])
    document = catalogue.document_path(running.layout, "tiny").read_bytes()
    blob = catalogue.decode(document).images[0].blob
    content = catalogue.blob_path(running.layout, blob).read_bytes()
    layout.node_images.mkdir()
    part = layout.node_images / f"{blob.sha256}.part"
    door = cloud.Cloud(layout, member)
    cache = images.ImageCache(layout, door)
    try:
        for broken_off_after in (1000, len(content)):
            part.write_bytes(content[:broken_off_after])
            await cache.ensure(blob)
            whole = layout.node_images / blob.sha256
            assert whole.read_bytes() == content
            whole.unlink()
        rest = b"".join([chunk async for chunk in door.read_blob(blob.sha256, 5)])
        assert rest == content[5:]
        # What was spoilt on the way is thrown away, and fetched whole the next time.
        part.write_bytes(b"spoilt")
        with pytest.raises(images.FetchFailed, match="thrown away"):
            await cache.ensure(blob)
        await cache.ensure(blob)
        with pytest.raises(images.FetchFailed, match="no image"):
            await cache.ensure(Blob("0" * 64, 1, "kernel"))
    finally:
        await cache.close()
        await door.close()


async def test_a_token_is_used_up_and_a_wrong_one_refused(
    running: RunningCloud, layout: Layout
) -> None:
    token = await asyncio.to_thread(make_token, running)
    files.write_json(
        layout.join_token, {"url": token.url, "token": token.token, "ca_pem": token.ca_pem}
    )
    joined = await sync.wait_joined(layout, "host-a")
    assert joined == await sync.wait_joined(layout, "host-a")
    assert not layout.join_token.exists()
    with pytest.raises(cloud.Refused, match="used already, by host-a"):
        await cloud.join(layout, token, "host-b")


async def test_whoever_has_it_join_finds_why_the_cloud_refuses(
    running: RunningCloud, layout: Layout
) -> None:
    layout.run.mkdir()
    told = await asyncio.to_thread(make_token, running)
    wrong = {"url": told.url, "token": "a" * 52, "ca_pem": told.ca_pem}
    files.write_json(layout.join_token, wrong)
    joining = asyncio.create_task(sync.wait_joined(layout, "host-a"))
    try:
        async with asyncio.timeout(WITHIN_S):
            while (found := silence.read(layout)) is None:
                await asyncio.sleep(0.01)
            assert (found.status, "no such invitation" in found.why) == (403, True)
            files.write_json(layout.join_token, wrong | {"token": told.token})
            joined = await joining
        assert joined == membership.read(layout)
        assert silence.read(layout) is None
    finally:
        joining.cancel()


async def test_a_certificate_is_renewed_in_its_second_half(
    running: RunningCloud, layout: Layout
) -> None:
    await cloud.join(layout, await asyncio.to_thread(make_token, running), "host-a")
    member = membership.read(layout)
    assert member is not None
    door = cloud.Cloud(layout, member)
    path = layout.node_pki / "host.pem"
    first = pki.read_certificate(path.read_bytes())
    try:
        await door.renew_if_due(first.begins_at + 1000)
        assert pki.read_certificate(path.read_bytes()).serial == first.serial
        await door.renew_if_due((first.begins_at + first.ends_at) / 2 + 1)
        assert pki.read_certificate(path.read_bytes()).serial != first.serial
        request = sync.SyncRequest(known_generation=0, wait_s=0.0)
        assert (await door.sync(request)).wanted is not None
    finally:
        await door.close()
