"""The images are the same for the same packages, whole, and say how they boot."""

import hashlib
from pathlib import Path

import pytest

from mallee.images import tiny
from mallee.model.images import catalogue
from mallee.model.layout import Layout
from tests import tinyimages


def test_the_same_packages_give_the_same_images(root_dir: Path) -> None:
    again = tiny.build(Layout(root_dir), lambda line: None, tinyimages.layout().packages / "tiny")
    assert again == tinyimages.document()


def test_building_leaves_nothing_behind(root_dir: Path) -> None:
    layout = Layout(root_dir)
    tiny.build(layout, lambda line: None, tinyimages.layout().packages / "tiny")
    assert [path.name for path in root_dir.iterdir()] == ["cloud"]
    named = {image.blob.sha256 for image in tinyimages.document().images}
    assert {path.name for path in layout.blobs.iterdir()} == named


def test_every_blob_is_what_its_name_says() -> None:
    for image in tinyimages.document().images:
        content = tinyimages.file_of(image.blob).read_bytes()
        assert hashlib.sha256(content).hexdigest() == image.blob.sha256
        assert len(content) == image.blob.size_bytes


def test_images_come_before_those_that_refer_to_them() -> None:
    known: set[str | None] = {None}
    for image in tinyimages.document().images:
        assert {image.kernel, image.ramdisk} <= known
        known.add(image.key)


def test_the_fast_kernel_is_started_without_unpacking() -> None:
    kernel = tinyimages.file_of(catalogue.proof_boot(tinyimages.document()).kernel).read_bytes()
    assert kernel.startswith(b"\x7fELF")
    assert b"Xen\0" in kernel, "the PVH entry is told by a note of that name"


def test_no_package_at_all_is_said(root_dir: Path) -> None:
    with pytest.raises(tiny.CannotBuild, match=r"holds no \.deb"):
        tiny.build(Layout(root_dir), lambda line: None, root_dir)


def test_a_missing_package_is_said(root_dir: Path) -> None:
    folder = root_dir / "packages"
    folder.mkdir()
    for package in (tinyimages.layout().packages / "tiny").iterdir():
        if not package.name.startswith("dropbear"):
            (folder / package.name).symlink_to(package)
    with pytest.raises(tiny.CannotBuild, match="dropbear"):
        tiny.build(Layout(root_dir), lambda line: None, folder)


def test_a_damaged_package_is_said(root_dir: Path) -> None:
    folder = root_dir / "packages"
    folder.mkdir()
    (folder / "linux-image-0_amd64.deb").write_bytes(b"no package")
    with pytest.raises(tiny.CannotBuild, match="linux-image-0"):
        tiny.build(Layout(root_dir), lambda line: None, folder)
    assert not list(root_dir.glob("build-*"))
