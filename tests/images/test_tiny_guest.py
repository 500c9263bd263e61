"""The tiny guest keeps its promises in a bare machine under emulation, however it is booted.

What one that has booted does is `test_standing_guest`'s.
"""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from bench import bare
from mallee.model.images import catalogue
from tests import tinyimages
from tests.images.conftest import Bench

pytestmark = pytest.mark.host

READY = "mallee-tiny: ssh ready"
USER_DATA_DONE = "mallee-tiny: user data ended with status"
HOST_KEY = "mallee-tiny: host key"


def boot(bench: Bench, machine: bare.Machine, until: str = HOST_KEY) -> bare.Guest:
    guest = bare.Guest(machine, bench.folder)
    try:
        guest.wait_for(until)
    except bare.Silent:
        guest.__exit__(None, None, None)
        raise
    return guest


def shut_down(guest: bare.Guest) -> None:
    """Press its power button; it ends in order."""
    guest.press_power_button()
    said = guest.wait_end()
    assert "\nmallee-tiny: powering off" in said
    assert "Power down" in said


def set_link(bench: Bench, state: str) -> None:
    subprocess.run(["ip", "link", "set", bench.port.tap, state], check=True)


def life(bench: Bench, disk: Path, uuid: str, until: str) -> tuple[list[str], str]:
    """Let a machine live from power on to its power button; return how often its disk was given
    user data, and its host key."""
    with boot(bench, dataclasses.replace(bench.direct(disk), uuid=uuid), until) as guest:
        bench.enter()
        runs = bench.ssh("cat /root/runs").stdout.split()
        host_key = bench.ssh("cat /etc/dropbear/ed25519 | md5sum").stdout
        shut_down(guest)
    return runs, host_key


def test_user_data_runs_once_in_a_machines_life_and_a_copied_disk_forgets_it(bench: Bench) -> None:
    disk = bench.disk()
    one, another = (f"ec2e1e1e-0000-4000-8000-00000000000{n}" for n in (1, 2))
    runs, host_key = life(bench, disk, one, USER_DATA_DONE)
    assert runs == ["once"]
    assert life(bench, disk, one, HOST_KEY) == (runs, host_key), "what was written stays"
    assert bench.metadata.asked.count("user-data") == 1
    runs, other_key = life(bench, disk, another, USER_DATA_DONE)
    assert runs == ["once", "once"]
    assert other_key != host_key


def test_user_data_that_is_no_script_is_said_not_run(bench: Bench) -> None:
    bench.metadata.values["user-data"] = b"echo never\n"
    with boot(bench, bench.direct(bench.disk()), "the user data is no script") as guest:
        assert "never" not in guest.said


def test_ssh_does_not_wait_for_a_silent_metadata_service(bench: Bench) -> None:
    """What the service tells is taken when it speaks again."""
    subprocess.run(["ip", "address", "delete", "169.254.169.254/32", "dev", "wire"], check=True)
    with boot(bench, bench.direct(bench.disk()), READY) as guest:
        subprocess.run(["ip", "address", "add", "169.254.169.254/32", "dev", "wire"], check=True)
        guest.wait_for(USER_DATA_DONE)
        bench.enter()


def test_a_lease_that_comes_late_brings_all_that_a_lease_brings(bench: Bench) -> None:
    set_link(bench, "down")
    with boot(bench, bench.direct(bench.disk()), READY) as guest:
        assert "mallee-tiny: address" not in guest.said
        set_link(bench, "up")
        guest.wait_for(USER_DATA_DONE)
        assert f"mallee-tiny: address {bench.port.address}" in guest.said
        assert bench.ssh("hostname").stdout.strip() == bench.port.hostname


def test_a_disk_that_boots_by_itself_does(bench: Bench) -> None:
    machine = bare.Machine(disks=((bench.disk(), "qcow2"),), port=bench.port)
    with boot(bench, machine) as guest:
        assert catalogue.FIRST_LINE in guest.said
        bench.enter()


def test_the_classic_trio_boots(bench: Bench) -> None:
    document = tinyimages.document()
    trio = catalogue.image(document, "root")
    assert trio.is_root_file_system
    assert trio.kernel is not None
    assert trio.ramdisk is not None
    machine = bare.Machine(
        kernel=tinyimages.file_of(catalogue.image(document, trio.kernel).blob),
        ramdisk=tinyimages.file_of(catalogue.image(document, trio.ramdisk).blob),
        command_line="console=ttyS0 root=/dev/vda",
        disks=((bench.disk("root"), "qcow2"),),
        port=bench.port,
    )
    with boot(bench, machine):
        bench.enter()
        assert bench.ssh("awk '$2 == \"/\" {print $1}' /proc/mounts").stdout.split() == ["/dev/vda"]


def test_without_a_root_disk_it_says_so(bench: Bench) -> None:
    machine = bench.direct(bench.disk())
    diskless = bare.Machine(
        kernel=machine.kernel, ramdisk=machine.ramdisk, command_line=machine.command_line
    )
    with bare.Guest(diskless, bench.folder) as guest:
        guest.wait_for("mallee-tiny: no root file system")
