"""A real guest on a host whose volumes have no room left: its owner is told, and it goes on."""

import shutil
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from mallee.box import client as api
from mallee.box import destroy, steps
from mallee.model.layout import Layout
from tests import wholecloud
from tests.machines import guests
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

ROOM_MIB, MORE_MIB = 128, 512
FELT_S = 300.0
WRITES = "(dd if=/dev/zero of=/root/much bs=1M count=200 conv=fsync && touch /root/done)"


@pytest.fixture
def small() -> Generator[Cloud]:
    """A cloud whose volumes lie in a small file system."""
    root = Path(tempfile.mkdtemp(prefix="m-", dir="/tmp"))
    root.chmod(0o755)
    layout = Layout(root)
    layout.volumes.mkdir(parents=True)
    layout.node.chmod(0o711)
    size = f"size={ROOM_MIB}m,mode=711"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", layout.volumes], check=True)
    try:
        yield wholecloud.start(root)
    finally:
        subprocess.run(["umount", "--lazy", layout.volumes], check=True)
        steps.run(destroy.plan(layout), wholecloud.Silent())
        shutil.rmtree(root, ignore_errors=True)


def test_its_owner_is_told_and_it_goes_on_when_there_is_room(small: Cloud) -> None:
    with guests.launched(small) as instance:
        small.ssh(instance, f"{WRITES} </dev/null >/dev/null 2>&1 &")
        wholecloud.wait_until(lambda: system(small, instance) == "impaired", FELT_S, "it to stand")
        (trouble,) = explained(small, instance)["Troubles"]
        assert "stands still: what it writes finds no room" in trouble["Cause"]
        assert small.state(instance) == "running"
        words = "make some, and they go on by themselves. There are 1:"
        # The host says it of itself, not with what it says of its guests.
        wholecloud.wait_until(lambda: words in problems(small), FELT_S, "its host to say so")
        more = f"remount,size={MORE_MIB}m"
        subprocess.run(["mount", "-o", more, small.layout.volumes], check=True)
        small.ssh(instance, "until [ -e /root/done ]; do sleep 1; done")
        wholecloud.wait_until(lambda: system(small, instance) == "ok", FELT_S, "it to be well")
        assert explained(small, instance)["Troubles"] == []
        wholecloud.wait_until(lambda: not problems(small), FELT_S, "its host to be well")
        assert int(small.ssh(instance, "wc -c </root/much")) == 200 << 20


def problems(cloud: Cloud) -> str:
    """What administrators are told of the only host."""
    (host,) = cloud.hosts()
    return "\n".join(host["Problems"])


def system(cloud: Cloud, instance: str) -> str:
    answer = cloud.ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"]
    return answer[0]["SystemStatus"]["Status"]


def explained(cloud: Cloud, instance: str) -> dict[str, Any]:
    return api.call(cloud.access, "mallee", "ExplainResource", {"ResourceId": instance})
