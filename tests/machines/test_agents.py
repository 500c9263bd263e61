"""The agent inside a real guest: it answers the host, holds still, and powers off when asked.

Beside it what a host does to a guest without its help: an interrupt that its kernel cannot mask.
"""

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests import wholecloud
from tests.machines import guests
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

READY = "mallee-tiny: host key"
SOON_S = 240.0


@pytest.fixture(scope="module")
def guest(cloud: Cloud) -> Iterator[str]:
    instance = cloud.run()
    try:
        cloud.wait_console(instance, READY)
        wholecloud.wait_until(lambda: ask(cloud, instance, "guest-ping") == {}, SOON_S, "an agent")
        yield instance
    finally:
        cloud.terminate(instance)


def ask(cloud: Cloud, instance: str, command: str) -> object:
    """What the guest's agent answers to libvirt's own client; None: nothing."""
    line = ("virsh", "-c", cloud.layout.libvirt_uri, "qemu-agent-command", "--timeout", "120")
    said = json.dumps({"execute": command})
    done = subprocess.run((*line, instance, said), capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["return"] if done.returncode == 0 else None


def test_it_tells_of_itself(cloud: Cloud, guest: str) -> None:
    info = json.dumps(ask(cloud, guest, "guest-info"))
    names = {one["name"] for one in json.loads(info)["supported_commands"]}
    assert {"guest-ping", "guest-shutdown", "guest-fsfreeze-freeze"} <= names
    told = json.dumps(ask(cloud, guest, "guest-network-get-interfaces"))
    assert guests.described(cloud, guest).private_ip in told
    assert ask(cloud, guest, "guest-exec") is None


def test_nothing_is_written_while_it_holds_still(cloud: Cloud, guest: str) -> None:
    assert ask(cloud, guest, "guest-fsfreeze-status") == "thawed"
    assert ask(cloud, guest, "guest-fsfreeze-freeze") == 1
    assert ask(cloud, guest, "guest-fsfreeze-status") == "frozen"
    assert ask(cloud, guest, "guest-fsfreeze-thaw") == 1
    assert cloud.ssh(guest, "echo written >/root/file && sync && cat /root/file") == "written\n"


def test_an_interrupt_reaches_the_guests_kernel(cloud: Cloud, guest: str) -> None:
    cloud.ec2.send_diagnostic_interrupt(InstanceId=guest)
    told = "dmesg | grep -c 'NMI received for unknown reason' || true"
    wholecloud.wait_until(
        lambda: cloud.ssh(guest, told).strip() not in ("", "0"), SOON_S, "the kernel to tell of it"
    )


def test_a_stop_asks_the_agent(cloud: Cloud) -> None:
    with guests.launched(cloud) as instance:
        cloud.wait_console(instance, READY)
        wholecloud.wait_until(lambda: ask(cloud, instance, "guest-ping") == {}, SOON_S, "an agent")
        # Its power button does nothing any more.
        cloud.ssh(instance, "killall acpid")
        guests.stop(cloud, instance)
        assert "mallee-tiny: powering off" in cloud.aws(
            "ec2", "get-console-output", "--instance-id", instance, "--latest"
        )
