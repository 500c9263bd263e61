"""A host's state follows from what is wanted and what is seen, and says what stands against it."""

import pytest

from mallee.model.hosts import standing
from mallee.model.hosts.standing import Judged, Role, Standing, State

BROKEN = ("The hypervisor does not answer.",)


@pytest.mark.parametrize(
    ("wanted", "is_heard", "problems", "state"),
    [
        (Standing.ENABLED, True, (), State.ENABLED),
        (Standing.ENABLED, None, (), State.NOTREADY),
        (Standing.ENABLED, False, (), State.NOTREADY),
        (Standing.ENABLED, False, BROKEN, State.NOTREADY),
        (Standing.ENABLED, True, BROKEN, State.BROKEN),
        (Standing.DISABLED, True, (), State.DISABLED),
        (Standing.DISABLED, True, BROKEN, State.BROKEN),
        (Standing.DISABLED, False, (), State.NOTREADY),
        (Standing.DRAINING, True, (), State.DISABLED),
        (Standing.MAINTENANCE, True, BROKEN, State.STOPPED),
        (Standing.MAINTENANCE, False, (), State.STOPPED),
        (Standing.RETIRED, True, (), State.STOPPED),
        (Standing.RETIRED, None, (), State.STOPPED),
    ],
)
def test_the_state_follows_from_standing_and_sight(
    wanted: Standing, is_heard: bool | None, problems: tuple[str, ...], state: State
) -> None:
    judged = standing.judge(wanted, is_heard=is_heard, problems=problems)
    assert judged.state is state
    assert bool(judged.causes) == (state is not State.ENABLED)


def test_every_cause_is_named() -> None:
    judged = standing.judge(Standing.DISABLED, is_heard=True, problems=BROKEN)
    assert judged == Judged(State.BROKEN, (*BROKEN, *judged.causes[1:]))
    assert "administrator" in judged.causes[-1]


@pytest.mark.parametrize("wanted", Standing)
def test_only_an_enabled_host_takes_anything_new(wanted: Standing) -> None:
    assert (standing.closed(wanted) == "") == (wanted is Standing.ENABLED)
    starts = {Standing.ENABLED, Standing.DISABLED}
    assert (standing.closed_to_starts(wanted) == "") == (wanted in starts)


def test_roles_are_told_in_one_order() -> None:
    assert standing.parse_roles(("storage", "compute")) == (Role.COMPUTE, Role.STORAGE)
    with pytest.raises(ValueError, match="no role"):
        standing.parse_roles(("compute", "cook"))
