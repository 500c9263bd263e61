"""Hosts that are alike, as machines of their own are: what volumes lie on is called the same on
each, so roots over images are handed over too, encrypted ones among them.

As `test_handedguests`; of whoever may die meanwhile here are those that it lacks.
"""

import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests import labs, wholecloud
from tests.baddays import test_handedguests as handed
from tests.baddays import test_migrations as days
from tests.baddays.test_handedguests import Shared
from tests.baddays.test_migrations import Going

COUNTS = f"n=$(wc -l </mnt/n); while :; do n=$((n+1)); echo $n >>/mnt/n; sync; {days.RESTS}; done"
WRITES = f"mkdir -p /mnt; touch /mnt/n; ({COUNTS}) </dev/null >/dev/null 2>&1 &"
TEXT = f"alike = true\n{handed.TEXT}".replace("198.19.17.", "198.19.18.")


@pytest.fixture(scope="module")
def shared() -> Generator[Shared]:
    with tempfile.TemporaryDirectory(prefix="s-", dir="/tmp") as directory:
        share = Path(directory)
        share.chmod(0o755)
        with labs.up(TEXT.format(share=share), handed.ground_of(share)) as lab:
            cloud = lab.cloud
            guest = cloud.run(InstanceType="t3.nano", BlockDeviceMappings=[days.ROOT])
            cloud.wait_state(guest, "running")
            root = cloud.instance(guest)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
            cloud.ssh(guest, f"{days.HOLDS}; {WRITES}")
            yield Shared(Going(lab, cloud, guest), share, root)


def test_an_encrypted_root_is_handed_over(shared: Shared) -> None:
    handed.check_handed_over(shared)


Day = Callable[[Shared, str, str], None]
"""What happens, given the names of the hosts from which and to which the guest is on its way."""


def cloud_daemon(shared: Shared, source: str, target: str) -> None:
    days.cloud_daemon(shared.going, source, target)


def share_of_the_old(shared: Shared, source: str, target: str) -> None:
    away(shared, source)


def share_of_the_new(shared: Shared, source: str, target: str) -> None:
    away(shared, target)


def away(shared: Shared, host: str) -> None:
    """Have a host see nothing where the share was, until it has said so."""
    lab = shared.going.lab
    lab.run(host, "mount", "-t", "tmpfs", "none", str(shared.share))
    try:
        wholecloud.wait_until(lambda: has_problem(shared, host), days.FELT_S, "it to be missed")
    finally:
        lab.run(host, "umount", str(shared.share))
    wholecloud.wait_until(lambda: not has_problem(shared, host), days.FELT_S, "it to be found")


def readonly(shared: Shared, source: str, target: str) -> None:
    """Have the new host read the share and write nothing there, until it has said so."""
    lab, share = shared.going.lab, str(shared.share)
    lab.run(target, "mount", "--bind", share, share)
    try:
        lab.run(target, "mount", "-o", "remount,ro,bind", share)
        wholecloud.wait_until(lambda: has_problem(shared, target), days.FELT_S, "it to be missed")
    finally:
        lab.run(target, "umount", "--lazy", share)
    wholecloud.wait_until(lambda: not has_problem(shared, target), days.FELT_S, "it to be found")


def has_problem(shared: Shared, host: str) -> bool:
    """Whether a host says that something ails it."""
    host_id = shared.going.lab.host_id(host)
    return any(one["Problems"] for one in shared.going.cloud.hosts() if one["HostId"] == host_id)


def wait_settled(shared: Shared) -> None:
    """Wait until the guest has one machine, and its volume is one host's alone."""
    shared.going.wait_one()

    def is_one() -> bool:
        found = [path.parts[-3] for path in shared.share.glob(f"*/volumes/{shared.volume}")]
        return found == [shared.going.lab.host_id(shared.going.source)]

    wholecloud.wait_until(is_one, days.FELT_S, "the volume to be one host's")


@pytest.mark.parametrize(
    ("happens", "step"),
    [
        (cloud_daemon, days.SENT),
        (share_of_the_new, days.SENT),
        (share_of_the_old, days.SENT),
        (readonly, ""),
    ],
)
def test_the_guest_goes_on_in_one_place(shared: Shared, happens: Day, step: str) -> None:
    going = shared.going
    life, counted, file = going.life(), shared.count(), shared.file()
    source = going.source
    target = next(name for name in days.HOSTS if name != source)
    going.begin()
    going.wait_step(step)
    happens(shared, source, target)
    why = going.ended()
    wait_settled(shared)
    assert (going.source == source) is bool(why)
    assert going.life() == life
    shared.wait_counting(counted)
    assert shared.file() == file


@pytest.mark.parametrize("step", [days.SENT, days.STANDS])
def test_a_guest_that_is_killed_on_its_way_begins_anew(shared: Shared, step: str) -> None:
    going = shared.going
    life, counted, file, source = going.life(), shared.count(), shared.file(), going.source
    going.begin()
    going.wait_step(step)
    for pid in going.machines().get(source, []):
        going.kill(source, pid)
    going.ended()
    wait_settled(shared)
    assert shared.count() >= counted
    assert shared.file() == file
    if going.life() != life:
        going.cloud.ssh(going.guest, WRITES)


def test_the_new_host_loses_its_power(shared: Shared) -> None:
    """The old host runs it, and may bring it when the new one is there again; or if it was given,
    the new one begins it anew."""
    going = shared.going
    while going.source != "front":
        going.begin()
        going.ended()
    life, counted, file = going.life(), shared.count(), shared.file()
    going.begin()
    going.wait_step(days.STANDS)
    going.lab.power_off("n1")
    going.lab.power_on()
    going.ended()
    wait_settled(shared)
    assert shared.count() >= counted
    assert shared.file() == file
    assert going.life() == life or going.source == "n1"
    if going.life() != life:
        going.cloud.ssh(going.guest, WRITES)


def test_after_all_that_it_still_goes(shared: Shared) -> None:
    handed.check_handed_over(shared)
