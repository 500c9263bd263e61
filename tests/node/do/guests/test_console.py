"""The console's log: its end is what is shown, and it cannot fill the host's disk."""

import os
from pathlib import Path

import pytest

from mallee.model.layout import Layout
from mallee.node.do.guests import console
from mallee.node.do.storage import disks
from mallee.node.plan.guests import domain

ID = "i-0123456789abcdef0"


def test_the_tail_is_64_kib_at_most(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    assert console.read_tail(log) == b""
    log.write_bytes(b"a few lines\n")
    assert console.read_tail(log) == b"a few lines\n"
    log.write_bytes(b"x" * 100 + b"y" * console.TAIL_BYTES)
    assert console.read_tail(log) == b"y" * console.TAIL_BYTES


def test_a_long_log_is_cut_and_its_writer_goes_on_at_the_end(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    writer = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(writer, b"x" * console.LOG_BYTES_MAX)
    console.bound(log)
    assert log.stat().st_size == console.LOG_BYTES_MAX
    os.write(writer, b"the last line\n")
    console.bound(log)
    assert log.stat().st_size == console.TAIL_BYTES
    os.write(writer, b"one more\n")
    os.close(writer)
    assert log.read_bytes().endswith(b"the last line\none more\n")
    console.bound(tmp_path / "none.log")


def make_log(layout: Layout, text: bytes) -> None:
    directory = domain.directory_of(layout, ID)
    directory.mkdir(parents=True)
    (directory / domain.CONSOLE_LOG).write_bytes(text)


def test_the_end_of_a_log_outlives_its_instance_for_an_hour(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert console.read(layout, ID) == b""
    console.keep(layout, ID)
    console.forget_old(layout, 0.0)
    make_log(layout, b"x" * 99 + b"y" * console.TAIL_BYTES)
    for _ in range(2):
        console.keep(layout, ID)
        disks.remove_directory(layout, ID)
        assert console.read(layout, ID) == b"y" * console.TAIL_BYTES
    (kept,) = layout.kept_consoles.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    now = kept.stat().st_mtime
    console.forget_old(layout, now + console.KEPT_S - 1)
    assert console.read(layout, ID)
    console.forget_old(layout, now + console.KEPT_S + 1)
    assert console.read(layout, ID) == b""


def test_a_living_instances_own_log_is_what_is_read(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    make_log(layout, b"before")
    console.keep(layout, ID)
    disks.remove_directory(layout, ID)
    make_log(layout, b"now")
    assert console.read(layout, ID) == b"now"


def test_no_more_is_kept_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "KEPT_MAX", 2)
    layout = Layout(tmp_path)
    layout.kept_consoles.mkdir(parents=True)
    for age in range(4):
        path = layout.kept_consoles / f"i-{age}.log"
        path.write_bytes(b"x")
        os.utime(path, (1000 - age, 1000 - age))
    console.forget_old(layout, 1000.0)
    assert {path.name for path in layout.kept_consoles.iterdir()} == {"i-0.log", "i-1.log"}
