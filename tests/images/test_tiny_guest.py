"""The tiny guest keeps its promises in a bare machine under emulation, however it is booted."""

import subprocess
import time
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


def shut_down(guest: bare.Guest) -> str:
    guest.press_power_button()
    return guest.wait_end()


def set_link(bench: Bench, state: str) -> None:
    subprocess.run(["ip", "link", "set", bench.port.tap, state], check=True)


def empty_disk(path: Path, label: str = "") -> Path:
    raw = path.with_suffix(".raw")
    with raw.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-L", label, str(raw)], check=True)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", str(raw), str(path)], check=True)
    return path


def test_the_first_word_of_userspace_is_the_promised_line(bench: Bench) -> None:
    with boot(bench, bench.direct(bench.disk())) as guest:
        assert guest.said.startswith(catalogue.FIRST_LINE)


def test_it_takes_its_address_key_and_name(bench: Bench) -> None:
    with boot(bench, bench.direct(bench.disk())) as guest:
        assert f"mallee-tiny: address {bench.port.address}\r\n" in guest.said
        assert READY in guest.said
        answer = bench.ssh("hostname; id -un")
        assert answer.stdout.split() == [bench.port.hostname, "root"], answer.stderr


def test_nobody_enters_without_the_key(bench: Bench) -> None:
    with boot(bench, bench.direct(bench.disk())):
        assert bench.ssh("true").returncode == 0
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", f"{bench.folder}/other"], check=True)
        refused = bench.ssh("true", "-F", "none", "-i", f"{bench.folder}/other", key=False)
        assert refused.returncode != 0
        assert "(publickey)" in refused.stderr, "no password is asked for"


def test_a_key_that_is_pushed_leaves_the_own_one(bench: Bench) -> None:
    pushed = bench.folder / "pushed"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(pushed)], check=True)
    key = pushed.with_suffix(".pub").read_bytes().strip()
    active = "meta-data/managed-ssh-keys/active-keys/root"
    with boot(bench, bench.direct(bench.disk())):
        bench.metadata.values[active] = key
        entered = bench.ssh("true", "-F", "none", "-i", str(pushed), key=False)
        assert entered.returncode == 0, entered.stderr
        added = bench.ssh("printf 'ssh-rsa of-my-own' >>/root/.ssh/authorized_keys")
        assert added.returncode == 0, "the instance's own key logs in as before"
        bench.metadata.values[active] = b""
        left = bench.ssh("cat /root/.ssh/authorized_keys").stdout.splitlines()
        assert "ssh-rsa of-my-own" in left
        assert not [line for line in left if key.decode() in line], "shown no more, it is gone"


def test_the_console_names_the_host_key(bench: Bench) -> None:
    with boot(bench, bench.direct(bench.disk())) as guest:
        guest.wait_for("\n", 5)
        [line] = [line for line in guest.said.splitlines() if line.startswith(HOST_KEY)]
        _, _, told = line.partition("host key ")
        offered = subprocess.run(
            ["ssh-keyscan", "-t", "ed25519", bench.port.address],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert told.strip() in offered


def test_the_root_fills_its_disk(bench: Bench) -> None:
    with boot(bench, bench.direct(bench.disk(size="3G"))) as guest:
        guest.wait_for(USER_DATA_DONE)
        wait = "while pidof resize2fs >/dev/null; do sleep 0.1; done; "
        size_kib = int(bench.ssh(wait + "df -k / | awk 'NR==2 {print $2}'").stdout)
    assert size_kib > 2.9 * (1 << 20)


def test_further_disks_are_mounted_where_they_have_a_file_system(bench: Bench) -> None:
    plain = empty_disk(bench.folder / "plain.qcow2")
    named = empty_disk(bench.folder / "named.qcow2", "courses")
    blank = bench.folder / "blank.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(blank), "8M"], check=True)
    with boot(bench, bench.direct(bench.disk(), blank, named, plain)):
        mounts = bench.ssh("cat /proc/mounts").stdout
    assert "/dev/vdc /media/courses ext4" in mounts
    assert "/dev/vdd /mnt ext4" in mounts
    assert "/dev/vdb" not in mounts


def test_user_data_runs_once_and_what_was_written_stays(bench: Bench) -> None:
    machine = bench.direct(bench.disk())
    with boot(bench, machine, USER_DATA_DONE) as guest:
        assert f"user data runs on {bench.port.hostname}" in guest.said
        host_key = bench.ssh("cat /etc/dropbear/ed25519 | md5sum").stdout
        shut_down(guest)
    with boot(bench, machine):
        assert bench.ssh("cat /root/runs").stdout.split() == ["once"]
        assert bench.ssh("cat /etc/dropbear/ed25519 | md5sum").stdout == host_key
    assert bench.metadata.asked.count("user-data") == 1


def test_user_data_that_is_no_script_is_said_not_run(bench: Bench) -> None:
    bench.metadata.values["user-data"] = b"echo never\n"
    with boot(bench, bench.direct(bench.disk()), "the user data is no script") as guest:
        assert "never" not in guest.said


def test_the_power_button_ends_it_in_order(bench: Bench) -> None:
    with boot(bench, bench.direct(bench.disk())) as guest:
        said = shut_down(guest)
    assert "\nmallee-tiny: powering off" in said
    assert "Power down" in said


def test_a_copied_disk_forgets_the_former_machine(bench: Bench) -> None:
    disk = bench.disk()
    first, second = (f"ec2e1e1e-0000-4000-8000-00000000000{n}" for n in (1, 2))
    keys: list[str] = []
    for uuid in (first, second):
        machine = bench.direct(disk)
        copied = bare.Machine(
            kernel=machine.kernel,
            ramdisk=machine.ramdisk,
            command_line=machine.command_line,
            disks=machine.disks,
            port=machine.port,
            uuid=uuid,
        )
        with boot(bench, copied, USER_DATA_DONE) as guest:
            keys.append(bench.ssh("cat /etc/dropbear/ed25519 | md5sum").stdout)
            shut_down(guest)
    assert keys[0] != keys[1]


def test_the_console_offers_a_shell(bench: Bench) -> None:
    with boot(bench, bench.direct(bench.disk()), USER_DATA_DONE) as guest:
        guest.type("\n")
        guest.wait_for("# ", 20)
        guest.type("expr 6 \\* 7\n")
        guest.wait_for("\n42\r\n", 20)


def test_ssh_does_not_wait_for_a_silent_metadata_service(bench: Bench) -> None:
    """What the service tells is taken when it speaks again."""
    subprocess.run(["ip", "address", "delete", "169.254.169.254/32", "dev", "wire"], check=True)
    with boot(bench, bench.direct(bench.disk()), READY) as guest:
        subprocess.run(["ip", "address", "add", "169.254.169.254/32", "dev", "wire"], check=True)
        guest.wait_for(USER_DATA_DONE)
        deadline = time.monotonic() + bare.BOOT_TIMEOUT_S
        while bench.ssh("true").returncode != 0:
            assert time.monotonic() < deadline, "the key was not taken"


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
        assert bench.ssh("true").returncode == 0


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
        assert bench.ssh("awk '$2 == \"/\" {print $1}' /proc/mounts").stdout.split() == ["/dev/vda"]


def test_without_a_root_disk_it_says_so(bench: Bench) -> None:
    machine = bench.direct(bench.disk())
    diskless = bare.Machine(
        kernel=machine.kernel, ramdisk=machine.ramdisk, command_line=machine.command_line
    )
    with bare.Guest(diskless, bench.folder) as guest:
        guest.wait_for("mallee-tiny: no root file system", 60)
