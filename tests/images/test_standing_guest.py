"""One tiny guest that has booted in a bare machine: what it says and does, and whom it lets in.

All tests have the same one: each leaves it as it was. How it boots and ends is `test_tiny_guest`'s.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import bare
from mallee.model.images import catalogue
from tests import ownhost
from tests.images import conftest
from tests.images.conftest import Bench

READY = "mallee-tiny: ssh ready"
USER_DATA_DONE = "mallee-tiny: user data ended with status"
HOST_KEY = "mallee-tiny: host key"


@dataclass(frozen=True, slots=True)
class Standing:
    """A guest that has booted, and the bench that it stands on."""

    bench: Bench
    guest: bare.Guest


def empty_disk(path: Path, label: str = "") -> Path:
    raw = path.with_suffix(".raw")
    with raw.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-L", label, str(raw)], check=True)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", str(raw), str(path)], check=True)
    return path


def machine(bench: Bench) -> bare.Machine:
    """One whose root is larger than its image; of its other disks one is blank, one has a name."""
    plain = empty_disk(bench.folder / "plain.qcow2")
    named = empty_disk(bench.folder / "named.qcow2", "courses")
    blank = bench.folder / "blank.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(blank), "8M"], check=True)
    return bench.direct(bench.disk(size="3G"), blank, named, plain)


@pytest.fixture(scope="module")
def standing() -> Iterator[Standing]:
    with (
        ownhost.fresh_network(),
        tempfile.TemporaryDirectory(prefix="m-") as folder,
        conftest.made(Path(folder)) as bench,
        bare.Guest(machine(bench), bench.folder) as guest,
    ):
        guest.wait_line(USER_DATA_DONE)
        guest.wait_line(HOST_KEY)
        bench.enter()
        yield Standing(bench, guest)


def test_the_first_word_of_userspace_is_the_promised_line(standing: Standing) -> None:
    assert standing.guest.said.startswith(catalogue.FIRST_LINE)


def test_it_takes_its_address_key_and_name(standing: Standing) -> None:
    port = standing.bench.port
    assert f"mallee-tiny: address {port.address}\r\n" in standing.guest.said
    assert READY in standing.guest.said
    answer = standing.bench.ssh("hostname; id -un")
    assert answer.stdout.split() == [port.hostname, "root"], answer.stderr


def test_its_user_data_runs_as_a_machine_of_that_name(standing: Standing) -> None:
    assert f"user data runs on {standing.bench.port.hostname}" in standing.guest.said


def test_nobody_enters_without_the_key(standing: Standing) -> None:
    bench = standing.bench
    assert bench.ssh("true").returncode == 0
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", f"{bench.folder}/other"], check=True)
    refused = bench.ssh("true", "-F", "none", "-i", f"{bench.folder}/other", key=False)
    assert refused.returncode != 0
    assert "(publickey)" in refused.stderr, "no password is asked for"


def test_a_key_that_is_pushed_leaves_the_own_one(standing: Standing) -> None:
    bench = standing.bench
    pushed = bench.folder / "pushed"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(pushed)], check=True)
    key = pushed.with_suffix(".pub").read_bytes().strip()
    active = "meta-data/managed-ssh-keys/active-keys/root"
    bench.metadata.values[active] = key
    entered = bench.ssh("true", "-F", "none", "-i", str(pushed), key=False)
    assert entered.returncode == 0, entered.stderr
    added = bench.ssh("printf 'ssh-rsa of-my-own' >>/root/.ssh/authorized_keys")
    assert added.returncode == 0, "the instance's own key logs in as before"
    bench.metadata.values[active] = b""
    left = bench.ssh("cat /root/.ssh/authorized_keys").stdout.splitlines()
    assert "ssh-rsa of-my-own" in left
    assert not [line for line in left if key.decode() in line], "shown no more, it is gone"


def test_the_console_names_the_host_key(standing: Standing) -> None:
    _, _, told = standing.guest.wait_line(HOST_KEY).partition("host key ")
    offered = subprocess.run(
        ["ssh-keyscan", "-t", "ed25519", standing.bench.port.address],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert len(told.split()) == 2, "its form and the whole key"
    assert told in offered


def test_the_root_fills_its_disk(standing: Standing) -> None:
    # That is begun beside what the console says last.
    size_kib = "$(df -k / | awk 'NR==2 {print $2}')"
    grown = standing.bench.ssh(f"until [ {size_kib} -gt {int(2.9 * (1 << 20))} ]; do sleep 1; done")
    assert grown.returncode == 0, grown.stderr


def test_further_disks_are_mounted_where_they_have_a_file_system(standing: Standing) -> None:
    mounts = standing.bench.ssh("cat /proc/mounts").stdout
    assert "/dev/vdc /media/courses ext4" in mounts
    assert "/dev/vdd /mnt ext4" in mounts
    assert "/dev/vdb" not in mounts


def test_the_console_offers_a_shell(standing: Standing) -> None:
    standing.guest.type("\n")
    standing.guest.wait_for("# ")
    standing.guest.type("expr 6 \\* 7\n")
    standing.guest.wait_for("\n42\r\n")
