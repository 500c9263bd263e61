"""What bad days look at from outside: whether a cloud is whole, and what is on the host.

Everything is read from the host itself (processes, namespaces, libvirt), so that no daemon of the
cloud is asked whether it did well.
"""

import select
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.exceptions

from mallee.box import status
from tests import wholecloud
from tests.wholecloud import Cloud


def is_whole(cloud: Cloud) -> bool:
    """Whether every daemon runs and the host is heard."""
    names = (status.SUPERVISOR, *status.DAEMONS)
    runs = all(status.find(cloud.layout, name) is not None for name in names)
    return runs and cloud.host_is_up()


def wait_works(cloud: Cloud, instance: str, timeout_s: float = wholecloud.GUEST_S) -> None:
    """Wait until a question reaches the host and comes back: client, cloud, agent, console."""

    def answers() -> bool:
        try:
            return "Output" in cloud.ec2.get_console_output(InstanceId=instance)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return False

    wholecloud.wait_until(lambda: is_whole(cloud), timeout_s, "all daemons")
    wholecloud.wait_until(answers, timeout_s, "an answer from the host")
    wholecloud.wait_until(
        lambda: instance in domains(cloud), timeout_s, "libvirt to know the guest"
    )


def kill(cloud: Cloud, name: str) -> status.Process:
    """Kill a daemon as the kernel would; return what it was."""
    process = cloud.daemon(name)
    process.signal(signal.SIGKILL)
    wholecloud.wait_until(lambda: not process.is_alive(), 60.0, f"the end of {name}")
    return process


def virsh(cloud: Cloud, *words: str) -> str:
    """Do something by hand as somebody who knows libvirt."""
    argv = ["virsh", "-q", "-c", cloud.layout.libvirt_uri, *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=240)
    return done.stdout if done.returncode == 0 else ""


def domains(cloud: Cloud) -> list[str]:
    """The names of all domains, running or not."""
    return virsh(cloud, "list", "--all", "--name").split()


def namespaces(cloud: Cloud) -> list[str]:
    """The names of this cloud's network namespaces."""
    prefix = f"mallee-{cloud.layout.tag}-"
    return sorted(path.name for path in Path("/run/netns").glob(f"{prefix}*"))


def links(namespace: str) -> list[str]:
    """The names of the links in a namespace; none in one that has just gone."""
    done = subprocess.run(
        ["ip", "-n", namespace, "-o", "link"], capture_output=True, text=True, check=False
    )
    return [line.split(": ")[1].partition("@")[0] for line in done.stdout.splitlines()]


def processes(cloud: Cloud) -> list[str]:
    """The command lines of all processes that name the cloud's root, this one's children aside."""
    mark = str(cloud.layout.root).encode() + b"/"
    end = str(cloud.layout.root).encode()
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().rstrip(b"\0").split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(mark in word or word == end for word in words):
            found.append(b" ".join(words).decode(errors="replace"))
    return found


def traces_of(cloud: Cloud, instance: str, interface: str) -> list[str]:
    """Whatever of an instance is left on the host, in words."""
    left = [f"domain {name}" for name in domains(cloud) if name == instance]
    if (cloud.layout.instances / instance).exists():
        left.append(f"directory of {instance}")
    if cloud.guest_process(instance) is not None:
        left.append(f"process of {instance}")
    tap = cloud.layout.tap(interface)
    left += [f"tap in {name}" for name in namespaces(cloud) if tap in links(name)]
    if (cloud.layout.lost / instance).exists():
        left.append(f"lost disk of {instance}")
    return left


def wait_nothing_left(cloud: Cloud, instance: str, interface: str) -> None:
    """Wait until nothing of an instance that has ended is on the host."""
    # A look at the network that began before may have made its link once more; the next takes it.
    wholecloud.wait_until(
        lambda: traces_of(cloud, instance, interface) == [], wholecloud.GUEST_S, "nothing left"
    )


def launch(cloud: Cloud) -> tuple[str, str]:
    """Start an instance; return its id and that of its network interface."""
    launched = cloud.launch()
    return launched["InstanceId"], launched["NetworkInterfaces"][0]["NetworkInterfaceId"]


def interface_of(cloud: Cloud, instance: str) -> dict[str, Any]:
    """The network interface of an instance, as DescribeInstances shows it."""
    return cloud.instance(instance)["NetworkInterfaces"][0]


@dataclass(frozen=True, slots=True)
class Life:
    """What tells one run of a guest from another."""

    process: int | None
    boot_id: str


def life_of(cloud: Cloud, instance: str) -> Life:
    """Look at a guest from outside and inside."""
    boot_id = cloud.ssh(instance, "cat /proc/sys/kernel/random/boot_id").strip()
    return Life(cloud.guest_process(instance), boot_id)


@dataclass(frozen=True, slots=True)
class Shell:
    """An SSH connection that stays open."""

    process: subprocess.Popen[bytes]

    def echo(self, text: str, timeout_s: float = 120.0) -> str:
        """Send a line to the guest and return the line that comes back."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(text.encode() + b"\n")
        ready, _, _ = select.select([self.process.stdout], [], [], timeout_s)
        return self.process.stdout.readline().decode().rstrip() if ready else "nothing came"


@contextmanager
def open_shell(cloud: Cloud, instance: str) -> Generator[Shell]:
    """Open an SSH connection to a guest that echoes lines."""
    with open_ssh(cloud, cloud.instance(instance)["PublicIpAddress"], "cat") as process:
        shell = Shell(process)
        assert shell.echo("hello") == "hello"
        yield shell


@contextmanager
def open_ssh(cloud: Cloud, address: str, command: str) -> Generator[subprocess.Popen[bytes]]:
    """Begin a command in a guest; it is broken off in the end."""
    line = [
        *("ssh", "-i", str(cloud.key_pair("tests")), "-o", "BatchMode=yes"),
        *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
        *("-o", "LogLevel=ERROR", f"root@{address}", command),
    ]
    with subprocess.Popen(
        line, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()
