"""Every dnsmasq of a root is stopped, and nobody else's."""

from pathlib import Path

import pytest

from mallee.kit import process
from mallee.model.layout import Layout
from mallee.node.do.network import dhcp
from tests import wholecloud


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    """A root of which dnsmasq's pid may be told."""
    made = Layout(root_dir / "own")
    made.run.mkdir(parents=True)
    return made


def serve(layout: Layout, vpc_id: str) -> int:
    """Run a dnsmasq that answers nobody, with the names that one of a VPC has; return its pid."""
    directory = layout.node / "dhcp" / vpc_id
    directory.mkdir(parents=True)
    layout.run.mkdir(exist_ok=True)
    pid = layout.run / f"dnsmasq-{vpc_id}.pid"
    configuration = directory / "dnsmasq.conf"
    configuration.write_text(f"port=0\nuser=root\npid-file={pid}\n")
    process.run(("dnsmasq", f"--conf-file={configuration}"))
    wholecloud.wait_until(
        lambda: pid.exists() and bool(pid.read_text().strip()), 120, "dnsmasq's pid"
    )
    return int(pid.read_text())


def test_all_of_a_root_are_stopped_and_nobody_elses(layout: Layout, root_dir: Path) -> None:
    other = Layout(root_dir / "other")
    own = [serve(layout, f"vpc-{number}") for number in (1, 2)]
    others = serve(other, "vpc-1")
    try:
        # One that no file tells of any more is found all the same.
        (layout.run / "dnsmasq-vpc-2.pid").unlink()
        assert dhcp.stop_all(layout) == 2
        assert [process.is_alive(pid) for pid in (*own, others)] == [False, False, True]
        assert list(layout.run.iterdir()) == []
        assert (layout.node / "dhcp/vpc-1/dnsmasq.conf").exists()
        assert dhcp.stop_all(layout) == 0
    finally:
        assert dhcp.stop_all(other) == 1
