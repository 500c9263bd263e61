"""A guest for a while: launched from an image, entered by a key of its own, and gone afterwards.

`mallee images test` and `customise` do their work in one. All of it is ordinary use of the API;
what was made for it (instance, key pair, security group) is removed, also when it is broken off.
"""

import base64
import contextlib
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mallee.box import steps
from mallee.cli import client
from mallee.cli.instances import connecting, instances
from mallee.images.recipes import offers, recipe
from mallee.model.layout import Layout

RUNNING_S_MAX = 180.0
ANSWER_S_MAX = 600.0
GONE_S_MAX = 120.0
COMMAND_S_MAX = 1800.0
_LOOK_S = 1.0
_USERS = ("root", "debian", "admin", "ec2-user", "ubuntu", "fedora", "almalinux", "rocky")
_OPTIONS = (
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
    "LogLevel=ERROR",
    "ConnectTimeout=5",
    "ServerAliveInterval=15",
)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be launched."""

    image_id: str
    type: str
    user: str = ""
    """Who is let in with the key; empty: the first of the usual names that is."""
    user_data: str = ""


@dataclass(slots=True)
class Guest:
    """The guest; what is known of it grows."""

    layout: Layout
    wish: Wish
    name: str
    """Of its key pair and security group."""
    key: Path
    instance_id: str = ""
    user: str = ""
    launched_at: float = 0.0

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Call an operation of EC2."""
        return client.call(self.layout, "ec2", operation, parameters)

    def described(self) -> dict[str, Any]:
        """What DescribeInstances says of it."""
        answer = self.call("DescribeInstances", {"InstanceIds": [self.instance_id]})
        return answer["Reservations"][0]["Instances"][0]

    def launch(self, say: Say) -> str:
        """Make key and group, and run the instance; wait until it runs."""
        public = self.key.with_suffix(".pub").read_bytes()
        self.call("ImportKeyPair", {"KeyName": self.name, "PublicKeyMaterial": public})
        asked = {"GroupName": self.name, "Description": "SSH for a while"}
        group = self.call("CreateSecurityGroup", asked)["GroupId"]
        anywhere = [{"CidrIp": "0.0.0.0/0"}]
        ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": anywhere}
        self.call("AuthorizeSecurityGroupIngress", {"GroupId": group, "IpPermissions": [ssh]})
        asked: dict[str, Any] = {
            "ImageId": self.wish.image_id,
            "InstanceType": self.wish.type,
            "MinCount": 1,
            "MaxCount": 1,
            "KeyName": self.name,
            "SecurityGroupIds": [group],
        }
        if self.wish.user_data:
            asked["UserData"] = base64.b64encode(self.wish.user_data.encode()).decode()
        self.launched_at = time.monotonic()
        made = self.call("RunInstances", asked)["Instances"][0]
        self.instance_id = made["InstanceId"]
        say(f"{self.instance_id} begins")
        self._wait("running", RUNNING_S_MAX)
        return self.instance_id

    def wait_answer(self, say: Say) -> str:
        """Wait until somebody is let in over SSH; tell how long that took since the launch."""
        deadline = time.monotonic() + ANSWER_S_MAX
        users = (self.wish.user,) if self.wish.user else self._likely_users()
        token = secrets.token_hex(8)
        said = shown = ""
        while time.monotonic() < deadline:
            for self.user in users:
                done = self.ssh(f"echo {token}", as_root=False)
                if token.encode() in done.stdout:
                    took_s = time.monotonic() - self.launched_at
                    return f"{self.user}, {took_s:.0f} s after the launch"
                said = (done.stderr or done.stdout).decode(errors="replace").strip()[-300:]
                if "Permission denied" not in said and b"login as" not in done.stdout:
                    # Nobody is there yet: the other names would wait as long.
                    break
            if said != shown:
                say(said.splitlines()[-1] if said else "nobody answers yet")
                shown = said
            # Each try costs the guest something, which it may need to come up.
            time.sleep(_LOOK_S * len(users))
        raise steps.Failed(
            f"nobody was let in over SSH within {ANSWER_S_MAX:g} s: {said or 'no answer'}",
            f"mallee console {self.instance_id} --log shows what the guest says; --user names "
            "another user",
        )

    def _likely_users(self) -> tuple[str, ...]:
        """What the image says of itself, or the usual names."""
        [image] = self.call("DescribeImages", {"ImageIds": [self.wish.image_id]})["Images"]
        tags = {tag["Key"]: tag["Value"] for tag in image.get("Tags", [])}
        base = tags.get(offers.BASE_TAG, "")
        if base == recipe.TINY:
            return ("root",)
        return ("debian",) if base in recipe.DEBIANS else _USERS

    def ssh(
        self, command: str, stdin: bytes = b"", *, as_root: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command in the guest; 255 as its status: nobody let us in."""
        words = self.words(command, as_root=as_root)
        try:
            return subprocess.run(
                words, input=stdin, capture_output=True, check=False, timeout=COMMAND_S_MAX
            )
        except subprocess.TimeoutExpired:
            late = f"no end within {COMMAND_S_MAX:g} s".encode()
            return subprocess.CompletedProcess(words, 124, b"", late)

    def words(self, command: str, *, as_root: bool = True, tty: bool = False) -> list[str]:
        """Return the command line of an SSH client."""
        way, there = instances.way_to(self.layout, self.described())
        options = [word for option in _OPTIONS for word in ("-o", option)]
        if not tty:
            options += ["-o", "BatchMode=yes"]
        rise = "sudo -n " if as_root and self.user != "root" else ""
        tail = [f"{rise}{command}"] if command else []
        terminal = ["-t"] if tty else []
        key = ["-i", str(self.key)]
        return ["ssh", *terminal, *key, *options, *way, f"{self.user}@{there.address}", *tail]

    def stop(self, say: Say) -> str:
        """Stop it as its power button does; tell how long that took."""
        began = time.monotonic()
        self.call("StopInstances", {"InstanceIds": [self.instance_id]})
        self._wait("stopped", GONE_S_MAX)
        return f"{time.monotonic() - began:.0f} s"

    def remove(self) -> None:
        """Remove all that was made, whatever there is of it."""
        if self.instance_id:
            self._quietly("TerminateInstances", {"InstanceIds": [self.instance_id]})
            with contextlib.suppress(steps.Failed):
                self._wait("terminated", GONE_S_MAX)
        self._quietly("DeleteKeyPair", {"KeyName": self.name})
        named = [{"Name": "group-name", "Values": [self.name]}]
        with contextlib.suppress(steps.Failed):
            for group in self.call("DescribeSecurityGroups", {"Filters": named})["SecurityGroups"]:
                self._quietly("DeleteSecurityGroup", {"GroupId": group["GroupId"]})

    def _quietly(self, operation: str, parameters: dict[str, Any]) -> None:
        with contextlib.suppress(steps.Failed):
            self.call(operation, parameters)

    def _wait(self, state: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while (found := self.described())["State"]["Name"] != state:
            reason = found.get("StateReason", {}).get("Message", "")
            if found["State"]["Name"] == "terminated":
                raise steps.Failed(f"{self.instance_id} ended: {reason}", "mallee explain it")
            if time.monotonic() > deadline:
                raise steps.Failed(
                    f"{self.instance_id} is {found['State']['Name']} and not {state} after "
                    f"{timeout_s:g} s {reason}",
                    f"mallee explain {self.instance_id}",
                )
            time.sleep(_LOOK_S / 5)


@contextlib.contextmanager
def lent(layout: Layout, wish: Wish) -> Generator[Guest]:
    """Have a guest, not launched yet; it is removed at the end, whatever happens."""
    with tempfile.TemporaryDirectory(prefix="mallee-") as folder:
        name = f"mallee-images-{secrets.token_hex(6)}"
        guest = Guest(layout, wish, name, connecting.make_key(Path(folder)))
        try:
            yield guest
        finally:
            guest.remove()
