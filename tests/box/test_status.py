import os
import signal
import subprocess
from pathlib import Path

from mallee.box import status
from mallee.model.layout import Layout


def test_a_stranger_with_the_same_id_is_not_the_daemon(root_dir: Path) -> None:
    layout = Layout(root_dir)
    layout.run.mkdir()
    born = status.read_birth(os.getpid())
    assert born is not None
    status.write_pid(layout, "cloud", status.Process(os.getpid(), born))
    assert status.find(layout, "cloud") == status.Process(os.getpid(), born)
    status.write_pid(layout, "cloud", status.Process(os.getpid(), born - 1))
    assert status.find(layout, "cloud") is None


def test_a_stranger_gets_no_signal() -> None:
    with subprocess.Popen(["sleep", "1000"]) as child:
        born = status.read_birth(child.pid)
        assert born is not None
        status.Process(child.pid, born + 1).signal(signal.SIGKILL)
        assert child.poll() is None
        status.Process(child.pid, born).signal(signal.SIGKILL)
        assert child.wait(10) == -signal.SIGKILL
        status.Process(child.pid, born).signal(signal.SIGKILL)


def test_garbage_in_a_pid_file_is_nobody(root_dir: Path) -> None:
    layout = Layout(root_dir)
    layout.run.mkdir()
    for text in ("", "x y", "1", "1 2 3"):
        status.pid_file(layout, "node").write_text(text)
        assert status.find(layout, "node") is None


def test_a_broken_report_is_none(root_dir: Path) -> None:
    layout = Layout(root_dir)
    layout.run.mkdir()
    assert status.read_report(layout) == {}
    status.report_file(layout).write_text("{")
    assert status.read_report(layout) == {}
