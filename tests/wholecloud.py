"""A whole cloud under a root directory of its own, as `mallee up` makes it, for tests and benches.

Everything is real: daemons, libvirtd, guests, sockets. It lives in the network namespace of the
test process, so its endpoint is this process's own loopback. `Cloud.close` destroys it whole.
"""

import functools
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mallee.box import client as api
from mallee.box import destroy, owners, status, steps, up
from mallee.cli import client as command
from mallee.model.configuration.settings import Network, Ports, Settings
from mallee.model.layout import Layout
from tests import awsclients, libvirtcache, tinyimages

AWS_1 = Path(__file__).parents[1] / ".venv/bin/aws"
AWS_2 = Path("/usr/bin/aws")
TINY = "mallee-tiny"
GUEST_S = 240.0
"""How long a guest may take under software emulation on a busy machine."""

SETTINGS = Settings(ports=Ports(services=0, agents=0), network=Network(egress=False))


class Silent:
    """Watches steps without a word."""

    def begin(self, step: steps.Step) -> None:
        """Nothing to see."""

    def say(self, line: str) -> None:
        """Nothing to hear."""

    def finish(self, step: steps.Step, result: str, took_s: float) -> None:
        """Nothing to tell."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running cloud and how to be its client."""

    layout: Layout
    access: api.Access

    def environment(self) -> dict[str, str]:
        """The environment of a client process: this cloud's credentials and nobody else's."""
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.layout.root / "home"),
            "AWS_PAGER": "",
            "AWS_EC2_METADATA_DISABLED": "true",
            **command.environment(self.access),
        }

    def aws(self, *words: str, program: Path = AWS_1) -> str:
        """Run the AWS CLI; return what it printed as text. Raises `CalledProcessError`."""
        done = subprocess.run(
            [program, "--output", "text", *words],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, f"aws {' '.join(words)}: {done.stderr}{done.stdout}"
        return done.stdout.strip()

    def client(self, service: str, access: api.Access | None = None) -> Any:
        """A boto3 client, of another account when its access is given."""
        return awsclients.client(service, access or self.access)

    @property
    def ec2(self) -> Any:
        """A boto3 client of EC2."""
        return self.client("ec2")

    def image(self, name: str = TINY) -> str:
        """The id of a built-in image."""
        found = self.ec2.describe_images(Filters=[{"Name": "name", "Values": [name]}])
        return found["Images"][0]["ImageId"]

    def account(self, name: str) -> api.Access:
        """Make another account and return how it is reached."""
        made = api.call(self.access, "mallee", "CreateAccount", {"AccountName": name})
        return api.Access(
            endpoint=self.access.endpoint,
            region=self.access.region,
            account_id=made["Account"]["AccountId"],
            access_key_id=made["AccessKey"]["AccessKeyId"],
            secret_access_key=made["AccessKey"]["SecretAccessKey"],
        )

    def key_pair(self, name: str) -> Path:
        """The private key of a key pair of that name, made at the first call."""
        path = self.layout.key_of(name)
        if not path.exists():
            made = self.ec2.create_key_pair(KeyName=name, KeyType="ed25519")
            path.write_text(made["KeyMaterial"])
            path.chmod(0o600)
        return path

    def open_group(self, name: str = "open") -> str:
        """The id of a group that lets everything in, made at the first call."""
        found = self.ec2.describe_security_groups(
            Filters=[{"Name": "group-name", "Values": [name]}]
        )
        if found["SecurityGroups"]:
            return found["SecurityGroups"][0]["GroupId"]
        group = self.ec2.create_security_group(GroupName=name, Description="everything")["GroupId"]
        self.ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        )
        return group

    def run(self, **parameters: Any) -> str:
        """Start one instance of the tiny image with the key `tests`; return its id."""
        return self.launch(**parameters)["InstanceId"]

    def launch(self, **parameters: Any) -> dict[str, Any]:
        """The same; return what RunInstances says of it, which may be over a moment later."""
        self.key_pair("tests")
        wanted = {
            "ImageId": self.image(),
            "InstanceType": "m1.small",
            "KeyName": "tests",
            "SecurityGroupIds": [self.open_group()],
            "MinCount": 1,
            "MaxCount": 1,
            **parameters,
        }
        return self.ec2.run_instances(**wanted)["Instances"][0]

    def instance(self, instance_id: str) -> dict[str, Any]:
        """What DescribeInstances says of an instance."""
        found = self.ec2.describe_instances(InstanceIds=[instance_id])
        return found["Reservations"][0]["Instances"][0]

    def state(self, instance_id: str) -> str:
        """The name of an instance's state."""
        return self.instance(instance_id)["State"]["Name"]

    def wait_state(self, instance_id: str, state: str, timeout_s: float = GUEST_S) -> None:
        """Wait until the instance is in that state."""
        wait_until(lambda: self.state(instance_id) == state, timeout_s, f"{instance_id} {state}")

    def wait_console(self, instance_id: str, text: str, timeout_s: float = GUEST_S) -> str:
        """Wait until the guest's console has shown a whole line with that text; return the line."""
        log = self.layout.instances / instance_id / "console.log"

        def said() -> str:
            # QEMU makes it, and each launch begins it anew.
            return log.read_text(errors="replace") if log.exists() else ""

        return wait_line(said, text, timeout_s, instance_id)

    def ssh(self, instance_id: str, command: str, timeout_s: float = GUEST_S) -> str:
        """Run a command in the guest as root; wait for its SSH if need be."""
        address = self.instance(instance_id)["PublicIpAddress"]
        return self.ssh_to(address, command, timeout_s)

    def ssh_to(self, address: str, command: str, timeout_s: float = GUEST_S) -> str:
        """Run a command at an address, as `ssh`."""
        deadline = time.monotonic() + timeout_s
        line = [
            *("ssh", "-i", str(self.key_pair("tests")), "-o", "BatchMode=yes"),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            # A guest that is gone says no more, not even that.
            *("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"),
            *("-o", "LogLevel=ERROR", f"root@{address}", command),
        ]
        greets_s = 4
        while True:
            # First it may not listen yet; then it may be slow to greet, and is given more time.
            asked = [line[0], f"-oConnectTimeout={greets_s}", *line[1:]]
            greets_s = min(2 * greets_s, 32)
            done = subprocess.run(
                asked, capture_output=True, text=True, check=False, timeout=max(timeout_s, GUEST_S)
            )
            # 255 is ssh's own: the guest does not answer yet, or no more.
            if done.returncode != 255:
                assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
                return done.stdout
            if time.monotonic() > deadline:
                raise AssertionError(f"no SSH at {address}: {done.stderr}{self._standing(address)}")

    def _standing(self, address: str) -> str:
        """What is to be seen of a guest that does not answer: what it said last, and the ways."""
        said = [f"{log}:\n{log.read_text(errors='replace')[-1500:]}" for log in self._consoles()]
        for line in (("ip", "route"), ("ip", "neigh"), ("ip", "route", "get", address)):
            shown = subprocess.run(line, capture_output=True, text=True, check=False)
            said.append(f"{' '.join(line)}:\n{shown.stdout}{shown.stderr}")
        hosts = [(host["State"], host.get("Problems")) for host in self.hosts()]
        return "\n".join([*said, f"hosts: {hosts}"])

    def _consoles(self) -> list[Path]:
        return sorted(self.layout.instances.glob("i-*/console.log"))

    def terminate(self, *instance_ids: str) -> None:
        """Terminate instances and wait until they are gone."""
        self.ec2.terminate_instances(InstanceIds=list(instance_ids))
        for instance_id in instance_ids:
            self.wait_state(instance_id, "terminated")

    def daemon(self, name: str) -> status.Process:
        """A daemon's process, once it runs."""
        found: list[status.Process] = []

        def runs() -> bool:
            # Asked once: one that was killed may be there no more when it is asked for again.
            if (one := status.find(self.layout, name)) is not None:
                found.append(one)
            return bool(found)

        wait_until(runs, GUEST_S, f"{name} to run")
        return found[0]

    def host_is_up(self) -> bool:
        """Whether the host's agent was heard lately, as administrators see it."""
        try:
            return all(host["State"] == "ENABLED" for host in self.hosts())
        except api.Unreachable:
            return False

    def hosts(self) -> list[dict[str, Any]]:
        """The hosts, as administrators see them."""
        return api.call(self.access, "mallee", "DescribeHosts")["Hosts"]

    def guest_process(self, instance_id: str) -> int | None:
        """The process id of an instance's QEMU."""
        found = subprocess.run(
            ["pgrep", "-f", f"guest={instance_id}"], capture_output=True, text=True, check=False
        ).stdout.split()
        return int(found[0]) if found else None

    def close(self) -> None:
        """Destroy the cloud and everything that it made."""
        steps.run(destroy.plan(self.layout), Silent())


def wait_line(said: Callable[[], str], words: str, timeout_s: float, who: str) -> str:
    """Wait until a console has shown the whole of a line with these words; return it.

    A line is there when its end is: what a guest says comes piece by piece.
    """
    found: list[str] = []

    def is_whole() -> bool:
        lines = said().splitlines(keepends=True)
        found.extend(line for line in lines if words in line and line.endswith("\n"))
        return bool(found)

    wait_until(is_whole, timeout_s, f"a line with {words!r} on the console of {who}")
    return found[0].rstrip("\r\n")


def wait_until(is_true: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Look again and again until `is_true()`; fail at the deadline, naming what was waited for.

    Looking takes a tenth of the time at most: what costs little is looked at often.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        began = time.monotonic()
        if is_true():
            return
        ended = time.monotonic()
        assert ended < deadline, f"waited {timeout_s:g} s in vain for {what}"
        time.sleep(min(max(0.05, 9 * (ended - began)), 0.5))


def start(root: Path, settings: Settings = SETTINGS) -> Cloud:
    """Bring a cloud up under `root` with the tiny image registered."""
    layout = Layout(root)
    chosen = settings
    if layout.settings.exists():
        chosen = owners.read_settings(layout)
    steps.run(up.prepare_steps(layout, chosen), Silent())
    tinyimages.copy_into(layout)
    spare(layout)
    steps.run(up.start_steps(layout), Silent())
    libvirtcache.keep(layout)
    (layout.root / "home").mkdir(exist_ok=True)
    cloud = Cloud(layout, api.read_access(layout, owners.read_settings(layout)))
    wait_image(cloud)
    return cloud


def spare(layout: Layout) -> None:
    """Spare a host what takes long and is alike on all of this machine: the proof of KVM, and what
    libvirt finds out about QEMU."""
    layout.node.mkdir(parents=True, exist_ok=True)
    shutil.copy(verdict(), layout.kvm_verdict)
    libvirtcache.give(layout)


def wait_image(cloud: Cloud) -> None:
    """Wait until the tiny image is registered."""
    wait_until(lambda: _has_image(cloud), GUEST_S, "the tiny image to be registered")


@functools.cache
def verdict() -> Path:
    """The KVM verdict of this machine, proved once for all clouds of the run."""
    from mallee.node import kvmproof

    layout = tinyimages.layout()
    layout.node.mkdir(exist_ok=True)
    kvmproof.prove(layout)
    return layout.kvm_verdict


def _has_image(cloud: Cloud) -> bool:
    found = cloud.ec2.describe_images(Filters=[{"Name": "name", "Values": [TINY]}])
    return bool(found["Images"])


@contextmanager
def fresh(settings: Settings = SETTINGS) -> Iterator[Cloud]:
    """A cloud of one's own, destroyed at the end whatever happens."""
    root = Path(tempfile.mkdtemp(prefix="m-", dir="/tmp"))
    root.chmod(0o755)
    try:
        yield start(root, settings)
    finally:
        awsclients.forget()
        steps.run(destroy.plan(Layout(root)), Silent())
        shutil.rmtree(root, ignore_errors=True)
