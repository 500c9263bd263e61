"""The master key of several front ends: all have the new one before any uses it, one that is away
is waited for, and a kill at any moment leaves nothing that cannot be opened."""

import contextlib
import random
import time
from typing import Any

import botocore.exceptions
import pytest

from tests.cloud.agent import Agent
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd, wait_until

pytestmark = pytest.mark.postgres

KILLS = 5
FAILURES = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, OSError)


def held(one: FrontEnd) -> list[str]:
    """The keys in its file, that which seals first."""
    return one.layout.master_key.read_text().split()


def state(one: FrontEnd) -> str:
    """How far the rotation is, as a front end tells it."""
    return one.sender().ask("mallee", "DescribeMasterKey").element("State")


def rotate(one: FrontEnd, *, at_once: bool = False) -> None:
    answer = one.sender().ask("mallee", "RotateMasterKey", EndSessions=str(at_once).lower())
    assert answer.status == 200, answer.text


def test_one_that_is_away_is_waited_for(two: list[FrontEnd]) -> None:
    former = held(two[0])
    two[1].kill()
    iam = two[0].client("iam")
    iam.create_user(UserName="u")
    rotate(two[0])
    wait_until(lambda: state(two[0]) == "spreading", "the new key to be offered")
    told = two[0].sender().ask("mallee", "DescribeMasterKey")
    assert "<member>second</member>" in told.text
    # Nothing is sealed under it yet: who comes back opens what was made meanwhile.
    key = iam.create_access_key(UserName="u")["AccessKey"]
    assert held(two[0])[0] == former[0]
    two[1].start()
    two[1].wait_ready()
    wait_until(lambda: state(two[1]) == "waiting", "all to be sealed anew")
    assert held(two[0])[0] == held(two[1])[0] != former[0]
    assert _asks(two[1], key)
    assert _asks(two[0], iam.create_access_key(UserName="u")["AccessKey"])


def test_who_is_removed_is_waited_for_no_more(two: list[FrontEnd]) -> None:
    id = two[1].sender().ask("mallee", "DescribeFrontEnds").text.partition(">second<")[0]
    id = id.rpartition("<FrontEndId>")[2].partition("<")[0]
    two[1].kill()
    rotate(two[0])
    wait_until(lambda: state(two[0]) == "spreading", "the new key to be offered")
    sender = two[0].sender()
    wait_until(
        lambda: sender.ask("mallee", "RemoveFrontEnd", FrontEndId=id).status == 200,
        "it to be gone",
    )
    wait_until(lambda: state(two[0]) == "waiting", "all to be sealed anew")


def test_killed_at_random_moments_it_ends_with_one_key(two: list[FrontEnd]) -> None:
    former = held(two[0])
    luck = random.Random(7)
    iam = two[0].client("iam")
    iam.create_user(UserName="u")
    kept = iam.create_access_key(UserName="u")["AccessKey"]
    rotate(two[0], at_once=True)
    for _ in range(KILLS):
        time.sleep(luck.uniform(0.0, 1.0))
        victim = luck.choice(two)
        victim.kill()
        victim.start()
        victim.wait_ready()
    wait_until(lambda: _said(two[0]) == "ended", "the rotation to end")
    wait_until(lambda: len(held(two[0])) == len(held(two[1])) == 1, "the old key to be gone")
    assert held(two[0]) == held(two[1]) != former
    for one in two:
        assert _asks(one, kept)


def test_keys_are_for_front_ends_alone(two: list[FrontEnd]) -> None:
    ca_pem = two[0].sender().ask("mallee", "CreateJoinToken").element("CaCertificate")
    asked = {"key_id": two[0].sender().ask("mallee", "DescribeMasterKey").element("KeyId")}
    host = Agent(two[0].configured.ports.agents, ca_pem)
    assert host.post("/v1/frontends/keys", asked)[0] == 401
    token = two[0].sender().ask("mallee", "CreateJoinToken").element("Token")
    assert host.join(token)[0] == 200
    assert host.post("/v1/frontends/keys", asked)[0] == 403


def _said(one: FrontEnd) -> str:
    with contextlib.suppress(*FAILURES):
        return state(one)
    return ""


def _asks(one: FrontEnd, key: dict[str, Any]) -> bool:
    """Whether a front end opens the secret of a key: it checks a signature by it."""
    session: Any = standing.boto3
    client = session.client(
        "sts",
        endpoint_url=one.url,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    return bool(client.get_caller_identity()["Arn"].endswith("user/u"))
