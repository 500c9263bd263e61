import subprocess
import sys
import time
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
            assert child.wait(20) == 0


def _answer(layout: Layout) -> str:
    deadline = time.monotonic() + 60
    while True:
        try:
            return process.run(["virsh", "-c", layout.libvirt_uri, "version"], timeout_s=60).text
        except process.Failed:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def _mounts() -> set[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return {line.split()[1] for line in lines if "libvirt" in line or "kvm" in line}
