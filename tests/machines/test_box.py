"""The box as a whole on bad days: its daemons killed, taken down, its machine started anew."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.box import client, down, guests, owners, status, steps, up
from mallee.model.layout import Layout
from tests import freeports, ownhost, wholecloud
from tests.wholecloud import Cloud, Silent, wait_until

pytestmark = pytest.mark.machine


@pytest.fixture(scope="module")
def whole_box() -> Iterator[Cloud]:
    """A cloud that tests may harm, if they mend it; its ports are the same after a new start, as
    agents expect."""
    settings = replace(wholecloud.SETTINGS, ports=freeports.ports())
    with ownhost.fresh_network(), wholecloud.fresh(settings) as running:
        yield running


@pytest.fixture(scope="module")
def guest(whole_box: Cloud) -> str:
    """Its one guest, which each test leaves running, but the last."""
    return whole_box.run()


def _again(cloud: Cloud) -> Cloud:
    """Bring the daemons up again."""
    steps.run(up.plan(cloud.layout), Silent())
    access = client.read_access(cloud.layout, owners.read_settings(cloud.layout))
    again = Cloud(cloud.layout, access)
    wait_until(again.host_is_up, wholecloud.GUEST_S, "the host to be heard")
    return again


def test_guests_outlive_every_daemon(whole_box: Cloud, guest: str) -> None:
    booted = whole_box.ssh(guest, "cat /proc/sys/kernel/random/boot_id")
    process = whole_box.guest_process(guest)
    assert process is not None
    for name in (status.SUPERVISOR, "libvirtd", "cloud", "node"):
        whole_box.daemon(name).signal(signal.SIGKILL)
    again = _again(whole_box)
    again.wait_state(guest, "running")
    assert again.guest_process(guest) == process
    assert again.ssh(guest, "cat /proc/sys/kernel/random/boot_id") == booted


def test_down_leaves_guests_and_up_finds_them(whole_box: Cloud, guest: str) -> None:
    booted = whole_box.ssh(guest, "cat /proc/sys/kernel/random/boot_id")
    address = whole_box.instance(guest)["PublicIpAddress"]
    steps.run(down.plan(whole_box.layout), Silent())
    assert not any(status.find(whole_box.layout, name) for name in status.DAEMONS)
    assert whole_box.ssh_to(address, "cat /proc/sys/kernel/random/boot_id") == booted
    again = _again(whole_box)
    assert again.state(guest) == "running"
    assert again.ssh(guest, "cat /proc/sys/kernel/random/boot_id") == booted


def test_guests_that_were_powered_off_with_the_box_start_with_it(
    whole_box: Cloud, guest: str
) -> None:
    booted = whole_box.ssh(guest, "cat /proc/sys/kernel/random/boot_id; echo kept > /root/note")
    steps.run(down.plan(whole_box.layout, power_off=True), Silent())
    assert guests.fetch(whole_box.layout) == []
    again = _again(whole_box)
    assert again.ssh(guest, "cat /root/note /proc/sys/kernel/random/boot_id").startswith("kept")
    assert again.ssh(guest, "cat /proc/sys/kernel/random/boot_id") != booted
    assert again.state(guest) == "running"


def test_after_the_machine_was_started_anew_instances_come_back(
    whole_box: Cloud, guest: str
) -> None:
    whole_box.ssh(guest, "echo synced > /root/note; sync")
    before = whole_box.instance(guest)
    _lose_everything_but_the_disk(whole_box.layout)
    again = _again(whole_box)
    again.wait_state(guest, "running")
    assert again.ssh(guest, "cat /root/note") == "synced\n"
    assert again.instance(guest)["PublicIpAddress"] == before["PublicIpAddress"]
    assert again.instance(guest)["PrivateIpAddress"] == before["PrivateIpAddress"]


def test_what_came_back_can_still_end_its_guest(whole_box: Cloud, guest: str) -> None:
    whole_box.terminate(guest)
    wait_until(lambda: whole_box.guest_process(guest) is None, 60.0, "the guest's end")


def _lose_everything_but_the_disk(layout: Layout) -> None:
    """Do what a power cut does: processes, namespaces, links and routes are gone, /run is empty."""
    for name in (status.SUPERVISOR, *status.DAEMONS):
        found = status.find(layout, name)
        if found is not None:
            found.signal(signal.SIGKILL)
            wait_until(lambda one=found: not one.is_alive(), 60.0, f"{name} to be dead")
    guests.kill(layout)
    for namespace in _namespaces(layout):
        listed = subprocess.run(
            ["ip", "netns", "pids", namespace], capture_output=True, text=True, check=True
        )
        for pid in listed.stdout.split():
            # It may be ending just now.
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", namespace], check=True)
    subprocess.run(["ip", "link", "delete", layout.host_link], check=False)
    subprocess.run(["ip", "route", "flush", "type", "unreachable"], check=False)
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    for directory in (layout.run, layout.libvirt / "run"):
        subprocess.run(["rm", "-rf", directory], check=True)


def _namespaces(layout: Layout) -> list[str]:
    return [path.name for path in Path("/run/netns").glob(f"mallee-{layout.tag}-*")]


def test_destroy_leaves_nothing() -> None:
    before = _traces()
    with wholecloud.fresh() as cloud:
        layout = cloud.layout
        guest = cloud.run()
        cloud.wait_state(guest, "running")
        process = cloud.guest_process(guest)
        assert _namespaces(layout)
    assert process is not None
    assert status.read_birth(process) is None
    assert not layout.root.exists()
    assert _namespaces(layout) == []
    assert _traces() == before
    # Other tests mount and unmount meanwhile, so only ours are looked for.
    mounts = Path("/proc/self/mounts").read_text()
    assert str(layout.root) not in mounts
    assert layout.tag not in mounts
    assert _mounts(layout) == []
    mark = f"{layout.root}/".encode()
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark in _read(path)]
    assert left == []


def _traces() -> list[str]:
    """Links, routes and rules of this test process's host."""
    commands = ("ip -br link", "ip route show table all", "ip rule", "nft list ruleset")
    return [
        subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout
        for command in commands
    ]


def _mounts(layout: Layout) -> list[str]:
    """The cloud's mounts; the machine has others', which come and go as other workers test."""
    marks = (str(layout.root), f"mallee-{layout.tag}-")
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return [mount for mount in mounts if any(mark in mount for mark in marks)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
