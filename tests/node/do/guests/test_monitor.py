"""A guest that broke out of its QEMU answers the agent, who is root, what it likes."""

from pathlib import Path
from typing import Any

import libvirt_qemu  # pyright: ignore[reportMissingImports]
import pytest

from mallee.node import apply
from mallee.node.do.guests import monitor, tearing
from mallee.node.do.storage import layers, livefilling
from mallee.node.plan.guests.disks import Disk

DISK = Disk("vol-0123456789abcdef0", Path("/of/nobody/1.qcow2"), 1)
XML = """<domain><devices><disk type='file' device='disk'>
<driver name='qemu' type='qcow2'/><source file='/of/nobody/1.qcow2'/><target dev='vdb'/>
<alias name='ua-1'/></disk></devices></domain>"""

ANSWERS = (
    "",
    "{",
    "[]",
    "{}",
    '{"return": 1}',
    '{"return": [1]}',
    '{"return": [{}]}',
    '{"return": [{"id": 1, "status": [], "node-name": {}, "qdev": 1, "inserted": 1}]}',
    '{"return": {"id": "x"}}',
    '{"error": 1}',
    '{"error": {"desc": {}}}',
)


class Domain:
    """A domain of which only its QEMU says anything."""

    def XMLDesc(self) -> str:
        return XML

    def blockJobInfo(self, _: str) -> None:
        return None


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_answer_is_a_failure_like_others(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(_domain: Any, _command: str, _flags: int) -> str:
        return answer

    monkeypatch.setattr(libvirt_qemu, "qemuMonitorCommand", say)
    for look in (monitor.nodes, monitor.jobs):
        with pytest.raises(apply.FAILURES):
            look(Domain())
    with pytest.raises(apply.FAILURES):
        livefilling.end(Domain(), "vdb")
    with pytest.raises(apply.FAILURES):
        tearing._inserted(Domain(), "/x")  # pyright: ignore[reportPrivateUsage]


def test_a_layer_that_was_cut_off_is_a_failure_like_others(tmp_path: Path) -> None:
    path = layers.make(tmp_path / "vol", 1, layers.Empty(1 << 20))
    whole = path.read_bytes()
    assert not layers.has_subclusters(path)
    for length in range(0, 112, 8):
        path.write_bytes(whole[:length])
        for look in (layers.read_file, layers.has_subclusters, layers.encrypted_chain):
            try:
                look(path)
            except OSError:
                continue
