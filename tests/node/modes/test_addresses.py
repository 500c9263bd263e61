"""An agent whose guests have addresses of a LAN: it waits for them, and finds who has them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.kit import process
from mallee.model.compute.instances import Phase, Power
from mallee.model.hosts.hosts import HostWanted, InstanceWanted
from mallee.model.images.images import DirectBoot
from mallee.model.layout import Layout
from mallee.model.network.modes import BlockWanted, LeaseWanted, ModeWanted
from mallee.node import apply, host
from mallee.node.modes import leasekeeper
from mallee.node.plan.guests import steps
from tests.fakes.hypervisor import FakeHypervisor
from tests.fakes.network import FakeNetwork
from tests.node import wants
from tests.node.modes import lan as lans
from tests.node.modes.lan import Lan
from tests.node.stands import Blobs, Stand, blob_of

pytestmark = pytest.mark.host

RANGE = "--dhcp-range=10.99.0.100,10.99.0.103,255.255.255.0,10m"


@pytest.fixture
def lan(root_dir: Path) -> Iterator[Lan]:
    """A LAN whose server is at .2 and not running yet."""
    (root_dir / "lan").mkdir()
    with lans.opened(root_dir / "lan") as opened:
        opened.machine("dhcp", "10.99.0.2")
        yield opened


@pytest.fixture
def stand(root_dir: Path, lan: Lan) -> Stand:
    """An agent's host on that LAN, without guests' kernels."""
    layout = Layout(root_dir)
    layout.node.mkdir()
    base = root_dir / "base.qcow2"
    process.run(("qemu-img", "create", "-q", "-f", "qcow2", str(base), "1M"))
    disk = blob_of(base.read_bytes(), "qcow2")
    kernel, ramdisk = blob_of(b"kernel", "kernel"), blob_of(b"ramdisk", "ramdisk")
    contents = {disk.sha256: base.read_bytes(), kernel.sha256: b"kernel"}
    contents[ramdisk.sha256] = b"ramdisk"
    return Stand(
        layout,
        FakeHypervisor(layout.tag),
        FakeNetwork(layout),
        Blobs(contents),
        disk,
        DirectBoot(kernel, ramdisk, "console=ttyS0"),
    )


def on_lan(stand: Stand, one: InstanceWanted, kind: str, private_ip: str = "") -> HostWanted:
    """The host with one instance whose interface has, or waits for, an address of the LAN."""
    stand.generation += 1
    wanted = wants.make_host(stand.generation, one)
    (vpc,) = wanted.vpcs
    interface = vpc.interfaces[0]
    there = (replace(interface, private_ip=private_ip),) if private_ip else ()
    lease = LeaseWanted(
        interface_id=interface.id,
        instance_id=one.id,
        vpc_id=vpc.id,
        mac=interface.mac,
        private_ip=private_ip,
    )
    mode = ModeWanted(
        kind="system" if kind == "system" else "static",
        device=lans.BRIDGE,
        subnet=lans.SUBNET,
        blocks=(BlockWanted(cidr=lans.SUBNET, gateway="", vpc_id=vpc.id),),
        leases=(lease,) if kind == "system" else (),
    )
    return replace(wanted, vpcs=(replace(vpc, interfaces=there),), mode=mode)


async def test_a_guest_is_resumed_when_the_cloud_has_noted_its_address(
    stand: Stand, lan: Lan
) -> None:
    lan.serve("dhcp", RANGE, "--dhcp-option=option:dns-server,10.99.0.53")
    async with stand.agent() as reconciler:
        one = stand.instance()
        await reconciler.want(on_lan(stand, one, "system"))
        seen = await stand.wait(1, lambda seen: bool(seen.leases))
        assert seen.phase is Phase.PREPARING
        assert stand.network.plugs == 0
        address = seen.leases[0].private_ip
        await reconciler.want(on_lan(stand, one, "system", address))
        running = await stand.wait_phase(Phase.RUNNING)
        assert running.leases[0].private_ip == address
        applied = stand.network.applied
        assert applied is not None
        assert applied.mode is not None
        assert applied.mode.blocks[0].gateway == lans.ROUTER
        assert applied.vpcs[0].dhcp.name_servers == ("AmazonProvidedDNS", "10.99.0.53")
        off = stand.instance(power=Power.TERMINATED)
        await reconciler.want(on_lan(stand, off, "system", address))
        await stand.wait_phase(Phase.GONE)


async def test_a_lan_without_a_server_is_the_cause(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasekeeper, "ANSWER_S", 0.5)
    async with stand.agent() as reconciler:
        await reconciler.want(on_lan(stand, stand.instance(), "system"))
        seen = await stand.wait_phase(Phase.FAILED)
        assert seen.cause is not None
        assert seen.cause.code == "Server.InsufficientFreeAddressesInSubnet"
        assert "no DHCP server of the LAN answered" in seen.cause.message


async def test_a_static_address_that_a_machine_has_is_given_to_no_guest(
    stand: Stand, lan: Lan
) -> None:
    squatter = lan.machine("squatter", "10.99.0.50")
    async with stand.agent() as reconciler:
        await reconciler.want(on_lan(stand, stand.instance(), "static", "10.99.0.50"))
        seen = await stand.wait_phase(Phase.FAILED)
        assert stand.network.plugs == 0
        assert seen.cause is not None
        assert seen.cause.code == "Server.InsufficientFreeAddressesInSubnet"
        assert "10.99.0.50 is in use on the LAN" in seen.cause.message
        assert squatter.mac in seen.cause.message


async def test_a_static_address_of_the_hosts_own_is_given_to_no_guest(stand: Stand) -> None:
    process.run(("ip", "address", "add", "10.99.0.9/24", "dev", lans.BRIDGE))
    async with stand.agent() as reconciler:
        await reconciler.want(on_lan(stand, stand.instance(), "static", "10.99.0.9"))
        seen = await stand.wait_phase(Phase.FAILED)
        assert seen.cause is not None
        assert f"this host itself has it, at {lans.BRIDGE}" in seen.cause.message


async def test_a_free_static_address_is_a_guests(stand: Stand) -> None:
    async with stand.agent() as reconciler:
        await reconciler.want(on_lan(stand, stand.instance(), "static", "10.99.0.51"))
        await stand.wait_phase(Phase.RUNNING)
        assert stand.network.plugs == 1


async def test_an_agent_killed_before_it_resumed_a_guest_carries_on(
    stand: Stand, lan: Lan, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_step, reached = apply.apply_step, asyncio.Event()

    async def do_and_hang(here: host.Host, step: steps.Step) -> None:
        await apply_step(here, step)
        if isinstance(step, steps.Plug):
            reached.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(apply, "apply_step", do_and_hang)
    async with stand.agent() as reconciler:
        await reconciler.want(on_lan(stand, stand.instance(), "static", "10.99.0.52"))
        await reached.wait()
    monkeypatch.setattr(apply, "apply_step", apply_step)
    # By now the host itself answers for the address.
    lan.machine("leg", "10.99.0.52")
    async with stand.agent():
        seen = await stand.wait_phase(Phase.RUNNING)
        assert seen.cause is None
