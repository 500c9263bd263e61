"""The same asked for at two front ends at the same moment is done once, and comes to its end."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from mallee.kit import authorities
from tests.cloud.frontends.standing import FrontEnd, wait_until
from tests.cloud.signing import Answer

pytestmark = pytest.mark.postgres


def ask_both(two: list[FrontEnd], action: str, **asked: str) -> list[Answer]:
    with ThreadPoolExecutor(2) as both:
        begun = [both.submit(one.sender().ask, "mallee", action, **asked) for one in two]
        return [one.result() for one in begun]


def state(one: FrontEnd, action: str) -> str:
    with contextlib.suppress(OSError, AssertionError):
        return one.sender().ask("mallee", action).element("State")
    return ""


def test_authorities_and_keys_are_replaced_once(two: list[FrontEnd]) -> None:
    former = {one.layout.master_key.read_text() for one in two}
    replaced = ask_both(two, "RotateAuthority")
    assert [answer.status for answer in replaced] == [200, 200]
    assert len({answer.element("ReplacementId") for answer in replaced}) == 1
    rotated = ask_both(two, "RotateMasterKey", EndSessions="true")
    assert [answer.status for answer in rotated] == [200, 200]
    assert len({answer.element("RotationId") for answer in rotated}) == 1
    wait_until(lambda: state(two[0], "DescribeAuthority") == "ended", "one authority")
    wait_until(lambda: state(two[1], "DescribeMasterKey") == "ended", "one key")

    def trusted() -> set[tuple[str, ...]]:
        files = (one.layout.cloud_pki / "authority.pem" for one in two)
        return {authorities.Authorities(path).ids for path in files}

    wait_until(lambda: [len(ids) for ids in trusted()] == [1], "both to trust the same one")

    def held() -> set[str]:
        return {one.layout.master_key.read_text() for one in two}

    wait_until(lambda: len(held()) == 1 and len(held().pop().split()) == 1, "both to have one key")
    assert held() != former
