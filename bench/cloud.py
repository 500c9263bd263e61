"""A whole cloud for a benchmark: the one that tests use, and a quick way to launch and look.

It stands in the benchmark's own network namespace (`sealed`), so nothing of the machine is touched,
and it is destroyed with all it made when the `with` block ends, however that comes.
"""

# boto3 makes its clients' methods as it runs: they have no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import time
import urllib.parse
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import asking, processes
from mallee.box import status
from mallee.model.layout import Layout
from tests import wholecloud

INSTANCE_TYPE = "t2.nano"
VCPUS, MEMORY_MIB = 1, 512
"""What `INSTANCE_TYPE` has; the bare guest gets as much."""
POLL_S = 0.003
IDLE_WINDOW_S = 0.25
IDLE_SHARE_MAX = 0.1
"""Idle are daemons that together use less than this share of one core for a moment."""
TIMEOUT_S = 120.0


class Late(Exception):
    """Something did not happen within its deadline."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running cloud."""

    whole: wholecloud.Cloud
    client: asking.Client
    """For requests whose time counts."""
    ec2: Any
    """A boto3 client for everything else."""
    image_id: str
    group_id: str

    @property
    def layout(self) -> Layout:
        """Where it lies."""
        return self.whole.layout

    def launch(self) -> str:
        """Ask for one tiny instance and return its id."""
        return id_in(self.client.send(self.sign_launch()))

    def sign_launch(self) -> asking.Signed:
        """The request for one tiny instance."""
        wish = {"ImageId": self.image_id, "InstanceType": INSTANCE_TYPE}
        count = {"MinCount": "1", "MaxCount": "1"}
        return self.client.sign(
            "RunInstances", {**wish, **count, "SecurityGroupId.1": self.group_id}
        )

    def describe(self, instance_id: str) -> dict[str, Any]:
        """What the API shows of the instance."""
        found = self.ec2.describe_instances(InstanceIds=[instance_id])
        return found["Reservations"][0]["Instances"][0]

    def address_of(self, instance_id: str) -> str:
        """Its public address."""
        return self.describe(instance_id)["PublicIpAddress"]

    def console_of(self, instance_id: str) -> Path:
        """The file that its console is written to."""
        return self.layout.instances / instance_id / "console.log"

    def wait_said(self, instance_id: str, text: str) -> None:
        """Wait until the guest has said `text` on its console; raises `Late`."""
        path, wanted = self.console_of(instance_id), text.encode()
        wait_until(lambda: path.exists() and wanted in path.read_bytes(), f"{instance_id}: {text}")

    def wait_idle(self) -> None:
        """Wait until the daemons have nothing left to do of what was asked before."""
        pids = [self.whole.daemon(name).pid for name in status.DAEMONS]

        def is_idle() -> bool:
            before = sum(map(processes.cpu_s, pids))
            time.sleep(IDLE_WINDOW_S)
            return sum(map(processes.cpu_s, pids)) - before < IDLE_WINDOW_S * IDLE_SHARE_MAX

        wait_until(is_idle, "the daemons are idle")

    def end(self, *instance_ids: str) -> None:
        """Terminate instances and wait until nothing of them is left."""
        self.ec2.terminate_instances(InstanceIds=list(instance_ids))
        self.ec2.get_waiter("instance_terminated").wait(
            InstanceIds=list(instance_ids), WaiterConfig={"Delay": 0.2, "MaxAttempts": 300}
        )


def id_in(answer: bytes) -> str:
    """The id of the one instance in an answer of RunInstances."""
    return "i-" + answer.partition(b"<instanceId>i-")[2].partition(b"<")[0].decode()


def wait_until(is_true: Callable[[], bool], what: str, timeout_s: float = TIMEOUT_S) -> None:
    """Look every few milliseconds until `is_true()`; raises `Late`."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline:
            raise Late(f"{what}: not within {timeout_s:g} s")
        time.sleep(POLL_S)


@contextmanager
def running() -> Generator[Cloud]:
    """Bring a cloud with the tiny images up; destroy it at the end. Needs root and `sealed`."""
    with wholecloud.fresh() as whole:
        port = urllib.parse.urlsplit(whole.access.endpoint).port
        assert port is not None
        client = asking.Client(port, whole.access.access_key_id, whole.access.secret_access_key)
        yield Cloud(whole, client, whole.ec2, whole.image(), _open_ssh(whole.ec2))
        client.close()


def _open_ssh(ec2: Any) -> str:
    """A group that lets SSH in from anywhere."""
    group = ec2.create_security_group(GroupName="bench", Description="SSH from anywhere")["GroupId"]
    anywhere = [{"CidrIp": "0.0.0.0/0"}]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": anywhere}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ssh])
    return group
