"""An account ends whole: shown before, unusable at once, guests first, nothing left, resumable."""

import json
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import boto3
import botocore.exceptions
import msgspec
import pytest
from botocore.config import Config

from mallee.cloud import inventory
from mallee.cloud.reconcile.identity import accounts as ends
from mallee.cloud.state import records, store
from mallee.model.compute.instances import InstanceSeen, Phase
from mallee.model.identity.accounts import Standing
from mallee.model.images.images import Blob, Image
from tests.cloud.agent import Agent, speaking
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

POLICY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
WITHIN_S = 240.0


@pytest.fixture(scope="module", autouse=True)
def host(cloud: RunningCloud) -> Agent:
    sender = Sender(cloud.port, cloud.admin)
    token = sender.ask("mallee", "CreateJoinToken")
    agent = Agent(cloud.agents_port, token.element("CaCertificate"))
    assert agent.join(token.element("Token"))[0] == 200
    return agent


@contextmanager
def _heard(cloud: RunningCloud, host: Agent) -> Generator[None]:
    """Have room on the host: it may have fallen silent, and the cloud started at another port."""
    host.port = cloud.agents_port
    with speaking(host):
        yield


def _tenant(sender: Sender, name: str) -> dict[str, str]:
    made = sender.ask("mallee", "CreateAccount", AccountName=name)
    return {
        "account_id": made.element("AccountId"),
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }


def _image(cloud: RunningCloud, account: str, digit: str, *, is_public: bool) -> str:
    image = Image(
        id=f"ami-0123456789abcdef{digit}",
        name=f"image {digit}",
        kind="machine",
        location="x",
        is_public=is_public,
        blob=Blob(sha256=digit * 64, size_bytes=1 << 20, format="qcow2"),
        disk_gib=1,
        created_at=0.0,
    )
    cloud.store.transact(lambda tx: tx.insert(records.IMAGE, account, image.id, image))
    return image.id


def _fill(cloud: RunningCloud, key: dict[str, str], image: str) -> str:
    """Give the account something of every kind; return its instance."""
    ec2, iam = cloud.client("ec2", key), cloud.client("iam", key)
    ec2.create_key_pair(KeyName="k", KeyType="ed25519")
    ec2.create_security_group(GroupName="g", Description="g")
    (instance,) = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, DisableApiTermination=True, ClientToken="once"
    )["Instances"]
    address = ec2.allocate_address()["AllocationId"]
    ec2.associate_address(AllocationId=address, InstanceId=instance["InstanceId"])
    iam.create_account_alias(AccountAlias=f"alias-{key['account_id']}")
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(UserName="u", GroupName="g")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    return instance["InstanceId"]


def _gone(cloud: RunningCloud, instance: str) -> None:
    """Report, as its host would, that nothing of the instance is there any more."""

    def see(tx: store.Tx) -> None:
        record = tx.get(records.INSTANCE, instance)
        if record is not None:
            seen = InstanceSeen(launch=record.doc.launch, phase=Phase.GONE)
            tx.observe(record, seen)

    cloud.store.transact(see)


def _wait(is_true: Any) -> None:
    ends_at = time.monotonic() + WITHIN_S
    while not is_true():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def _left_of(cloud: RunningCloud, account: str) -> list[str]:
    """Everything in the store that still belongs to an account or is held by a thing of it."""

    def read(tx: store.Tx) -> list[str]:
        left = [f"{one.kind.name} {one.id}" for one in inventory.everything(tx, account)]
        return [*left, *(["account"] if tx.get(records.ACCOUNT, account) else [])]

    return cloud.store.transact(read)


def _groups(cloud: RunningCloud, account: str) -> int:
    """How many there are: the view changes under who looks at it from here."""
    return cloud.store.transact(lambda tx: len(tx.list(records.SECURITY_GROUP, account)))


def _claims(cloud: RunningCloud) -> set[tuple[str, str, str]]:
    def read(tx: store.Tx) -> set[tuple[str, str, str]]:
        return {(one.space, one.key, one.owner) for one in tx._index.all_claims()}

    return cloud.store.transact(read)


def test_account_ends_whole_and_shows_before_what_it_has(
    cloud: RunningCloud, sender: Sender, host: Agent
) -> None:
    owner = cloud.admin["account_id"]
    image = _image(cloud, owner, "a", is_public=True)
    before = _claims(cloud)
    key = _tenant(sender, "leaving")
    with _heard(cloud, host):
        instance = _fill(cloud, key, image)
    shown = sender.ask("mallee", "DescribeAccount", AccountName="leaving").text
    for kind in ("instance", "key-pair", "elastic-ip", "user", "group", "policy", "vpc"):
        assert f"<Kind>{kind}</Kind>" in shown
    refused = sender.ask("mallee", "DeleteAccount", AccountName="leaving")
    assert refused.code == "DeleteConflict"
    assert "1 instance" in refused.message
    dry = sender.ask(
        "mallee", "DeleteAccount", AccountName="leaving", Recursive="true", DryRun="true"
    )
    assert dry.code == "DryRunOperation"
    assert cloud.client("sts", key).get_caller_identity()["Account"] == key["account_id"]

    asked = sender.ask("mallee", "DeleteAccount", AccountName="leaving", Recursive="true")
    assert asked.status == 200, asked.text
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidClientTokenId"):
        cloud.client("sts", key).get_caller_identity()
    again = sender.ask("mallee", "DeleteAccount", AccountName="leaving")
    assert again.status == 200
    waits = sender.ask("mallee", "DescribeAccount", AccountName="leaving")
    assert instance in waits.element("Waits")
    assert waits.element("Standing") == "closing"
    assert sender.ask("mallee", "CreateAccount", AccountName="leaving").status == 409

    cloud.restart()
    _gone(cloud, instance)
    _wait(lambda: not _left_of(cloud, key["account_id"]))
    assert _claims(cloud) - before == set()
    sender = Sender(cloud.port, cloud.admin)
    assert sender.ask("mallee", "DescribeAccount", AccountName="leaving").code == "NoSuchEntity"
    assert sender.ask("mallee", "CreateAccount", AccountName="leaving").status == 200


def test_empty_account_needs_no_recursion(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    key = _tenant(sender, "fresh")
    assert sender.ask("mallee", "DeleteAccount", AccountName=key["account_id"]).status == 200
    _wait(lambda: not _left_of(cloud, key["account_id"]))


def test_the_clouds_own_account_stays(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    for action in ("DeleteAccount", "SuspendAccount"):
        answer = (
            sender.ask("mallee", action, AccountName="admin", Recursive="true")
            if action == "DeleteAccount"
            else sender.ask("mallee", action, AccountName="admin")
        )
        assert answer.code == "InvalidInput"


def test_suspended_account_does_nothing_until_resumed(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    key = _tenant(sender, "late-payer")
    sts = cloud.client("sts", key)
    assert sender.ask("mallee", "SuspendAccount", AccountName="late-payer").status == 200
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidClientTokenId"):
        sts.get_caller_identity()
    assert sender.ask("mallee", "ResumeAccount", AccountName="late-payer").status == 200
    assert sts.get_caller_identity()["Account"] == key["account_id"]


def test_image_that_others_use_is_left_until_they_are_gone(
    cloud: RunningCloud, host: Agent
) -> None:
    sender = Sender(cloud.port, cloud.admin)
    key = _tenant(sender, "painter")
    used = _image(cloud, key["account_id"], "b", is_public=True)
    unused = _image(cloud, key["account_id"], "c", is_public=True)
    with _heard(cloud, host):
        cloud.client("ec2").run_instances(ImageId=used, MinCount=1, MaxCount=1)
    asked = sender.ask("mallee", "DeleteAccount", AccountName="painter", Recursive="true")
    assert asked.status == 200
    _wait(lambda: not _left_of(cloud, key["account_id"]))
    left = cloud.store.view.get(records.IMAGE, used)
    assert left is not None
    assert (left.account, left.doc.state) == (cloud.admin["account_id"], "deregistered")
    assert cloud.store.view.get(records.IMAGE, unused) is None


def test_nothing_comes_into_an_account_that_is_ending(cloud: RunningCloud) -> None:
    """Between two steps of its end the account takes no writer who was known before."""
    from mallee.aws import errors
    from mallee.cloud import pipeline
    from mallee.cloud.actions import TABLE

    sender = Sender(cloud.port, cloud.admin)
    key = _tenant(sender, "racing")

    class Caller:
        account = key["account_id"]

    def close(tx: store.Tx) -> str:
        record = tx.get(records.ACCOUNT, key["account_id"])
        assert record is not None
        tx.write(record, msgspec.structs.replace(record.doc, standing=Standing.CLOSING))
        with pytest.raises(errors.AwsError):
            pipeline._check_standing(tx, Caller(), TABLE["ec2", "CreateKeyPair"])  # type: ignore
        return "refused"

    assert cloud.store.transact(close) == "refused"
    _wait(lambda: not _left_of(cloud, key["account_id"]))


def test_each_step_twice_is_once(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    key = _tenant(sender, "twice")

    def end(tx: store.Tx) -> int:
        record = tx.get(records.ACCOUNT, key["account_id"])
        assert record is not None
        closing = tx.write(record, msgspec.structs.replace(record.doc, standing=Standing.CLOSING))
        steps = 0
        while ends.settle_one(tx, closing.id):
            steps += 1
        assert not ends.settle_one(tx, closing.id)
        return steps

    assert cloud.store.transact(end) == 1
    assert _left_of(cloud, key["account_id"]) == []


def _session_key(credentials: dict[str, Any]) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def _identity(cloud: RunningCloud, credentials: dict[str, Any]) -> str:
    sts = boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=cloud.url,
        config=Config(retries={"max_attempts": 0}),
        **_session_key(credentials),
    )
    return sts.get_caller_identity()["Account"]


def test_sessions_die_with_their_account(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    key = _tenant(sender, "sessions")
    account = key["account_id"]
    iam, sts = cloud.client("iam", key), cloud.client("sts", key)
    trust = POLICY.replace(
        '"Action":"*","Resource":"*"',
        f'"Action":"sts:AssumeRole","Principal":{{"AWS":"{account}"}}',
    )
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    held = [
        sts.get_session_token()["Credentials"],
        sts.get_federation_token(Name="fed")["Credentials"],
        sts.assume_role(RoleArn=role, RoleSessionName="app")["Credentials"],
    ]
    assert [_identity(cloud, one) for one in held] == [account] * 3
    sender.ask("mallee", "SuspendAccount", AccountName="sessions")
    for one in held:
        with pytest.raises(botocore.exceptions.ClientError):
            _identity(cloud, one)
    sender.ask("mallee", "ResumeAccount", AccountName="sessions")
    assert [_identity(cloud, one) for one in held] == [account] * 3
    asked = sender.ask("mallee", "DeleteAccount", AccountName="sessions", Recursive="true")
    assert asked.status == 200
    for one in held:
        with pytest.raises(botocore.exceptions.ClientError):
            _identity(cloud, one)
    _wait(lambda: not _left_of(cloud, account))
    for one in held:
        with pytest.raises(botocore.exceptions.ClientError):
            _identity(cloud, one)


def test_sessions_die_with_their_user(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    iam = cloud.client("iam")
    iam.create_user(UserName="brief")
    made = iam.create_access_key(UserName="brief")["AccessKey"]
    own = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    held = cloud.client("sts", own).get_session_token()["Credentials"]
    assert _identity(cloud, held) == cloud.admin["account_id"]
    sender.ask("mallee", "DisableUser", UserName="brief")
    with pytest.raises(botocore.exceptions.ClientError):
        _identity(cloud, held)


def test_name_is_held_to_the_end(cloud: RunningCloud) -> None:
    """A password policy has its account's id: with it goes nothing that the account holds."""
    sender = Sender(cloud.port, cloud.admin)
    key = _tenant(sender, "held")
    cloud.client("iam", key).update_account_password_policy(MinimumPasswordLength=12)

    def steps(tx: store.Tx) -> list[str | None]:
        record = tx.get(records.ACCOUNT, key["account_id"])
        assert record is not None
        tx.write(record, msgspec.structs.replace(record.doc, standing=Standing.CLOSING))
        owners: list[str | None] = []
        while ends.settle_one(tx, key["account_id"]):
            owners.append(tx.owner_of("account-name", "held"))
        return [*owners, tx.owner_of("account-name", "held")]

    assert cloud.store.transact(steps) == [key["account_id"], None]


def test_end_goes_on_whenever_it_is_interrupted(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends, "REMOVED_AT_ONCE", 1)
    sender = Sender(cloud.port, cloud.admin)
    before = _claims(cloud)
    key = _tenant(sender, "interrupted")
    iam = cloud.client("iam", key)
    for number in range(20):
        iam.create_user(UserName=f"u{number}")
    asked = sender.ask("mallee", "DeleteAccount", AccountName="interrupted", Recursive="true")
    assert asked.status == 200
    for _ in range(3):
        cloud.restart()
    _wait(lambda: not _left_of(cloud, key["account_id"]))
    assert _claims(cloud) - before == set()


def test_flood_of_writes_leaves_nothing_behind(cloud: RunningCloud) -> None:
    """What was on its way when the account ended came before it, and went, or is refused."""
    sender = Sender(cloud.port, cloud.admin)
    before = _claims(cloud)
    key = _tenant(sender, "flooded")
    is_over = threading.Event()

    def write(worker: int) -> None:
        ec2 = cloud.client("ec2", key)
        number = 0
        while not is_over.is_set():
            number += 1
            try:
                ec2.create_security_group(GroupName=f"g-{worker}-{number}", Description="d")
            except botocore.exceptions.ClientError:
                return

    with ThreadPoolExecutor(4) as workers:
        running = [workers.submit(write, worker) for worker in range(4)]
        _wait(lambda: _groups(cloud, key["account_id"]) > 20)
        asked = sender.ask("mallee", "DeleteAccount", AccountName="flooded", Recursive="true")
        assert asked.status == 200
        for one in running:
            one.result(WITHIN_S)
        is_over.set()
    _wait(lambda: not _left_of(cloud, key["account_id"]))
    assert _claims(cloud) - before == set()


def test_two_thousand_users_go_without_holding_up_others(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    key = _tenant(sender, "crowded")
    people = json.dumps({"people": [{"user_name": f"u{number}"} for number in range(2000)]})
    asked = {"Source": "csv", "Document": people, "Apply": "true", "AccountName": "crowded"}
    assert sender.ask("mallee", "ImportUsers", **asked).status == 200
    sender.ask("mallee", "DeleteAccount", AccountName="crowded", Recursive="true")
    left: list[int] = []
    while not left or left[-1]:
        assert sender.ask("mallee", "ListAccounts").status == 200
        left.append(len(_left_of(cloud, key["account_id"])))
    assert len(set(left)) > 2, "others were answered between one share of the users and the next"
