"""`mallee images test`: an image is booted, and proves that it is a guest of the cloud.

Each proof is a line: what was asked of it, what came of it. The commands by which a recipe tests
its image lie in the image itself. Exit status 1 when anything failed; nothing is left behind.
"""

import json
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mallee.box import steps
from mallee.cli import progress, words
from mallee.cli.images import lentguest
from mallee.cli.root import DEFAULT, Root
from mallee.images.recipes import instructions
from mallee.model.layout import Layout

USER_DATA_S_MAX = 300.0
AGENT_S_MAX = 120.0
_LOOK_S = 1.0
_METADATA = """
imds=http://169.254.169.254/latest
if command -v curl >/dev/null; then
    token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $imds/api/token) &&
        curl -sf -H "X-aws-ec2-metadata-token: $token" $imds/meta-data/instance-id
elif [ -x /etc/mallee/imds ]; then
    /etc/mallee/imds meta-data/instance-id
else
    wget -qO- $imds/meta-data/instance-id
fi
"""


class _Wrong(Exception):
    """A proof failed; the rest goes on."""


@dataclass(slots=True)
class _Trial:
    """A test under way."""

    guest: lentguest.Guest
    token: str

    def plan(self) -> tuple[steps.Step, ...]:
        """Return what is asked of the image; without the first two there is nothing to ask."""
        return (
            steps.Step("Launch it", self.guest.launch),
            steps.Step("Network and key: SSH lets us in", self.guest.wait_answer),
            steps.Step("Metadata: it knows who it is", self._metadata),
            steps.Step("User data: it does what it is told", self._user_data),
            steps.Step("Guest agent: it answers its host", self._agent),
            steps.Step("The recipe's own tests", self._own_tests),
            steps.Step("Shutdown: it ends in order", self._shut_down),
        )

    def _metadata(self, say: lentguest.Say) -> str:
        done = self.guest.ssh(f"sh -c {shlex.quote(_METADATA)}", as_root=False)
        told = done.stdout.decode(errors="replace").strip()
        if told != self.guest.instance_id:
            raise _Wrong(f"it takes itself for {told or 'nobody'} {_said(done)}".strip())
        return told

    def _user_data(self, say: lentguest.Say) -> str:
        deadline = time.monotonic() + USER_DATA_S_MAX
        while self.guest.ssh(f"test -e /run/{self.token}").returncode != 0:
            if time.monotonic() > deadline:
                raise _Wrong(f"a script was not run within {USER_DATA_S_MAX:g} s")
            time.sleep(_LOOK_S)
        return "a script was run"

    def _agent(self, say: lentguest.Say) -> str:
        layout = self.guest.layout
        if not layout.libvirt.exists() or shutil.which("virsh") is None:
            return "not asked: only the machine that it runs on can"
        asked = json.dumps({"execute": "guest-ping"})
        line = ["virsh", "-c", layout.libvirt_uri, "qemu-agent-command", "--timeout", "10"]
        deadline = time.monotonic() + AGENT_S_MAX
        while True:
            done = subprocess.run(
                [*line, self.guest.instance_id, asked], capture_output=True, check=False
            )
            if done.returncode == 0:
                return "it answers"
            if time.monotonic() > deadline:
                raise _Wrong("qemu-guest-agent does not answer")
            time.sleep(_LOOK_S)

    def _own_tests(self, say: lentguest.Say) -> str:
        folder = f"/{instructions.TESTS}"
        listed = self.guest.ssh(f"ls {folder}").stdout.decode().split()
        for name in listed:
            command = self.guest.ssh(f"tail -n +2 {folder}/{name}").stdout.decode().strip()
            say(command)
            done = self.guest.ssh(f"{folder}/{name}")
            if done.returncode != 0:
                raise _Wrong(f"{command}: status {done.returncode} {_said(done)}")
        return f"{len(listed)} passed" if listed else "it has none"

    def _shut_down(self, say: lentguest.Say) -> str:
        try:
            took = self.guest.stop(say)
        except steps.Failed as failed:
            raise _Wrong(failed.cause) from failed
        return took


def prove(image: str, *, root: Root = DEFAULT, type: str = "t3.small", user: str = "") -> None:
    """Boot an image in the cloud and prove that it works; everything is removed afterwards.

    Parameters
    ----------
    image
        The image's id.
    type
        The instance type to boot it as.
    user
        Who is let in with the key; unless given, the usual names are tried.
    """
    token = f"mallee-{secrets.token_hex(8)}"
    wish = lentguest.Wish(
        image_id=image, type=type, user=user, user_data=f"#!/bin/sh\n: >/run/{token}\n"
    )
    with lentguest.lent(Layout(root), wish) as guest:
        wrong = _run(_Trial(guest, token).plan())
    if wrong:
        raise steps.Failed(f"{image}: {len(wrong)} of its proofs failed", "")
    words.give(f"{image} is good")


def _run(plan: Sequence[steps.Step]) -> list[str]:
    """Ask everything, and return which proofs failed."""
    wrong: list[str] = []
    with progress.Watcher() as watcher:
        for step in plan:
            watcher.begin(step)
            began = time.monotonic()
            try:
                result = step.do(watcher.say)
            except _Wrong as error:
                watcher.fail(step, str(error))
                wrong.append(step.name)
            else:
                watcher.finish(step, result, time.monotonic() - began)
    return wrong


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stderr or done.stdout).decode(errors="replace").strip()[-300:]
