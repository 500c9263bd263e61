"""What one front end has heard, the others know: used signatures, sessions, guesses."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from mallee.aws import errors
from mallee.cloud.identity.guessing import Attempts, Limit
from tests import postgresql
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd
from tests.cloud.signing import Answer

pytestmark = pytest.mark.postgres

WAITED_S = standing.SETTLED_S
HOUR_S = 3600


@pytest.fixture(scope="module")
def two(postgresql_socket: Path) -> Iterator[list[FrontEnd]]:
    """Two front ends."""
    with (
        tempfile.TemporaryDirectory(prefix="m-") as home,
        postgresql.database(postgresql_socket) as url,
        standing.two(Path(home), url) as all,
    ):
        yield all


def until_expired(one: FrontEnd, request: Any) -> list[str]:
    """Send a request again and again until it is refused as used; what was answered before."""
    answers: list[str] = []
    deadline = time.monotonic() + WAITED_S
    while (code := send(one, request).code) != "RequestExpired":
        assert time.monotonic() < deadline, f"it is still good: {answers[-3:]}"
        answers.append(code)
    return answers


def send(one: FrontEnd, request: Any) -> Answer:
    """Send a request that was signed for the first front end to any of them."""
    prepared = request.prepare()
    return one.sender().send_raw("POST", "/", dict(prepared.headers), prepared.body)


def test_a_signature_that_was_used_is_good_nowhere_else(two: list[FrontEnd]) -> None:
    sender = two[0].sender()
    request = sender.signed("ec2", {"Action": "CreateKeyPair", "KeyName": "once"})
    request.headers["Host"] = f"127.0.0.1:{sender.port}"
    assert send(two[0], request).status == 200
    # Of the same second two honest requests may be equal; then it is a copy, wherever it goes.
    assert set(until_expired(two[1], request)) <= {"InvalidKeyPair.Duplicate"}
    two[0].kill()
    two[0].start()
    two[0].wait_ready()
    assert send(two[0], request).code == "RequestExpired"
    assert two[0].sender().ask("ec2", "DeleteKeyPair", KeyName="once").status == 200
    assert send(two[1], request).code == "RequestExpired"


def test_a_session_of_one_is_believed_by_all_and_ends_at_all(two: list[FrontEnd]) -> None:
    iam: Any = two[0].client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    sts = _as(two[0], key["AccessKeyId"], key["SecretAccessKey"])
    given = sts.get_session_token()["Credentials"]
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    elsewhere = _as(two[1], *(given[name] for name in names))
    assert elsewhere.get_caller_identity()["Arn"].endswith(":user/u")
    iam.delete_access_key(UserName="u", AccessKeyId=key["AccessKeyId"])
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidClientTokenId"):
        elsewhere.get_caller_identity()


def test_several_together_are_no_quicker_guessed_at_than_one() -> None:
    limit = Limit(free=4, wait_s=1.0, wait_s_max=60.0)

    def let_in(processes: int) -> int:
        """How often a guesser who asks all of them each second is let in within his third hour."""
        all = [Attempts(lambda: processes) for _ in range(processes)]
        count = 0
        for now in range(3 * HOUR_S):
            for attempts in all:
                try:
                    attempts.begin(float(now), ("k", limit))
                except errors.Throttling:
                    continue
                count += now >= 2 * HOUR_S
        return count

    alone = let_in(1)
    assert alone == HOUR_S / limit.wait_s_max
    for processes in (2, 3, 8):
        assert let_in(processes) <= alone + processes


def _as(one: FrontEnd, id: str, secret: str, token: str | None = None) -> Any:
    session: Any = standing.boto3
    return session.client(
        "sts",
        endpoint_url=one.url,
        region_name="us-east-1",
        aws_access_key_id=id,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )
