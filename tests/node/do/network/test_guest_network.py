"""A real guest on the host's network: born on a tap that moves, leased, keyed, reached."""

import asyncio
import socket
import time
from pathlib import Path

import msgspec
import pytest

from bench import bare, qmp, wire
from mallee.model.layout import Layout
from mallee.node.do.network import namespaces, network
from mallee.node.metadata import service
from tests import tinyimages
from tests.node import lab
from tests.node.lab import allow, make_interface, make_vpc, make_wanted

pytestmark = pytest.mark.machine

GROUP = "sg-00000000000000001"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuestKey test"
BANNER_TIMEOUT_S = 240.0


def test_a_guest_takes_lease_and_key_and_answers_on_its_public_address(
    root_dir: Path, loop: asyncio.AbstractEventLoop
) -> None:
    layout = Layout(root_dir)
    served = service.Service(loop, b"k" * 32)
    host = network.Network(layout, served)
    one = make_interface(1, GROUP, public=True)
    wanted = make_wanted(make_vpc((one,), {GROUP: (allow("tcp", 22),)}))
    key = {"meta-data/public-keys/": "0=test", "meta-data/public-keys/0/openssh-key": KEY}
    instance = wanted.instances[0]
    wanted = msgspec.structs.replace(
        wanted,
        instances=(msgspec.structs.replace(instance, metadata=instance.metadata | key),),
    )
    image = next(image for image in tinyimages.document().images if image.direct_boot)
    boot = image.direct_boot
    assert boot is not None
    machine = bare.Machine(
        kernel=tinyimages.file_of(boot.kernel),
        ramdisk=tinyimages.file_of(boot.ramdisk) if boot.ramdisk else None,
        command_line=boot.command_line,
        disks=((tinyimages.clone(image.blob, root_dir / "disk.qcow2"), "qcow2"),),
        port=wire.Port(host.create_tap(one), one.mac, one.private_ip, one.hostname),
        extra=("-S",),
    )
    try:
        assert host.apply(wanted) == ()
        hyper = layout.hypervisor_namespace
        with namespaces.run_inside(hyper, lambda: bare.Guest(machine, root_dir)) as guest:
            wait_opened(root_dir / "qmp")
            host.plug(one)
            qmp.execute(root_dir / "qmp", "cont")
            guest.wait_for(f"mallee-tiny: address {one.private_ip}")
            assert read_banner("203.0.113.11").startswith(b"SSH-2.0-")
            assert host.apply(wanted) == ()
    finally:
        host.destroy()


def wait_opened(control: Path) -> None:
    """Wait until QEMU answers: by then it has opened its tap."""
    deadline = time.monotonic() + BANNER_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            qmp.execute(control, "query-status")
        except (FileNotFoundError, ConnectionRefusedError):
            continue
        return


def read_banner(address: str) -> bytes:
    """What the guest's SSH server says first; until it listens, connections are refused."""
    deadline = time.monotonic() + BANNER_TIMEOUT_S
    while True:
        try:
            with socket.create_connection((address, 22), lab.ARRIVES_WITHIN_S) as connection:
                return connection.recv(100)
        except OSError:
            if time.monotonic() > deadline:
                raise
