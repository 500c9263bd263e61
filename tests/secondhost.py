"""A second machine for a cloud of tests: a network namespace of its own, joined to the cloud by
`mallee node join`, at the other end of a cable."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from mallee.box import owners
from mallee.kit import process
from mallee.model.layout import Layout
from mallee.model.settings import Network
from mallee.node import cloud as node_cloud
from tests import wholecloud
from tests.wholecloud import Cloud

SETTINGS = structs.replace(
    wholecloud.SETTINGS,
    listen="0.0.0.0",
    network=Network("198.51.100.0/24", "172.30.0.0/16", egress=False),
)
"""Of a cloud that others can join, beside the one that all tests of a worker share."""


MALLEE = (sys.executable, "-m", "mallee.cli.main")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine in a network namespace."""

    layout: Layout
    namespace: str
    near: str
    """The address of the cloud's machine on the cable between both."""

    def mallee(self, *words: str) -> str:
        """Run the command there as root; return what it said."""
        enter = ("nsenter", f"--net=/run/netns/{self.namespace}", "--")
        line = (*enter, *MALLEE, *words)
        where = ("--root", str(self.layout.root))
        return process.run((*line, *where), timeout_s=180).text

    @property
    def host_id(self) -> str:
        """Its id as a host of the cloud, once it has joined."""
        member = node_cloud.read_membership(self.layout)
        assert member is not None
        return member.host_id

    def cut_cable(self, *, is_cut: bool = True) -> None:
        """Take the cable out, or put it in again."""
        state = "down" if is_cut else "up"
        process.run(("ip", "link", "set", f"lab{self.layout.tag}", state))


@contextmanager
def machine() -> Generator[Machine]:
    """A machine that has joined no cloud; gone at the end with all that is on it."""
    root = Path(tempfile.mkdtemp(prefix="m-", dir="/tmp"))
    root.chmod(0o755)
    layout = Layout(root)
    namespace, cable = f"lab{layout.tag}", f"lab{layout.tag}"
    digest = hashlib.sha256(str(root).encode()).digest()
    # 198.18.0.0/15 is for trying out networks (RFC 2544); a /30 for each cable.
    base = f"198.{18 + digest[0] % 2}.{digest[1]}"
    last = digest[2] // 4 * 4
    near, far = f"{base}.{last + 1}", f"{base}.{last + 2}"
    made = Machine(layout, namespace, near)
    try:
        process.run(("ip", "netns", "add", namespace))
        peer = ("peer", "name", "eth0", "netns", namespace)
        process.run(("ip", "link", "add", cable, "type", "veth", *peer))
        process.run(("ip", "address", "add", f"{near}/30", "dev", cable))
        process.run(("ip", "link", "set", cable, "up"))
        inside = ("ip", "-n", namespace)
        process.run((*inside, "address", "add", f"{far}/30", "dev", "eth0"))
        process.run((*inside, "link", "set", "eth0", "up"))
        process.run((*inside, "link", "set", "lo", "up"))
        owners.ensure_user()
        owners.ensure_directories(layout)
        shutil.copy(wholecloud.verdict(), layout.kvm_verdict)
        yield made
    finally:
        if layout.root.exists():
            made.mallee("destroy", "--yes")
        subprocess.run(["ip", "link", "del", cable], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def joined(cloud: Cloud) -> Generator[Machine]:
    """A machine that is a host of the cloud, which listens everywhere (`SETTINGS`)."""
    with machine() as made:
        line = (*MALLEE, "node", "invite", "--bare")
        where = ("--address", made.near, "--root", str(cloud.layout.root))
        invitation = process.run((*line, *where)).text.strip()
        made.mallee("node", "join", invitation, "--name", made.namespace)
        wholecloud.wait_until(lambda: made.host_id in _up(cloud), 60.0, "the host to be up")
        yield made


def _up(cloud: Cloud) -> set[str]:
    return {host["HostId"] for host in cloud.hosts() if host["State"] == "ENABLED"}
