"""The contract of a hypervisor: what the agent relies on, for the fake and for libvirt alike."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mallee.kit import files
from mallee.model.images import catalogue
from mallee.model.images.images import DirectBoot
from mallee.model.layout import Layout
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.snapshots import Layered
from mallee.model.storage.volumes import Limits, VolumeWanted
from mallee.node.do.guests.hypervisor import Hypervisor, HypervisorAway, HypervisorFailed, Merge
from mallee.node.do.guests.libvirt import Libvirt
from mallee.node.do.network import taps
from mallee.node.do.storage import chains, disks, imagelocks, layers, volumes
from mallee.node.plan.guests import domain, instances
from mallee.node.plan.guests.disks import Disk
from mallee.node.plan.guests.seen import DomainState, Ended, SeenDomain
from tests import tinyimages
from tests.fakes.hypervisor import FakeHypervisor
from tests.node import libvirtd

ID = "i-0123456789abcdef0"
UUID = domain.uuid_of(ID)
WITHIN_S = 240.0


@dataclass(slots=True)
class Stand:
    """A hypervisor under test, and the means to do things behind its back."""

    hypervisor: Hypervisor
    layout: Layout
    boot: DirectBoot
    crash: Callable[[], None]
    guest_is_up: Callable[[], bool]
    make_tap: Callable[[], str] = lambda: "mt0"

    def xml(self, launch: int = 1, instance_id: str = ID, cpu: str = "") -> str:
        spec = domain.DomainSpec(
            instance_id=instance_id,
            launch=launch,
            vcpus=1,
            cpu=cpu,
            memory_mib=256,
            boot=self.boot,
            nics=(),
        )
        return domain.encode(spec, domain.HostTraits(self.layout, "tcg"))

    def wait(self, state: DomainState) -> SeenDomain:
        ends_at = time.monotonic() + WITHIN_S
        while time.monotonic() < ends_at:
            seen = self.hypervisor.read(UUID)
            if seen is not None and seen.state is state:
                return seen
            time.sleep(0.02)
        raise AssertionError(f"{self.hypervisor.read(UUID)} never became {state}")

    def press(self, button: Callable[[str], None], is_done: Callable[[SeenDomain], bool]) -> None:
        """Press until it is done: a guest that is still coming up hears no button."""
        ends_at = time.monotonic() + WITHIN_S
        pressed_at = 0.0
        while not ((seen := self.hypervisor.read(UUID)) and is_done(seen)):
            assert time.monotonic() < ends_at, f"{seen} ignores its button"
            if time.monotonic() - pressed_at > instances.PRESS_AGAIN_S:
                button(UUID)
                pressed_at = time.monotonic()
            time.sleep(0.02)

    def begin_guest(self) -> None:
        """Have the guest run, and wait for nothing of what is in it."""
        self.hypervisor.define(self.xml())
        self.hypervisor.start_paused(UUID)
        self.hypervisor.resume(UUID)

    def run_guest(self) -> None:
        self.begin_guest()
        self.wait_guest()

    def wait_guest(self) -> None:
        ends_at = time.monotonic() + WITHIN_S
        while not self.guest_is_up():
            assert time.monotonic() < ends_at, "the guest did not come up"
            time.sleep(0.02)


def make_fake(root: Path) -> Iterator[Stand]:
    layout = Layout(root)
    layout.volumes.mkdir(parents=True)
    fake = FakeHypervisor(layout.tag)
    boot = catalogue.proof_boot(tinyimages.document())
    yield Stand(fake, layout, boot, lambda: fake.crash(UUID), lambda: True)


def make_real(root: Path) -> Iterator[Stand]:
    boot = catalogue.proof_boot(tinyimages.document())
    with libvirtd.running(root) as daemon:
        layout = daemon.layout
        layout.node_images.mkdir(mode=0o711)
        for blob in (boot.kernel, boot.ramdisk):
            assert blob is not None
            os.link(tinyimages.file_of(blob), layout.node_images / blob.sha256)
        disks.make_directory(layout, ID)
        disk = domain.directory_of(layout, ID) / domain.DISK_FILE
        tinyimages.clone(
            catalogue.image(tinyimages.document(), catalogue.TINY_DISK).blob,
            disk,
        )
        disks.give_to_qemu(disk)
        console = domain.directory_of(layout, ID) / domain.CONSOLE_LOG
        real = Libvirt(layout.libvirt_uri, layout.tag)
        wait_here(real)
        try:
            yield Stand(
                real,
                layout,
                boot,
                lambda: os.kill(daemon.pid_of_guest(ID), signal.SIGKILL),
                lambda: b"mallee-tiny: host key" in console.read_bytes(),
                lambda: _make_tap(layout),
            )
        finally:
            real.close()


def _make_tap(layout: Layout) -> str:
    name = layout.tap("eni-00000000000000009")
    taps.create(layout, name)
    return name


def wait_here(hypervisor: Hypervisor) -> None:
    ends_at = time.monotonic() + WITHIN_S
    while True:
        try:
            hypervisor.version()
            return
        except HypervisorAway:
            assert time.monotonic() < ends_at
            time.sleep(0.02)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.host)])
def stand(request: pytest.FixtureRequest, root_dir: Path) -> Iterator[Stand]:
    yield from (make_fake if request.param == "fake" else make_real)(root_dir)


def test_a_guest_starts_with_every_processor_that_the_host_says_it_can_show(stand: Stand) -> None:
    cpu = stand.hypervisor.cpu("tcg")
    assert cpu is not None
    assert cpu == stand.hypervisor.cpu("tcg")
    best = max(sorted(cpu.models), key=lambda name: cpu.models[name])
    stand.hypervisor.define(stand.xml(cpu=best))
    stand.hypervisor.start_paused(UUID)
    stand.wait(DomainState.PAUSED)


def test_a_domain_is_known_from_its_definition_to_its_end(stand: Stand) -> None:
    hypervisor = stand.hypervisor
    assert hypervisor.read(UUID) is None
    assert hypervisor.list() == ()
    for launch in (1, 2, 2):
        hypervisor.define(stand.xml(launch))
        assert hypervisor.read(UUID) == SeenDomain(UUID, ID, launch, DomainState.OFF)
    assert [seen.uuid for seen in hypervisor.list()] == [UUID]
    hypervisor.undefine(UUID)
    hypervisor.undefine(UUID)
    assert hypervisor.read(UUID) is None


def test_every_order_may_be_given_twice(stand: Stand) -> None:
    hypervisor = stand.hypervisor
    hypervisor.define(stand.xml())
    for order, state in (
        (hypervisor.start_paused, DomainState.PAUSED),
        (hypervisor.resume, DomainState.RUNNING),
        (hypervisor.destroy, DomainState.OFF),
        (hypervisor.shut_down, DomainState.OFF),
    ):
        for _ in range(2):
            order(UUID)
            seen = hypervisor.read(UUID)
            assert seen is not None
            assert seen.state is state
    assert seen.ended is Ended.SWITCHED_OFF


def test_a_guest_that_powers_off_is_told_from_one_that_died(stand: Stand) -> None:
    stand.run_guest()
    stand.press(stand.hypervisor.shut_down, lambda seen: not seen.is_active)
    assert stand.wait(DomainState.OFF).ended is Ended.BY_GUEST
    stand.hypervisor.undefine(UUID)
    stand.begin_guest()
    stand.crash()
    assert stand.wait(DomainState.OFF).ended is Ended.CRASHED


def test_a_button_pressed_while_the_guest_goes_off_is_no_error(stand: Stand) -> None:
    stand.run_guest()
    ends_at = time.monotonic() + WITHIN_S
    seen = stand.hypervisor.read(UUID)
    while seen and seen.is_active:
        assert time.monotonic() < ends_at, f"{seen} ignores its button"
        stand.hypervisor.shut_down(UUID)
        seen = stand.hypervisor.read(UUID)
    stand.hypervisor.destroy(UUID)


def test_a_new_start_forgets_how_the_last_one_ended(stand: Stand) -> None:
    hypervisor = stand.hypervisor
    hypervisor.define(stand.xml())
    hypervisor.start_paused(UUID)
    hypervisor.destroy(UUID)
    hypervisor.undefine(UUID)
    hypervisor.define(stand.xml(2))
    assert hypervisor.read(UUID) == SeenDomain(UUID, ID, 2, DomainState.OFF)


def test_resets_are_counted(stand: Stand) -> None:
    stand.begin_guest()
    before = stand.wait(DomainState.RUNNING).resets
    stand.hypervisor.reset(UUID)
    ends_at = time.monotonic() + WITHIN_S
    # A machine's firmware may add resets of its own to one that was asked for.
    while stand.wait(DomainState.RUNNING).resets == before:
        assert time.monotonic() < ends_at
        time.sleep(0.02)
    assert stand.wait(DomainState.RUNNING).resets > before


def test_a_reboot_is_a_reset_and_not_an_end(stand: Stand) -> None:
    stand.run_guest()
    stand.press(stand.hypervisor.reboot, lambda seen: seen.resets > 0)
    assert stand.wait(DomainState.RUNNING).ended is Ended.UNKNOWN


def test_changes_are_told(stand: Stand) -> None:
    told: list[str] = []
    changed = threading.Event()

    def hear(instance_id: str) -> None:
        told.append(instance_id)
        changed.set()

    stand.hypervisor.watch(hear)
    stand.hypervisor.define(stand.xml())
    assert changed.wait(WITHIN_S)
    assert set(told) <= {ID, ""}


def test_another_clouds_domain_is_not_ours(stand: Stand) -> None:
    stand.hypervisor.define(stand.xml().replace(f'cloud="{stand.layout.tag}"', 'cloud="other"'))
    assert stand.hypervisor.read(UUID) is None
    assert stand.hypervisor.list() == ()


def test_a_card_comes_and_goes_while_the_guest_runs(stand: Stand) -> None:
    nic = domain.Nic(stand.make_tap(), "02:00:00:00:00:09")
    stand.run_guest()
    for _ in range(2):
        stand.hypervisor.attach_nic(UUID, nic.mac, domain.encode_hot_nic(nic, 1))
    seen = stand.hypervisor.read(UUID)
    assert seen is not None
    assert seen.nics == {nic}
    stand.press(lambda uuid: stand.hypervisor.detach_nic(uuid, nic.mac), lambda now: not now.nics)
    stand.hypervisor.detach_nic(UUID, nic.mac)


def test_a_volume_comes_grows_and_goes_while_the_guest_runs(stand: Stand) -> None:
    hypervisor = stand.hypervisor
    id = "vol-0123456789abcdef0"
    volumes.make(stand.layout, VolumeWanted(id=id, size_gib=1))
    path = volumes.path_of(stand.layout, id, is_shared=False)
    disk = Disk(id, path, 3)
    slow, fast = Limits(100, 300, 5), Limits(0, 0, 7)
    stand.run_guest()
    for _ in range(2):
        hypervisor.attach_disk(UUID, disk, slow)
    assert disks_of(stand) == {disk: slow}
    hypervisor.limit_disk(UUID, disk.target, fast)
    assert disks_of(stand) == {disk: fast}
    hypervisor.resize_disk(UUID, disk.target, 2 << 30)
    assert volumes.size_gib(stand.layout, id, is_shared=False) == 2
    stand.press(lambda uuid: hypervisor.detach_disk(uuid, disk), lambda now: not now.disks)
    hypervisor.detach_disk(UUID, disk)
    wait_let_go(path)
    volumes.enlarge(path, 3)
    assert volumes.size_gib(stand.layout, id, is_shared=False) == 3


def wait_let_go(path: Path) -> None:
    """Wait until QEMU has closed a file: libvirt takes a disk from its definition before that."""
    ends_at = time.monotonic() + WITHIN_S
    with files.open_own(path) as file:
        while imagelocks.is_written(file.fileno()):
            assert time.monotonic() < ends_at
            time.sleep(0.02)


def test_a_volume_is_torn_out_of_a_guest_that_keeps_it(stand: Stand) -> None:
    hypervisor = stand.hypervisor
    id = "vol-0123456789abcdef0"
    volumes.make(stand.layout, VolumeWanted(id=id, size_gib=1))
    path = volumes.path_of(stand.layout, id, is_shared=False)
    stand.run_guest()
    disk = Disk(id, path, 3)
    hypervisor.attach_disk(UUID, disk, Limits(100, 0, 5))
    above = layers.prepare_cut(path.parent, 1)
    hypervisor.cut_disks(UUID, {disk: above}, {})
    disk = Disk(id, above, 3)
    for _ in range(2):
        hypervisor.tear_out_disk(UUID, disk)
    seen = hypervisor.read(UUID)
    assert seen is not None
    assert (dict(seen.disks), seen.torn) == ({}, {disk})
    # Nobody has its files open: whoever comes may write it.
    volumes.enlarge(above, 2)
    layers.merge_down(path.parent, 2)
    stand.press(lambda uuid: hypervisor.detach_disk(uuid, disk), lambda now: not now.torn)
    again = Disk(id, path, 3)
    hypervisor.attach_disk(UUID, again, Limits(100, 0, 5))
    assert disks_of(stand) == {again: Limits(100, 0, 5)}


def test_a_running_guests_volumes_are_cut_and_merged(stand: Stand) -> None:
    hypervisor = stand.hypervisor
    ids = ("vol-0123456789abcdef0", "vol-0123456789abcdef1")
    stand.begin_guest()
    for slot, id in enumerate(ids, 1):
        volumes.make(stand.layout, VolumeWanted(id=id, size_gib=1))
        path = volumes.path_of(stand.layout, id, is_shared=False)
        hypervisor.attach_disk(UUID, Disk(id, path, slot), Limits())
    for number in (2, 3):
        cuts = {disk: layers.prepare_cut(disk.path.parent, number - 1) for disk in disks_of(stand)}
        for _ in range(2):
            hypervisor.cut_disks(UUID, cuts, {})
        assert {disk.path.name for disk in disks_of(stand)} == {f"{number}.qcow2"}
    (one, other) = sorted(disks_of(stand))
    directory = one.path.parent
    merge = Merge(layers.path_of(directory, 2), layers.path_of(directory, 1))
    ends_at = time.monotonic() + WITHIN_S
    while hypervisor.merge_layer(UUID, one, merge):
        assert time.monotonic() < ends_at
        time.sleep(0.02)
    assert [layer.number for layer in layers.chain(directory, 3)] == [3, 1]
    assert [layer.number for layer in layers.chain(other.path.parent, 3)] == [3, 2, 1]
    layers.remove_unreached(directory, [3])
    assert layers.numbers(directory) == [1, 3]
    assert set(disks_of(stand)) == {one, other}


def test_an_encrypted_volume_is_plugged_in_before_the_guest_runs(stand: Stand) -> None:
    hypervisor, id, key = stand.hypervisor, "vol-0123456789abcdef0", OpenedKey("one", b"k" * 32)
    other = Volume(stand, "vol-0123456789abcdef1", key)
    volume = Volume(stand, id, key, source=Layered(other.id, 1))
    hypervisor.define(stand.xml())
    hypervisor.start_paused(UUID)
    for _ in range(2):
        hypervisor.attach_disk(UUID, volume.disk(1), Limits(100, 0, 5), key)
    hypervisor.resume(UUID)
    stand.wait_guest()
    assert disks_of(stand) == {volume.disk(1): Limits(100, 0, 5)}
    for number in (2, 3):
        (disk,) = disks_of(stand)
        above = layers.prepare_cut(volume.directory, number - 1, key)
        hypervisor.cut_disks(UUID, {disk: above}, {id: key})
        assert [disk.path for disk in disks_of(stand)] == [above]
    (disk,) = disks_of(stand)
    hypervisor.resize_disk(UUID, disk.target, 2 << 30)
    assert layers.read(volume.directory, 3).size_bytes == 2 << 30
    merge = Merge(layers.path_of(volume.directory, 2), layers.path_of(volume.directory, 1))
    ends_at = time.monotonic() + WITHIN_S
    while hypervisor.merge_layer(UUID, disk, merge):
        assert time.monotonic() < ends_at
        time.sleep(0.02)
    assert [layer.number for layer in layers.chain(volume.directory, 3)] == [3, 1]
    stand.press(lambda uuid: hypervisor.detach_disk(uuid, disk), lambda now: not now.disks)
    # What opens it is nowhere below the root: not in a log, not in a definition, not in a state.
    secret = layers.passphrase_of(key)
    assert not [path for path, said in contents(stand.layout.root) if secret in said]
    logs = contents(stand.layout.libvirt / "log")
    assert not [path for path, said in logs if path.suffix == ".log" and LUKS in said]


def contents(root: Path) -> Iterator[tuple[Path, bytes]]:
    """The files below a directory; libvirt may be putting others in the place of some."""
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in names):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    yield path, path.read_bytes()


LUKS = b"luks"
"""What QEMU's command line would say if it opened an encrypted volume."""


@dataclass(slots=True)
class Volume:
    """An encrypted volume."""

    stand: Stand
    id: str
    key: OpenedKey
    source: Layered | None = None

    def __post_init__(self) -> None:
        wanted = VolumeWanted(id=self.id, size_gib=1, source=self.source)
        volumes.make(self.stand.layout, wanted, self.key)

    @property
    def directory(self) -> Path:
        return volumes.directory_of(self.stand.layout, self.id)

    def disk(self, number: int) -> Disk:
        path = layers.path_of(self.directory, number)
        return Disk(self.id, path, 3, True, chains.of(self.stand.layout, path))


def disks_of(stand: Stand) -> dict[Disk, Limits]:
    seen = stand.hypervisor.read(UUID)
    assert seen is not None
    return dict(seen.disks)


def test_what_is_unknown_cannot_be_started(stand: Stand) -> None:
    with pytest.raises(HypervisorFailed):
        stand.hypervisor.start_paused(UUID)


def test_a_running_guest_has_a_screen_and_a_keyboard(stand: Stand) -> None:
    hypervisor = stand.hypervisor
    hypervisor.define(stand.xml())
    for call in (hypervisor.press_key, hypervisor.fetch_screen, hypervisor.open_screen):
        with pytest.raises(HypervisorFailed):
            call(UUID)
    hypervisor.start_paused(UUID)
    hypervisor.resume(UUID)
    hypervisor.press_key(UUID)
    assert hypervisor.fetch_screen(UUID).startswith((b"\x89PNG", b"P6"))
    with hypervisor.open_screen(UUID) as screen:
        screen.settimeout(WITHIN_S)
        assert screen.recv(64).startswith(b"RFB 003.")
