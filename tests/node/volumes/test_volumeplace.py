"""Where a host's volumes lie: on a disk of their own, which may be away, full, or another one."""

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from mallee.kit import clock, process
from mallee.model.configuration.settings import Settings, Volumes
from mallee.model.hosts.hosts import Capacity
from mallee.model.images.images import DirectBoot
from mallee.model.layout import Layout
from mallee.model.storage.volumes import Limits, Phase, VolumeSeen, VolumeWanted
from mallee.node import facts, reconcile
from mallee.node.do.storage import imageuses, places
from mallee.node.volumes.volumeplace import VolumePlace
from tests.fakes.hypervisor import FakeHypervisor
from tests.fakes.network import FakeNetwork
from tests.node import wants
from tests.node.stands import WITHIN_S, Blobs, Stand, blob_of

pytestmark = pytest.mark.host

HOST = "host-1"
ID = "vol-0123456789abcdef0"
OTHER = "vol-0123456789abcdef1"
WHOLE = Capacity(4, 4096, 7)


@dataclass(slots=True)
class Disk:
    """A file with a file system, and where it is mounted."""

    image: Path
    at: Path
    is_mounted: bool = False

    def mount(self, *options: str) -> None:
        subprocess.run(
            ["mount", "-o", ",".join(("loop", *options)), self.image, self.at], check=True
        )
        self.is_mounted = True

    def unmount(self) -> None:
        subprocess.run(["umount", self.at], check=True)
        self.is_mounted = False


def make_disk(image: Path, at: Path) -> Disk:
    with image.open("xb") as file:
        file.truncate(400 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    at.mkdir(exist_ok=True)
    return Disk(image, at)


@pytest.fixture
def disk(root_dir: Path) -> Iterator[Disk]:
    made = make_disk(root_dir / "disk.img", root_dir / "disk")
    made.mount()
    yield made
    if made.is_mounted:
        made.unmount()


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    found = Layout(root_dir / "root")
    found.node.mkdir(parents=True)
    for path in (found.root, found.node):
        path.chmod(0o711)
    return found


def configured(at: Path | str, *, mount: bool = True, capacity_gib: int = 0) -> Settings:
    return Settings(volumes=Volumes(directory=str(at), mount=mount, capacity_gib=capacity_gib))


def placed(
    layout: Layout, at: Path | str, host_id: str = HOST, *, mount: bool = True
) -> VolumePlace:
    place = VolumePlace(layout, configured(at, mount=mount), host_id, clock.SYSTEM)
    place.look()
    return place


def test_a_disk_is_used_and_known_again(layout: Layout, disk: Disk) -> None:
    first = placed(layout, disk.at)
    assert (first.problem, first.is_there) == ("", True)
    assert first.layout.volumes == disk.at / HOST / "volumes"
    assert first.layout.volumes.is_dir()
    (first.layout.volumes / ID).mkdir()
    again = placed(layout, disk.at)
    assert (again.problem, again.layout) == ("", first.layout)
    assert os.listdir(again.layout.volumes) == [ID]
    assert places.located(layout) == first.layout


def test_hosts_of_one_directory_have_one_each(root_dir: Path, disk: Disk) -> None:
    roots = [Layout(root_dir / name) for name in "ab"]
    for number, one in enumerate(roots):
        one.node.mkdir(parents=True)
        assert placed(one, disk.at, f"host-{number}").problem == ""
    assert {"host-0", "host-1"} <= set(os.listdir(disk.at))
    assert len({places.located(one).volumes for one in roots}) == 2


def test_nothing_is_written_where_no_disk_is_mounted(layout: Layout, disk: Disk) -> None:
    disk.unmount()
    place = placed(layout, disk.at)
    assert not place.is_there
    assert "Nothing is mounted" in place.problem
    assert os.listdir(disk.at) == []
    disk.mount()
    assert place.look()
    disk.unmount()
    assert not place.look()
    assert place.bounded(WHOLE).disk_gib == 0
    with pytest.raises(OSError, match="not known"):
        imageuses.lain_on(place.layout)
    assert os.listdir(disk.at) == []
    # Nor when it need be no mount point: it has been used, and is not there.
    lax = placed(layout, disk.at, mount=False)
    assert not lax.is_there
    assert "has not the volumes" in lax.problem
    assert os.listdir(disk.at) == []


def test_another_disk_in_its_place_is_not_taken(layout: Layout, disk: Disk, root_dir: Path) -> None:
    place = placed(layout, disk.at)
    disk.unmount()
    other = make_disk(root_dir / "other.img", disk.at)
    other.mount()
    try:
        assert not place.look()
        assert "has not the volumes" in place.problem
        assert HOST not in os.listdir(disk.at)
    finally:
        other.unmount()
    disk.mount()
    assert place.look()


def test_a_disk_that_is_read_only_is_away(layout: Layout, disk: Disk) -> None:
    assert placed(layout, disk.at).is_there
    disk.unmount()
    disk.mount("ro")
    place = placed(layout, disk.at)
    assert not place.is_there
    assert "for writing" in place.problem
    assert place.bounded(WHOLE).disk_gib == 0


def test_a_full_disk_keeps_what_it_has(layout: Layout, disk: Disk) -> None:
    place = placed(layout, disk.at)
    free = os.statvfs(disk.at)
    with (disk.at / "full").open("xb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - (32 << 20))
    assert place.look()
    assert "no room" in place.problem
    assert place.bounded(WHOLE).disk_gib == 0
    (disk.at / "full").unlink()
    assert place.look()
    assert place.problem == ""


def test_room_is_that_of_the_disk(layout: Layout, disk: Disk, root_dir: Path) -> None:
    # Of 400 MiB no whole GiB is left.
    assert placed(layout, disk.at).bounded(WHOLE) == Capacity(4, 4096, 0)
    plain = root_dir / "plain"
    plain.mkdir()
    elsewhere = Layout(root_dir / "other")
    elsewhere.node.mkdir(parents=True)
    limited = VolumePlace(
        elsewhere, configured(plain, mount=False, capacity_gib=1), HOST, clock.SYSTEM
    )
    assert limited.look()
    assert limited.bounded(WHOLE).disk_gib == 1


@dataclass(slots=True)
class _Plain:
    """What goes wrong with a plain directory."""

    spoil: Callable[[Path], None]
    says: str
    mount: bool = field(default=False)


@pytest.mark.parametrize(
    "case",
    [
        _Plain(lambda at: None, "Nothing is mounted", mount=True),
        _Plain(lambda at: at.rmdir(), "cannot be opened"),
        _Plain(lambda at: at.chmod(0o777), "by others than root"),
        _Plain(lambda at: os.chown(at, 12345, 0), "by others than root"),
        _Plain(lambda at: at.chmod(0o700), "does not get to"),
        _Plain(lambda at: (at / HOST).touch(), "cannot be used"),
        _Plain(lambda at: (at / HOST).symlink_to(at.parent), "cannot be used"),
    ],
)
def test_what_is_wrong_is_told(layout: Layout, root_dir: Path, case: _Plain) -> None:
    at = root_dir / "plain"
    at.mkdir()
    case.spoil(at)
    place = placed(layout, at, mount=case.mount)
    assert not place.is_there
    assert case.says in place.problem
    assert place.bounded(WHOLE).disk_gib == 0


def test_what_does_not_lock_or_write_directly_is_refused(
    layout: Layout, root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = root_dir / "plain"
    at.mkdir()

    def never_locking(file: object, command: int, wanted: bytes) -> bytes:
        return wanted

    with monkeypatch.context() as without:
        without.setattr(places.fcntl, "fcntl", never_locking)
        assert "does not lock" in placed(layout, at, mount=False).problem
    opens = os.open

    def refusing(path: Path, flags: int, *rest: int, dir_fd: int | None = None) -> int:
        if flags & os.O_DIRECT:
            raise OSError(22, "Invalid argument")
        return opens(path, flags, *rest, dir_fd=dir_fd)

    with monkeypatch.context() as without:
        without.setattr(places.os, "open", refusing)
        assert "O_DIRECT" in placed(layout, at, mount=False).problem
    assert placed(layout, at, mount=False).problem == ""


def test_volumes_that_are_there_are_not_left_behind(
    layout: Layout, disk: Disk, root_dir: Path
) -> None:
    (layout.volumes / ID).mkdir(parents=True)
    place = placed(layout, disk.at)
    assert place.is_there
    assert place.layout == layout
    assert "1 volumes lie in" in place.problem
    assert place.bounded(WHOLE).disk_gib == 0
    (layout.volumes / ID).rmdir()
    there = placed(layout, disk.at)
    assert (there.problem, there.layout.volumes.parent) == ("", disk.at / HOST)
    (there.layout.volumes / ID).mkdir()
    back = placed(layout, "")
    assert back.is_there
    assert back.layout == there.layout
    assert "elsewhere" in back.problem
    disk.unmount()
    lost = placed(layout, "")
    assert not lost.is_there
    assert lost.bounded(WHOLE).disk_gib == 0
    disk.mount()
    (there.layout.volumes / ID).rmdir()
    assert placed(layout, "").layout == layout


def test_a_record_that_cannot_be_read_is_no_other_place(layout: Layout, disk: Disk) -> None:
    placed(layout, disk.at)
    layout.volumes_record.write_text("{")
    place = placed(layout, disk.at)
    assert not place.is_there
    assert "cannot be read" in place.problem


def test_a_joined_host_has_settings_of_its_own(layout: Layout) -> None:
    assert facts.read_settings(layout) == Settings()
    layout.host_settings.write_text('[volumes]\ndirectory = "/srv/volumes"\nmount = false\n')
    assert facts.read_settings(layout).volumes == Volumes("/srv/volumes", mount=False)
    for wrong in ('region = "x"', '[volumes]\ndirectory = "srv"', '[volumes]\ndirectory = "/a/.."'):
        layout.host_settings.write_text(wrong)
        with pytest.raises(facts.settings.InvalidSettings):
            facts.read_settings(layout)


# With an agent


@dataclass(slots=True)
class Elsewhere(Stand):
    """A host whose volumes lie in another place."""

    directory: str = ""

    def place(self) -> VolumePlace:
        return VolumePlace(self.layout, configured(self.directory), HOST, clock.SYSTEM)


@pytest.fixture
def stand(layout: Layout, disk: Disk) -> Elsewhere:
    at = placed(layout, disk.at).layout
    blob = blob_of(b"an image", "qcow2")
    boot = DirectBoot(blob, None, "")
    hypervisor = FakeHypervisor(layout.tag)
    return Elsewhere(at, hypervisor, FakeNetwork(at), Blobs({}), blob, boot, directory=str(disk.at))


def volume(id: str, **changes: object) -> VolumeWanted:
    made = VolumeWanted(id=id, size_gib=1, limits=Limits(100, 0, 10))
    return msgspec.structs.replace(made, **changes)


async def want(stand: Stand, *wanted: VolumeWanted) -> None:
    assert stand.reconciler is not None
    stand.generation += 1
    host = wants.make_host(stand.generation)
    assert await stand.reconciler.want(msgspec.structs.replace(host, volumes=wanted))
    stand.reconciler.volumes.poke()


async def wait(
    agent: reconcile.Reconciler, is_so: Callable[[dict[str, VolumeSeen], tuple[str, ...]], bool]
) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_so(agent.volumes.seen(), agent.problems):
            agent.volumes.poke()
            await asyncio.sleep(0.02)


async def test_volumes_wait_while_their_disk_is_away(stand: Elsewhere, disk: Disk) -> None:
    async with stand.agent() as agent:
        await want(stand, volume(ID))
        await wait(agent, lambda seen, _: ID in seen and seen[ID].phase is Phase.READY)
        assert (disk.at / HOST / "volumes" / ID / "1.qcow2").is_file()
        process.run(("umount", "--lazy", str(disk.at)))
        disk.is_mounted = False
        await wait(agent, lambda seen, told: not seen and any("mounted" in it for it in told))
        gone = volume(ID, is_made=True, is_deleted=True)
        await want(stand, gone, volume(OTHER))
        # The keeper's own rounds look at the place: some of them go by.
        rounds = agent.volumes.rounds
        await wait(agent, lambda seen, told: agent.volumes.rounds > rounds + 2)
        assert agent.volumes.seen() == {}
        assert os.listdir(disk.at) == []
        disk.mount()
        await wait(
            agent,
            lambda seen, told: (
                seen.keys() == {ID, OTHER}
                and seen[ID].phase is Phase.GONE
                and seen[OTHER].phase is Phase.READY
                and not any("mounted" in it for it in told)
            ),
        )
        assert os.listdir(disk.at / HOST / "volumes") == [OTHER]
