import pytest

from mallee.aws import errors
from mallee.aws.signature import claims, replay
from tests.aws.signature.wires import GET, NOW, V2, V4, V4_QUERY, sign


def test_a_copied_version_2_request_is_of_no_use() -> None:
    window = replay.Window()
    claim = claims.parse(sign(V2, GET), "ec2")
    window.admit(claim, NOW, changes=False)
    # An equal request of the same second is honest.
    window.admit(claim, NOW + 1, changes=False)
    with pytest.raises(errors.RequestExpired):
        window.admit(claim, NOW + 3, changes=False)


def test_a_copied_version_4_request_changes_nothing() -> None:
    window = replay.Window()
    claim = claims.parse(sign(V4, GET), "sts")
    window.admit(claim, NOW, changes=True)
    window.admit(claim, NOW + 1, changes=True)
    with pytest.raises(errors.RequestExpired):
        window.admit(claim, NOW + 60, changes=True)
    with pytest.raises(errors.RequestExpired):
        window.admit(claim, NOW + 899, changes=True)


def test_a_version_4_request_that_only_looks_may_be_sent_again() -> None:
    window = replay.Window()
    claim = claims.parse(sign(V4, GET), "sts")
    window.admit(claim, NOW, changes=False)
    window.admit(claim, NOW + 60, changes=False)
    assert not window._first_used


def test_a_presigned_request_may_be_used_until_it_expires() -> None:
    window = replay.Window()
    claim = claims.parse(sign(V4_QUERY, GET), "sts")
    window.admit(claim, NOW, changes=True)
    window.admit(claim, NOW + 60, changes=True)


def test_the_window_forgets_what_has_expired() -> None:
    window = replay.Window()
    for second in range(3):
        window.admit(
            claims.parse(sign(V2, GET, at=NOW + second), "ec2"), NOW + second, changes=False
        )
    late = NOW + replay.REMEMBERED_S + 10
    window.admit(claims.parse(sign(V2, GET, at=late), "ec2"), late, changes=False)
    assert len(window._first_used) == 1
