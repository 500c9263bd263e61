"""A token holds its session, opens under the key that sealed it only, and fits into a header."""

import os
import re

import pytest
from msgspec.structs import replace

from mallee.cloud import server
from mallee.cloud.identity import sessions
from mallee.kit import secretbox
from mallee.model.identity.sessions import CallerKind, Session

BOX = secretbox.SecretBox(b"k" * 32)
SESSION = Session(
    kind=CallerKind.ROLE,
    account="123456789012",
    issuer_id="AROAAAAAAAAAAAAAAAAAA",
    name="work",
    issued_at=1_800_000_000.0,
    expires_at=1_800_003_600.0,
    tags={"team": "red"},
    transitive_keys=("team",),
    source_identity="ann",
    mfa_at=1_799_999_999.0,
    policies=('{"Version":"2012-10-17"}',),
    policy_arns=("arn:aws:iam::aws:policy/IAMReadOnlyAccess",),
    claims={"id.example.org:sub": "ann", "id.example.org:amr": ("pwd", "otp")},
    is_chained=True,
)


def issue(session: Session = SESSION) -> sessions.Issued:
    return sessions.issue(BOX, os.urandom, session)


def test_token_holds_its_session() -> None:
    issued = issue()
    opened = sessions.open(BOX, issued.token)
    assert opened.session == SESSION
    assert (opened.access_key_id, opened.secret) == (issued.access_key_id, issued.secret)


def test_no_two_credentials_are_alike() -> None:
    one, two = issue(), issue()
    assert one.access_key_id != two.access_key_id
    assert one.secret != two.secret
    assert one.token != two.token


def test_key_looks_like_a_temporary_one_and_tells_its_account() -> None:
    id = issue().access_key_id
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", id)
    assert sessions.account_of_key(id) == "123456789012"


@pytest.mark.parametrize("id", ["AKIA" + "A" * 16, "ASIA", "ASIA" + "1" * 16, "ASIA" + "7" * 16])
def test_other_ids_tell_nothing(id: str) -> None:
    assert sessions.account_of_key(id) is None


def test_token_opens_under_no_other_key() -> None:
    with pytest.raises(sessions.Forged):
        sessions.open(secretbox.SecretBox(b"x" * 32), issue().token)


def test_token_of_an_older_key_opens_until_the_key_is_dropped() -> None:
    both = secretbox.SecretBox(b"n" * 32, b"k" * 32)
    assert sessions.open(both, issue().token).session == SESSION


def test_sealed_secret_of_another_sort_is_no_token() -> None:
    import base64

    for context in (b"", b"authorization message123456789012"):
        sealed = BOX.seal(b'["ASIA","secret",{}]', context)
        with pytest.raises(sessions.Forged):
            sessions.open(BOX, base64.b64encode(sealed).decode())


def test_whatever_fits_into_a_token_fits_into_a_header() -> None:
    longest = 0
    for count in range(0, 8000, 250):
        noise = os.urandom(count).hex()
        try:
            issued = issue(replace(SESSION, policies=(noise,)))
        except sessions.TooLarge:
            break
        longest = len(issued.token)
        assert issued.packed_percent <= 100
    else:
        pytest.fail("nothing was too large")
    assert 4096 < longest <= sessions.TOKEN_LENGTH_MAX < server.MAX_FIELD_BYTES


def test_nothing_secret_is_in_what_a_log_would_show() -> None:
    issued = issue()
    opened = sessions.open(BOX, issued.token)
    for shown in (repr(issued), repr(opened), str(opened)):
        assert issued.secret not in shown
        assert issued.token not in shown
