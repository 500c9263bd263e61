"""One-time codes are those of RFC 6238, and are compared as such."""

import base64

import pytest

from mallee.kit import totp

SEED = b"12345678901234567890"


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(now: int, code: str) -> None:
    assert totp.code(SEED, totp.step_at(now)) == code


def test_step_of_a_code_is_found_within_the_window_only() -> None:
    assert totp.find_step(SEED, totp.code(SEED, 7), range(5, 10)) == 7
    assert totp.find_step(SEED, totp.code(SEED, 7), range(8, 10)) is None
    assert totp.find_step(SEED, "", range(5, 10)) is None


def test_pair_is_of_two_steps_that_follow_each_other() -> None:
    first, second, third = (totp.code(SEED, step) for step in (7, 8, 9))
    assert totp.find_pair(SEED, (first, second), range(10)) == 7
    for pair in ((second, first), (first, third), (first, first)):
        assert totp.find_pair(SEED, pair, range(10)) is None


def test_uri_holds_the_seed_as_apps_read_it() -> None:
    uri = totp.uri(SEED, "Mallee", "a person@1")
    assert uri.startswith("otpauth://totp/a%20person%401?secret=")
    secret = uri.partition("secret=")[2].partition("&")[0]
    assert base64.b32decode(secret) == SEED
