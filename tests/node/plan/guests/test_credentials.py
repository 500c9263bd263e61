"""Credentials are fetched when there are none of the role, renewed in time, and never kept over."""

from hypothesis import given
from hypothesis import strategies as st

from mallee.model.compute.instances import Power
from mallee.model.hosts.hosts import InstanceWanted, ProfileWanted, RoleCredentials
from mallee.node.plan.guests import credentials as plan
from mallee.node.plan.guests.credentials import Held
from tests.node import wants

NOW = 1_000_000.0


def instance(role_id: str = "AROA1", **changes: object) -> InstanceWanted:
    profile = ProfileWanted(id="AIPA1", arn="arn", role_id=role_id, role_name="web")
    return wants.make_instance(1, **{"profile": profile, **changes})


def held(age_s: float, role_id: str = "AROA1", code: str = "Success") -> dict[str, Held]:
    given = RoleCredentials(role_id=role_id, issued_at=0.0, expires_at=0.0, code=code)
    return {instance().id: Held(given, NOW - age_s)}


def test_a_role_without_credentials_gets_some_at_once() -> None:
    assert plan.plan([instance()], {}, NOW).fetch == (instance().id,)


def test_who_has_no_role_gets_none() -> None:
    for one in (
        instance(profile=None),
        instance(role_id=""),
        instance(power=Power.TERMINATED),
    ):
        assert plan.plan([one], {}, NOW) == plan.Plan((), (), None)
        assert plan.plan([one], held(0), NOW).forget == (one.id,)


def test_credentials_are_renewed_long_before_they_end() -> None:
    fresh = plan.plan([instance()], held(10.0), NOW)
    assert fresh == plan.Plan((), (), NOW - 10.0 + plan.RENEW_AFTER_S)
    assert plan.plan([instance()], held(plan.RENEW_AFTER_S), NOW).fetch == (instance().id,)
    assert plan.RENEW_AFTER_S < 6 * 3600 / 2


def test_what_was_refused_is_asked_for_again() -> None:
    refused = held(0, code="AssumeRoleUnauthorizedAccess")
    assert plan.plan([instance()], refused, NOW).wake_at == NOW + plan.LOOK_AGAIN_S


def test_credentials_of_another_role_are_forgotten_and_replaced() -> None:
    found = plan.plan([instance(role_id="AROA2")], held(0), NOW)
    assert (found.fetch, found.forget) == ((instance().id,), (instance().id,))


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_plan_changes_by_time_when_it_says(age_s: float, later_s: float) -> None:
    now = plan.plan([instance()], held(age_s), NOW)
    assert bool(now.fetch) != bool(now.wake_at)
    if now.wake_at is not None:
        later = plan.plan([instance()], held(age_s), NOW + later_s)
        assert bool(later.fetch) == (NOW + later_s >= now.wake_at)
