"""The console's log: its end is what is shown, and it cannot fill the host's disk."""

import os
from pathlib import Path

from mallee.node.do import console


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
