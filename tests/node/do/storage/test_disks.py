"""Directories and disks of instances, with the real `qemu-img`, also where there is no room."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.kit import process
from mallee.model.images.images import Blob
from mallee.model.layout import Layout
from mallee.node.do.storage import disks, layers
from mallee.node.plan.guests import domain

ID = "i-0123456789abcdef0"
IMAGE = Blob("d" * 64, 1 << 20, "qcow2")
CLONE = disks.Clone(ID, IMAGE, 3)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to QEMU's user")


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    layout = Layout(root_dir)
    layout.node_images.mkdir(parents=True)
    image = layout.node_images / IMAGE.sha256
    process.run(("qemu-img", "create", "-q", "-f", "qcow2", str(image), "1M"))
    return layout


def files_in(layout: Layout) -> list[str]:
    return [path.name for path in domain.directory_of(layout, ID).iterdir() if path.is_file()]


def test_a_disk_is_an_overlay_of_the_size_that_was_asked(layout: Layout) -> None:
    disks.make_directory(layout, ID)
    disks.clone(layout, CLONE)
    disk = domain.directory_of(layout, ID) / domain.DISK_FILE
    said = process.run(("qemu-img", "info", "--output=json", str(disk))).text
    info = json.loads(said)
    assert info["virtual-size"] == 3 << 30
    assert info["full-backing-filename"] == str(layout.node_images / IMAGE.sha256)
    assert disk.owner() == disks.QEMU_USER


def test_a_disk_that_is_there_is_left_as_it_is(layout: Layout) -> None:
    disks.make_directory(layout, ID)
    disk = domain.directory_of(layout, ID) / domain.DISK_FILE
    disk.write_bytes(b"a guest's data")
    disks.make_directory(layout, ID)
    disks.clone(layout, CLONE)
    assert disk.read_bytes() == b"a guest's data"


def test_a_broken_off_clone_is_made_again(layout: Layout) -> None:
    disks.make_directory(layout, ID)
    (domain.directory_of(layout, ID) / "disk.part").write_bytes(b"half")
    disks.clone(layout, CLONE)
    assert files_in(layout) == [domain.DISK_FILE]


def test_without_its_image_nothing_is_left_of_a_clone(layout: Layout) -> None:
    disks.make_directory(layout, ID)
    (layout.node_images / IMAGE.sha256).unlink()
    with pytest.raises(FileNotFoundError):
        disks.clone(layout, CLONE)
    assert files_in(layout) == []


def test_an_image_is_not_opened_to_make_a_disk_over_it(layout: Layout) -> None:
    """It is a stranger's, and what makes the disk is root's."""
    disks.make_directory(layout, ID)
    base = layout.node_images / IMAGE.sha256
    base.write_bytes(b"no disk that any program could open")
    disks.clone(layout, CLONE)
    disk = domain.directory_of(layout, ID) / domain.DISK_FILE
    found = layers.read_file(disk)
    assert (found.ground, found.ground_form, found.size_bytes) == (str(base), "qcow2", 3 << 30)
    with pytest.raises(process.Failed):
        process.run(("qemu-img", "map", "-f", "qcow2", str(disk)))


@pytest.fixture
def full(layout: Layout) -> Iterator[Layout]:
    """A host whose instances have a file system of their own, without room."""
    layout.instances.mkdir()
    size = f"size={disks.FREE_MIN_BYTES // 2}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", layout.instances], check=True)
    yield layout
    subprocess.run(["umount", layout.instances], check=True)


@pytest.mark.host
def test_a_full_disk_is_said_before_anything_is_made(full: Layout) -> None:
    disks.make_directory(full, ID)
    with pytest.raises(disks.DiskFull, match="MiB free and 64 MiB are needed"):
        disks.clone(full, CLONE)
    assert files_in(full) == []


@pytest.mark.host
def test_a_disk_that_fills_up_meanwhile_is_said_and_nothing_is_left(
    full: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    disks.make_directory(full, ID)
    ballast = full.instances / "ballast"
    free_bytes = os.statvfs(full.instances).f_bavail * os.statvfs(full.instances).f_frsize
    ballast.write_bytes(bytes(free_bytes))
    check_room = disks.check_room
    looks: list[Path] = []

    def look_once_too_early(directory: Path) -> None:
        looks.append(directory)
        if len(looks) > 1:
            check_room(directory)

    monkeypatch.setattr(disks, "check_room", look_once_too_early)
    with pytest.raises(disks.DiskFull):
        disks.clone(full, CLONE)
    assert files_in(full) == []


def test_lost_disks_never_overwrite_each_other(layout: Layout) -> None:
    for number in range(3):
        disks.make_directory(layout, ID)
        (domain.directory_of(layout, ID) / domain.DISK_FILE).write_text(str(number))
        disks.move_to_lost(layout, ID)
        disks.move_to_lost(layout, ID)
    kept = [(path / domain.DISK_FILE).read_text() for path in disks.lost(layout)]
    assert kept == ["0", "1", "2"]


def test_removal_of_what_is_gone_is_no_error(layout: Layout) -> None:
    disks.make_directory(layout, ID)
    for _ in range(2):
        disks.remove_directory(layout, ID)
