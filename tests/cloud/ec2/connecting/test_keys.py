"""SendSSHPublicKey: whose key goes to which instance's host, as what, and what is refused."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mallee.kit import clock, keysigner
from mallee.model.hosts.hosts import PUSHED_KEY_S, PushedKey
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.limiting import with_key
from tests.cloud.ec2.world import FakeHost, Front, World

STATEMENT = {
    "Effect": "Allow",
    "Action": "ec2-instance-connect:SendSSHPublicKey",
    "Resource": "arn:aws:ec2:*:*:instance/*",
    "Condition": {"StringEquals": {"ec2:osuser": "admin"}},
}


def make_key(folder: Path, *options: str) -> str:
    """The public half of a new key, as ssh-keygen writes it."""
    path = folder / "key"
    words = [*(options or ("-t", "ed25519")), "-q", "-N", "", "-C", "a b", "-f", str(path)]
    subprocess.run(["ssh-keygen", *words], check=True)
    return path.with_suffix(".pub").read_text()


@pytest.fixture
def line(tmp_path: Path) -> str:
    return make_key(tmp_path)


@pytest.fixture
def running(alice: Any, host: FakeHost) -> str:
    made = launch_one(alice)["InstanceId"]
    host.settle()
    return made


@pytest.fixture
def push(front: Front, world: World) -> Any:
    return front.client("alice", "ec2-instance-connect").send_ssh_public_key


def test_the_host_is_told_the_key_and_until_when(
    front: Front, host: FakeHost, running: str, push: Any, line: str
) -> None:
    before = clock.SYSTEM.now()
    answering = front.answer_next_ask(host.id, b"")
    told = push(
        InstanceId=running,
        InstanceOSUser="root",
        SSHPublicKey=line,
        AvailabilityZone=front.world.settings.zone if front.world else "",
    )
    asked = answering.result(60)
    assert told["Success"] is True
    assert (asked.kind, asked.instance_id) == ("push-key", running)
    key = msgspec.json.decode(asked.detail, type=PushedKey)
    assert key.user == "root"
    assert before + PUSHED_KEY_S - 1 <= key.expires_at <= clock.SYSTEM.now() + PUSHED_KEY_S
    timestamp, instance, caller, request, shown, *rest = key.block.split("\n")
    assert timestamp == f"#Timestamp={int(key.expires_at)}"
    assert instance == f"#Instance={running}"
    assert caller.startswith("#Caller=arn:aws:iam::")
    assert request == f"#Request={told['RequestId']}"
    assert shown == " ".join(line.split()[:2]), "without its comment"
    assert rest == ["", "", ""]


def test_what_is_shown_is_signed(
    front: Front, host: FakeHost, world: World, running: str, push: Any, line: str
) -> None:
    signer = keysigner.create("managed-ssh-signer.x", "authority", clock.SYSTEM.now())
    agents = dataclasses.replace(world.cloud.agents, signer=signer)
    world.cloud = dataclasses.replace(world.cloud, agents=agents)
    answering = front.answer_next_ask(host.id, b"")
    push(InstanceId=running, InstanceOSUser="root", SSHPublicKey=line)
    key = msgspec.json.decode(answering.result(60).detail, type=PushedKey)
    said, signature = key.block.removesuffix("\n\n").rsplit("\n", 1)
    assert len(signature) > 300
    assert said.count("\n") == 4
    assert len(key.staples) == 1


@pytest.mark.parametrize(
    "options",
    [
        ("-t", "ecdsa"),
        ("-t", "rsa", "-b", "3072"),
    ],
)
def test_keys_that_aws_does_not_take_are_refused(
    running: str, push: Any, tmp_path: Path, options: tuple[str, ...]
) -> None:
    key = make_key(tmp_path, *options)
    wrong = refusal(push, InstanceId=running, InstanceOSUser="root", SSHPublicKey=key)
    assert wrong == "InvalidArgsException"


def test_a_key_is_one_key_and_nothing_else(running: str, push: Any, line: str) -> None:
    for wrong in (f'command="sh" {line}', "x" * 100, f"{line[:30]}\n{line[30:]}"):
        refused = refusal(push, InstanceId=running, InstanceOSUser="root", SSHPublicKey=wrong)
        assert refused == "InvalidArgsException", wrong


@pytest.mark.parametrize("user", ["../root", "a/b", "-x", "", "a" * 33, "a b", "a\nb"])
def test_names_that_no_user_has_are_refused(running: str, push: Any, line: str, user: str) -> None:
    refused = refusal(push, InstanceId=running, InstanceOSUser=user, SSHPublicKey=line)
    assert refused == "ValidationException"


def test_instances_of_others_are_not_there(
    front: Front, running: str, push: Any, line: str
) -> None:
    asked = {"InstanceOSUser": "root", "SSHPublicKey": line}
    bobs = front.client("bob", "ec2-instance-connect").send_ssh_public_key
    assert refusal(bobs, InstanceId=running, **asked) == "EC2InstanceNotFoundException"
    missing = "i-0123456789abcdef0"
    assert refusal(push, InstanceId=missing, **asked) == "EC2InstanceNotFoundException"


def test_an_instance_that_does_not_run_or_is_elsewhere_takes_none(
    alice: Any, host: FakeHost, running: str, push: Any, line: str
) -> None:
    asked = {"InstanceId": running, "InstanceOSUser": "root", "SSHPublicKey": line}
    assert refusal(push, **asked, AvailabilityZone="us-east-1z") == "InvalidArgsException"
    alice.stop_instances(InstanceIds=[running])
    host.settle()
    assert refusal(push, **asked) == "EC2InstanceStateInvalidException"


def test_a_policy_says_whose_login_it_may_be(
    front: Front, host: FakeHost, world: World, bob: Any, line: str
) -> None:
    made = launch_one(bob)["InstanceId"]
    host.settle()
    iam = front.client("bob", "iam")
    iam.create_user(UserName="eve")
    policy = msgspec.json.encode({"Version": "2012-10-17", "Statement": [STATEMENT]}).decode()
    iam.put_user_policy(UserName="eve", PolicyName="one", PolicyDocument=policy)
    key = iam.create_access_key(UserName="eve")["AccessKey"]
    eves = with_key(front, "ec2-instance-connect", key).send_ssh_public_key
    asked = {"InstanceId": made, "SSHPublicKey": line}
    assert refusal(eves, **asked, InstanceOSUser="root") == "AccessDeniedException"
    answering = front.answer_next_ask(host.id, b"")
    assert eves(**asked, InstanceOSUser="admin")["Success"]
    assert answering.result(60).kind == "push-key"
