"""What a machine lacks is named, and a small machine is not told that it is small."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from mallee.kit import process
from mallee.model.hosts.ailments import Code
from mallee.model.layout import Layout
from mallee.node import directories
from mallee.node.checks import machine, mending
from mallee.node.checks.troubles import Trouble

CALM = "some avg10=9.00 avg60=8.00 avg300=7.00 total=1\nfull avg10=0.00 avg60=1.50 avg300=0 total=1"
STALLED = CALM.replace("avg60=1.50", "avg60=31.00")


def memory(total_mib: int, free_mib: int) -> str:
    return f"MemTotal: {total_mib << 10} kB\nMemFree: 1 kB\nMemAvailable: {free_mib << 10} kB\n"


def code(trouble: pytest.ExceptionInfo[Trouble]) -> Code:
    (one,) = trouble.value.ailments
    assert one.cause
    assert one.cure
    return one.code


@pytest.mark.parametrize(("total", "free"), [(16384, 600), (1024, 130), (16384, 16000)])
def test_memory_that_is_left_is_told(total: int, free: int) -> None:
    assert machine.judge_memory(memory(total, free), CALM) == f"{free} of {total} MiB free"


@pytest.mark.parametrize(("total", "free"), [(16384, 500), (1024, 100)])
def test_memory_that_is_short_is_named(total: int, free: int) -> None:
    with pytest.raises(Trouble) as trouble:
        machine.judge_memory(memory(total, free), "")
    assert code(trouble) is Code.MEMORY_SHORT


def test_a_machine_that_waits_for_memory_is_named() -> None:
    with pytest.raises(Trouble) as trouble:
        machine.judge_memory(memory(1024, 500), STALLED)
    assert code(trouble) is Code.MEMORY_PRESSED


def test_a_table_of_connections_that_is_nearly_full_is_named() -> None:
    assert machine.judge_connections(10, 100) == "10 of 100 connections tracked"
    with pytest.raises(Trouble) as trouble:
        machine.judge_connections(91, 100)
    assert code(trouble) is Code.CONNECTIONS_FULL
    assert "nf_conntrack_max=200" in trouble.value.ailments[0].cure


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    """The directories of a host, as they should be."""
    layout = Layout(root_dir)
    for one in directories.of_host(layout):
        one.path.mkdir(exist_ok=True)
        one.path.chmod(one.mode)
    return layout


def test_directories_are_put_right_that_another_mode_was_given(layout: Layout) -> None:
    assert "right" in machine.find_directories(layout)
    layout.node_pki.chmod(0o755)
    with pytest.raises(Trouble, match=str(layout.node_pki)) as trouble:
        machine.find_directories(layout)
    assert code(trouble) is Code.DIRECTORIES_WRONG
    mending.put_directories_right(layout, None)
    assert "right" in machine.find_directories(layout)


def test_a_directory_that_somebody_made_a_link_is_left(layout: Layout, root_dir: Path) -> None:
    elsewhere = root_dir / "elsewhere"
    elsewhere.mkdir(0o755)
    shutil.rmtree(layout.lost)
    layout.lost.symlink_to(elsewhere)
    with pytest.raises(Trouble) as trouble:
        machine.find_directories(layout)
    assert code(trouble) is Code.DIRECTORIES_WRONG
    with pytest.raises(NotADirectoryError):
        mending.put_directories_right(layout, None)
    assert elsewhere.stat().st_mode & 0o777 == 0o755


def test_a_file_system_that_was_made_read_only_is_named(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = os.statvfs(layout.root)
    flags = os.statvfs_result((*told[:8], os.ST_RDONLY, told[9]))

    def tell(_path: Path) -> os.statvfs_result:
        return flags

    monkeypatch.setattr(os, "statvfs", tell)
    with pytest.raises(Trouble) as trouble:
        machine.find_directories(layout)
    assert code(trouble) is Code.DISK_READ_ONLY


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever libvirtd is, the next one answers at once."""

    def run(_argv: tuple[str, ...], **_more: object) -> None:
        return

    monkeypatch.setattr(process, "run", run)


@pytest.mark.usefixtures("answering")
@pytest.mark.parametrize(("name", "ends"), [("libvirtd", True), ("somebody", False)])
def test_a_libvirtd_is_ended_that_stands_still_and_nobody_who_has_its_number(
    layout: Layout, name: str, ends: bool
) -> None:
    with subprocess.Popen((name, "600"), executable=shutil.which("sleep")) as child:
        try:
            child.send_signal(signal.SIGSTOP)
            # It stands only when it has become that program; until then it has no words.
            os.waitpid(child.pid, os.WUNTRACED)
            (layout.run / "libvirtd.pid").write_text(f"{child.pid} 1\n")
            mending.end_libvirt(layout, None)
            assert ends is (child.wait(60) == -signal.SIGKILL if ends else child.poll() is not None)
        finally:
            child.kill()
