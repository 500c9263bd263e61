"""Large bodies at once: bounded, and by no account used up for others."""

from contextlib import ExitStack

import pytest

from mallee.aws import errors
from mallee.cloud.s3.serving import slots

LARGE = slots.LARGE_BYTES + 1


def test_no_account_takes_all_slots_and_all_come_back() -> None:
    held = slots.Slots()
    with ExitStack() as stack:
        for account in ("a", "b"):
            for _ in range(slots.OF_ACCOUNT_MAX):
                stack.enter_context(held.held(account, LARGE))
            with pytest.raises(errors.s3.SlowDown):
                stack.enter_context(held.held(account, LARGE))
        with pytest.raises(errors.s3.SlowDown):
            stack.enter_context(held.held("c", LARGE))
        with held.held("a", slots.LARGE_BYTES):
            pass
    assert not held.taken
    assert slots.BODIES_MAX == 2 * slots.OF_ACCOUNT_MAX
