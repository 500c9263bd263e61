import pytest

from mallee.aws import errors
from mallee.aws.signature import claims, replay
from tests.aws.signature.wires import GET, NOW, V2, V4, sign


def test_a_copied_version_2_request_is_of_no_use() -> None:
    window = replay.Window()
    claim = claims.parse(sign(V2, GET), "ec2")
    window.admit(claim, NOW)
    window.admit(claim, NOW + 1)  # an equal request of the same second is honest
    with pytest.raises(errors.RequestExpired):
        window.admit(claim, NOW + 3)


def test_a_version_4_request_may_be_sent_again() -> None:
    window = replay.Window()
    claim = claims.parse(sign(V4, GET), "sts")
    window.admit(claim, NOW)
    window.admit(claim, NOW + 60)


def test_the_window_forgets_what_has_expired() -> None:
    window = replay.Window()
    for second in range(3):
        window.admit(claims.parse(sign(V2, GET, at=NOW + second), "ec2"), NOW + second)
    late = NOW + replay.REMEMBERED_S + 10
    window.admit(claims.parse(sign(V2, GET, at=late), "ec2"), late)
    assert len(window._first_used) == 1
