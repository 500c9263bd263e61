"""Layers from another host: only what our own layers look like is ever opened."""

import errno
import os
import struct
from pathlib import Path

import pytest

from mallee.kit import process
from mallee.node.do.storage import filecopies, foreignlayers, layers
from mallee.node.do.storage.foreignlayers import Expected, NotOurs

PLAIN = Expected(1 << 30, False)


def make(directory: Path, number: int, *words: str) -> Path:
    path = layers.path_of(directory, number)
    process.run(("qemu-img", "create", "-q", "-f", "qcow2", *words, str(path), "1M"))
    return path


def over(directory: Path, number: int, below: str, form: str = "qcow2") -> Path:
    return make(directory, number, "-o", layers.FORM, "-u", "-F", form, "-b", below)


def test_our_own_are_taken(tmp_path: Path) -> None:
    make(tmp_path, 1, "-o", layers.FORM)
    over(tmp_path, 4, "1.qcow2")
    assert foreignlayers.check(tmp_path, (1, 4), PLAIN).number == 1


@pytest.mark.parametrize(
    "below",
    ["../1.qcow2", "/etc/passwd", "json:{}", "nbd+unix:///vol?socket=/run/x", "3.qcow2"],
)
def test_one_lies_on_the_next(tmp_path: Path, below: str) -> None:
    make(tmp_path, 1, "-o", layers.FORM)
    over(tmp_path, 2, below)
    with pytest.raises(NotOurs, match="does not lie on layer 1"):
        foreignlayers.check(tmp_path, (1, 2), PLAIN)


def test_no_form_is_guessed(tmp_path: Path) -> None:
    make(tmp_path, 1, "-o", layers.FORM)
    over(tmp_path, 2, "1.qcow2", "raw")
    with pytest.raises(NotOurs, match="does not lie"):
        foreignlayers.check(tmp_path, (1, 2), PLAIN)


def test_nothing_is_kept_beside(tmp_path: Path) -> None:
    make(tmp_path, 1, "-o", f"data_file={tmp_path}/raw")
    with pytest.raises(NotOurs, match="features"):
        foreignlayers.check(tmp_path, (1,), PLAIN)
    # The same without its mark.
    path = layers.path_of(tmp_path, 1)
    with path.open("r+b") as file:
        file.seek(72)
        file.write(struct.pack(">Q", 0))
    with pytest.raises(NotOurs, match="extension"):
        foreignlayers.check(tmp_path, (1,), PLAIN)


def test_sizes_and_encryption_are_those_wanted(tmp_path: Path) -> None:
    make(tmp_path, 1, "-o", layers.FORM)
    with pytest.raises(NotOurs, match="bytes"):
        foreignlayers.check(tmp_path, (1,), Expected(1 << 19, False))
    over(tmp_path, 2, "1.qcow2")
    with pytest.raises(NotOurs, match="not encrypted"):
        foreignlayers.check(tmp_path, (1, 2), Expected(1 << 30, True))


@pytest.mark.parametrize("content", [b"", b"QFI\xfb", b"QFI\xfb" + bytes(200), b"x" * 4096])
def test_what_is_no_layer_is_refused(tmp_path: Path, content: bytes) -> None:
    layers.path_of(tmp_path, 1).write_bytes(content)
    with pytest.raises(NotOurs):
        foreignlayers.check(tmp_path, (1,), PLAIN)


class Memory:
    """A way whose bytes stay where they are."""

    def __init__(self) -> None:
        self.sent = bytearray()

    def send_bytes(self, data: bytes | memoryview) -> None:
        self.sent += data

    def receive_bytes(self, count: int) -> bytearray:
        taken, self.sent = self.sent[:count], self.sent[count:]
        return taken


def copy(source: Path, target: Path, way: Memory, begin: int = 0) -> None:
    with source.open("rb") as file:
        filecopies.send(way, file.fileno(), begin)
    with target.open("r+b") as file:
        file.truncate(source.stat().st_size)
        length = source.stat().st_size
        digest = filecopies.receive(way, file.fileno(), length, lambda at: None)
        filecopies.check(file.fileno(), digest)


def test_a_copy_has_its_holes(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.truncate(64 << 20)
        for at in (0, 5 << 20, (60 << 20) + 77):
            file.seek(at)
            file.write(b"something")
    target.touch()
    way = Memory()
    copy(source, target, way)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks << 9 <= 4 << 20


def test_a_copy_goes_on_where_it_was(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * (3 << 12))
    target.write_bytes(source.read_bytes()[: 2 << 20])
    way = Memory()
    copy(source, target, way, 2 << 20)
    assert target.read_bytes() == source.read_bytes()


def test_what_was_spoilt_meanwhile_is_noticed(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"a" * (3 << 20))
    target.write_bytes(b"b" * (2 << 20))
    with pytest.raises(filecopies.Spoilt, match="differs"):
        copy(source, target, Memory(), 2 << 20)


def test_a_disk_that_does_not_say_where_its_data_is_has_not_said_that_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"a" * (3 << 20))
    target.touch()
    seek = os.lseek

    def fail_at_last(descriptor: int, at: int, how: int) -> int:
        if how == os.SEEK_DATA and at >= 2 << 20:
            raise OSError(errno.EIO, "the disk fails")
        return seek(descriptor, at, how)

    monkeypatch.setattr(os, "lseek", fail_at_last)
    with pytest.raises(OSError, match="the disk fails"):
        copy(source, target, Memory())


def test_pieces_stay_in_their_file(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch()
    way = Memory()
    way.send_bytes(struct.pack(">QI", 1 << 40, 1 << 20))
    with target.open("r+b") as file, pytest.raises(filecopies.Spoilt, match="bytes for byte"):
        filecopies.receive(way, file.fileno(), 1 << 20, lambda at: None)
