"""The image cache: nothing gets in that is not what its name and form say."""

import asyncio
import hashlib
import subprocess
from pathlib import Path

import msgspec
import pytest

from mallee.model.images.images import Blob
from mallee.model.layout import Layout
from mallee.node.do.storage import images
from tests.node.stands import Blobs


def make_disk(path: Path, *options: str) -> Path:
    """Make an empty disk in qcow2."""
    form = ("-f", "qcow2", *options)
    subprocess.run(["qemu-img", "create", "-q", "-u", *form, str(path), "1M"], check=True)
    return path


def fetch(root: Path, content: bytes, **says: object) -> Path:
    """Have the cache fetch a blob of that content; return where it lies then."""
    sha256 = hashlib.sha256(content).hexdigest()
    blob = msgspec.structs.replace(Blob(sha256, len(content), "qcow2"), **says)
    layout = Layout(root)

    async def ensure() -> None:
        await images.ImageCache(layout, Blobs({sha256: content})).ensure(blob)

    asyncio.run(ensure())
    return layout.node_images / blob.sha256


@pytest.mark.parametrize("version", ["compat=0.10", "compat=1.1"])
def test_a_whole_disk_is_kept(tmp_path: Path, version: str) -> None:
    disk = make_disk(tmp_path / "disk", "-o", version)
    assert fetch(tmp_path, disk.read_bytes()).read_bytes() == disk.read_bytes()


def test_a_disk_over_a_file_of_the_host_is_thrown_away(tmp_path: Path) -> None:
    disk = make_disk(tmp_path / "disk", "-b", "/etc/shadow", "-F", "raw")
    with pytest.raises(images.FetchFailed, match="another file"):
        fetch(tmp_path, disk.read_bytes())
    assert list(Layout(tmp_path).node_images.iterdir()) == []


def test_a_disk_with_its_data_in_a_file_of_the_host_is_thrown_away(tmp_path: Path) -> None:
    elsewhere = f"data_file={tmp_path / 'secret'},data_file_raw=on"
    disk = make_disk(tmp_path / "disk", "-o", elsewhere)
    with pytest.raises(images.FetchFailed, match="another file"):
        fetch(tmp_path, disk.read_bytes())


@pytest.mark.parametrize("content", [b"", b"QFI\xfb", b"\0" * 4096, b"KDMV" + b"\0" * 4096])
def test_what_is_no_disk_is_thrown_away(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(images.FetchFailed, match="no disk"):
        fetch(tmp_path, content)


def test_a_raw_disk_is_what_it_is(tmp_path: Path) -> None:
    # It is opened as raw by name, so what it looks like within does not matter.
    disk = make_disk(tmp_path / "disk", "-b", "/etc/shadow", "-F", "raw")
    assert fetch(tmp_path, disk.read_bytes(), format="raw").exists()


def test_a_blob_that_does_not_end_is_cut_off(tmp_path: Path) -> None:
    with pytest.raises(images.FetchFailed, match="thrown away"):
        fetch(tmp_path, b"x" * 5000, size_bytes=100, format="raw")
    assert list(Layout(tmp_path).node_images.iterdir()) == []
