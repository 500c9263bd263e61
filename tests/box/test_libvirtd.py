import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mallee.box import libvirtd
from mallee.kit import files, process
from mallee.model.layout import Layout

GOLDEN = """\
set -e
for pair in /r/libvirt/run:/run/libvirt /r/libvirt/lib:/var/lib/libvirt \
/r/libvirt/etc:/etc/libvirt /r/libvirt/log:/var/log/libvirt /r/libvirt/cache:/var/cache/libvirt; do
    mkdir -p "${pair#*:}"
    mount --bind "${pair%%:*}" "${pair#*:}"
done
mount --bind /r/libvirt/no-kvm /dev/kvm
exec libvirtd --pid /run/libvirt/libvirtd.pid
"""


DOMAIN = """<domain type="qemu"><name>g</name><memory unit="MiB">16</memory>
<os><type arch="x86_64" machine="q35">hvm</type></os></domain>"""


def test_libvirtd_is_started_in_namespaces_of_its_own_over_directories_of_its_own() -> None:
    layout = Layout(Path("/r"))
    *front, script = libvirtd.argv(layout, Path("/r/libvirt/no-kvm"))
    net = f"--net=/run/netns/{layout.hypervisor_namespace}"
    mount = ["unshare", "--mount", "--propagation", "slave", "--"]
    assert front == ["nsenter", net, "--", *mount, "sh", "-c"]
    assert script == GOLDEN
    assert "/dev/kvm" not in libvirtd.argv(layout, None)[-1]


def test_kvm_is_covered_unless_it_was_proved(root_dir: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    layout = Layout(root_dir)
    layout.libvirt.mkdir()
    layout.node.mkdir()
    monkeypatch.setattr(libvirtd, "KVM_DEVICE", root_dir / "kvm")
    assert libvirtd.place_cover(layout) is None
    (root_dir / "kvm").touch()
    for _ in range(2):
        cover = libvirtd.place_cover(layout)
        assert cover is not None
        assert cover.stat().st_mode & 0o777 == 0
    files.write_json(layout.kvm_verdict, {"acceleration": "tcg", "reason": "it hung"})
    assert libvirtd.place_cover(layout) is not None
    files.write_json(layout.kvm_verdict, {"acceleration": "kvm", "reason": "it ran"})
    assert libvirtd.place_cover(layout) is None


def test_what_an_earlier_libvirtd_noted_leads_the_next_one_to_no_other_process(
    root_dir: Path,
) -> None:
    layout = Layout(root_dir)
    notes = layout.libvirt / "run" / "qemu"
    libvirtd.correct_notes(layout)
    notes.mkdir(parents=True)
    line = "<!-- x -->\n<domstatus state='paused' reason='starting up' pid='{}'>\n<vcpu pid='7'/>"
    guest = subprocess.Popen(("sh", "-c", "read line; : -name guest=i-3,", "x"), stdin=-1)
    ended = subprocess.Popen(("true",))
    ended.wait()
    pids = {"i-1": 0, "i-2": os.getpid(), "i-3": guest.pid, "i-4": ended.pid}
    for name, pid in pids.items():
        (notes / f"{name}.xml").write_text(line.format(pid))
    (notes / "driver.pid").write_text("7")
    (notes / "i-5.xml").write_text("not a note at all")
    for _ in range(2):
        libvirtd.correct_notes(layout)
        left = {path.stem: path.read_text() for path in notes.glob("*.xml")}
        assert left == {
            "i-2": line.format(libvirtd.NOBODY),
            "i-3": line.format(guest.pid),
            "i-4": line.format(ended.pid),
            "i-5": "not a note at all",
        }
    guest.kill()
    guest.wait()


@pytest.mark.host
def test_a_guest_that_libvirtd_was_killed_over_is_none_to_the_next_one(
    tmp_path_factory: pytest.TempPathFactory, namespace_names: list[str]
) -> None:
    layout = Layout(tmp_path_factory.mktemp("c"))
    namespace_names.append(layout.hypervisor_namespace)

    def virsh(*words: str) -> str:
        return process.run(["virsh", "-c", layout.libvirt_uri, *words], timeout_s=60).text.strip()

    (layout.root / "g.xml").write_text(DOMAIN)
    with _running(layout):
        assert "QEMU" in _answer(layout)
        virsh("define", str(layout.root / "g.xml"))
        virsh("start", "g", "--paused")
        note = layout.libvirt / "run" / "qemu" / "g.xml"
        pid = note.with_suffix(".pid").read_text().strip()
        noted = note.read_text()
        virsh("destroy", "g")
    note.write_text(noted.replace(f"pid='{pid}'", "pid='0'", 1))
    with _running(layout):
        _answer(layout)
        assert virsh("domstate", "g") == "shut off"
        virsh("undefine", "g")


@contextmanager
def _running(layout: Layout) -> Generator[None]:
    argv = [sys.executable, "-m", "mallee.box.libvirtd", "--root", str(layout.root)]
    with (layout.root / "err").open("wb") as log:
        child = subprocess.Popen(argv, stderr=log)
    try:
        yield
    finally:
        child.terminate()
        assert child.wait(120) == 0


@pytest.mark.host
def test_two_libvirtds_live_side_by_side_and_touch_nothing_of_the_machine(
    tmp_path_factory: pytest.TempPathFactory, namespace_names: list[str]
) -> None:
    before = _mounts()
    running: list[tuple[Layout, subprocess.Popen[bytes]]] = []
    try:
        for name in ("a", "b"):
            layout = Layout(tmp_path_factory.mktemp(name))
            namespace_names.append(layout.hypervisor_namespace)
            argv = [sys.executable, "-m", "mallee.box.libvirtd", "--root", str(layout.root)]
            log = (layout.root / "err").open("wb")
            running.append((layout, subprocess.Popen(argv, stderr=log)))
        for layout, _ in running:
            assert "QEMU" in _answer(layout)
            assert process.run(["virsh", "-c", layout.libvirt_uri, "net-list", "--all"]).text
        assert running[0][0].libvirt_uri != running[1][0].libvirt_uri
        assert _mounts() == before
    finally:
        for _, child in running:
            child.terminate()
            assert child.wait(120) == 0


def _answer(layout: Layout) -> str:
    deadline = time.monotonic() + 120
    while True:
        try:
            return process.run(["virsh", "-c", layout.libvirt_uri, "version"], timeout_s=60).text
        except process.Failed:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def _mounts() -> set[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return {line.split()[1] for line in lines if "libvirt" in line or "kvm" in line}
