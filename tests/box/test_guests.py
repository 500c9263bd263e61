import subprocess
from pathlib import Path

from mallee.box import guests, steps
from mallee.model.layout import Layout


def _pretend(name: str, argument: str) -> subprocess.Popen[bytes]:
    script = f"exec -a {name} tail -f /dev/null {argument} 2>/dev/null"
    return subprocess.Popen(["bash", "-c", script])


def test_a_guest_is_a_qemu_over_our_files_and_nothing_else_is(root_dir: Path) -> None:
    layout = Layout(root_dir)
    ours = _pretend("/usr/bin/qemu-system-x86_64", f"{root_dir}/node/instances/i-1/disk")
    others = [
        _pretend("/usr/bin/qemu-system-x86_64", f"{root_dir}-other/node/disk"),
        _pretend("tail", f"{root_dir}/log/cloud.log"),
    ]
    try:
        for at in (layout, Layout(Path(f"{root_dir}-other"))):
            steps.wait_until(lambda at=at: bool(guests.fetch(at)), 120, steps.Failed("late", ""))
        assert [one.pid for one in guests.fetch(layout)] == [ours.pid]
        assert guests.kill(layout) == 1
        assert ours.wait(120) == -9
        assert [one.poll() for one in others] == [None, None]
        assert guests.kill(layout) == 0
    finally:
        for one in (ours, *others):
            one.kill()
            one.wait()
