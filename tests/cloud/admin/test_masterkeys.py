"""The master key is rotated while the cloud answers: nobody notices, save whose session ends."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from mallee.model.identity import masterkeys
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Answer, Sender


def wait_for(is_true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not is_true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def state(sender: Sender) -> str:
    """How far the newest rotation is."""
    return sender.ask("mallee", "DescribeMasterKey").element("State")


def session(cloud: RunningCloud) -> dict[str, str]:
    given = cloud.client("sts").get_session_token()["Credentials"]
    return {
        "access_key_id": given["AccessKeyId"],
        "secret_access_key": given["SecretAccessKey"],
        "session_token": given["SessionToken"],
    }


def who(cloud: RunningCloud, key: dict[str, str]) -> Answer:
    return Sender(cloud.port, key).ask("sts", "GetCallerIdentity")


def test_nobody_notices_a_rotation(cloud: RunningCloud, sender: Sender) -> None:
    iam: Any = cloud.client("iam")
    for number in range(3):
        iam.create_user(UserName=f"user-{number}")
    made = iam.create_access_key(UserName="user-0")["AccessKey"]
    key = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    before, page = session(cloud), iam.list_users(MaxItems=2)
    old = sender.ask("mallee", "DescribeMasterKey").element("KeyId")
    asked = sender.ask("mallee", "RotateMasterKey")
    assert asked.status == 200, asked.text
    wait_for(lambda: state(sender) == "waiting", "everything to be sealed anew")
    told = sender.ask("mallee", "DescribeMasterKey")
    assert told.element("KeyId") != old
    assert told.element("RecordsUnderOlderKeys") == "0"
    for _ in range(2):
        assert who(cloud, key).status == 200
        assert who(cloud, before).status == 200, "a session lives as long as it was promised"
        assert who(cloud, session(cloud)).status == 200
        rest = cloud.client("iam").list_users(Marker=page["Marker"])["Users"]
        assert len(rest) == 2, "a page of before is followed by the next"
        cloud.restart()
        sender.port = cloud.port


def test_sessions_end_with_the_old_key_when_that_is_wanted(
    cloud: RunningCloud, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masterkeys, "IN_FLIGHT_S", 0.0)
    before = session(cloud)
    assert who(cloud, before).status == 200
    assert sender.ask("mallee", "RotateMasterKey", EndSessions="true").status == 200
    wait_for(lambda: state(sender) == "ended", "the old keys to be forgotten")
    assert who(cloud, before).code == "InvalidClientTokenId"
    assert who(cloud, session(cloud)).status == 200
    assert "<member>" not in (sender.ask("mallee", "DescribeMasterKey").element("OlderKeyIds"))
    assert len(cloud.layout.master_key.read_text().split()) == 1


def test_asking_again_while_it_runs_is_asking_once(cloud: RunningCloud, sender: Sender) -> None:
    ids = {sender.ask("mallee", "RotateMasterKey").element("RotationId") for _ in range(2)}
    wait_for(lambda: state(sender) == "waiting", "everything to be sealed anew")
    count = sender.ask("mallee", "DescribeMasterKey").text.count("<RotationId>")
    assert count <= 2 + len(ids)


def test_keys_do_not_pile_up(cloud: RunningCloud, sender: Sender) -> None:
    for _ in range(masterkeys.KEYS_MAX):
        answer = sender.ask("mallee", "RotateMasterKey")
        wait_for(lambda: state(sender) in ("waiting", "ended"), "the rotation")
    assert answer.code == "LimitExceeded"


def test_no_answer_holds_a_key(cloud: RunningCloud, sender: Sender) -> None:
    told = sender.ask("mallee", "DescribeMasterKey").text
    for key in cloud.layout.master_key.read_text().split():
        assert key not in told


def test_a_tenant_neither_rotates_nor_looks(cloud: RunningCloud, sender: Sender) -> None:
    made = sender.ask("mallee", "CreateAccount", AccountName="tenant")
    tenant = Sender(
        cloud.port,
        {
            "access_key_id": made.element("AccessKeyId"),
            "secret_access_key": made.element("SecretAccessKey"),
        },
    )
    for action in ("RotateMasterKey", "DescribeMasterKey"):
        assert tenant.ask("mallee", action).code == "AccessDenied"
