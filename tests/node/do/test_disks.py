"""Instances' directories: root's own, so that no QEMU can put anything in root's way."""

import pwd
import stat
from pathlib import Path

import pytest

from mallee.kit import files
from mallee.model.layout import Layout
from mallee.node.do import disks
from mallee.node.plan import domain
from tests.node import wants

ID = wants.make_instance().id

pytestmark = pytest.mark.host


def make_image(layout: Layout) -> disks.Clone:
    """An image in the cache, and the wish for a disk over it."""
    layout.node_images.mkdir(parents=True)
    image = wants.make_instance().disk
    (layout.node_images / image.sha256).write_bytes(b"\0" * (1 << 20))
    return disks.Clone(ID, type(image)(image.sha256, 1 << 20, "raw"), 1)


def test_qemu_may_write_the_disk_and_its_sockets_and_nothing_else(root_dir: Path) -> None:
    layout = Layout(root_dir)
    disks.clone(layout, make_image(layout))
    directory = domain.directory_of(layout, ID)
    qemu = pwd.getpwnam(disks.QEMU_USER).pw_uid
    owners = {path.name: path.stat().st_uid for path in directory.iterdir()}
    assert owners == {domain.DISK_FILE: qemu, domain.QEMU_DIRECTORY: qemu}
    assert directory.stat().st_uid == 0
    assert stat.S_IMODE(directory.stat().st_mode) == 0o711
    for own in directory.iterdir():
        assert stat.S_IMODE(own.stat().st_mode) & 0o077 == 0, own


def test_a_directory_that_was_made_half_is_made_whole(root_dir: Path) -> None:
    layout = Layout(root_dir)
    domain.directory_of(layout, ID).mkdir(parents=True)
    disks.clone(layout, make_image(layout))
    assert (domain.directory_of(layout, ID) / domain.QEMU_DIRECTORY).is_dir()


def test_a_link_is_not_followed_when_something_is_given_away(root_dir: Path) -> None:
    secret = root_dir / "secret"
    files.write_atomically(secret, b"root's")
    link = root_dir / "link"
    link.symlink_to(secret)
    disks.give_to_qemu(link)
    assert secret.stat().st_uid == 0
