"""Event windows: hours of the week, and the instances that they bound."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.aws import errors
from mallee.cloud.ec2.instances import weekhours
from mallee.model.compute.events import TimeRange
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.world import FakeHost

NIGHTS = {"CronExpression": "* 0-4,20-23 * * 1,5"}
SUNDAY = {"StartWeekDay": "sunday", "StartHour": 22, "EndWeekDay": "monday", "EndHour": 6}


def create(client: Any, **asked: Any) -> str:
    made = client.create_instance_event_window(**(asked or NIGHTS))["InstanceEventWindow"]
    return made["InstanceEventWindowId"]


def shown(client: Any, window_id: str) -> dict[str, Any]:
    answer = client.describe_instance_event_windows(InstanceEventWindowIds=[window_id])
    return answer["InstanceEventWindows"][0]


def test_a_window_is_made_changed_and_deleted(bob: Any) -> None:
    window_id = create(bob, Name="night", TimeRanges=[SUNDAY])
    made = shown(bob, window_id)
    assert (made["Name"], made["State"], made["TimeRanges"]) == ("night", "active", [SUNDAY])
    bob.modify_instance_event_window(InstanceEventWindowId=window_id, **NIGHTS)
    changed = shown(bob, window_id)
    assert changed["CronExpression"] == NIGHTS["CronExpression"]
    assert "TimeRanges" not in changed
    assert changed["Name"] == "night"
    gone = bob.delete_instance_event_window(InstanceEventWindowId=window_id)
    assert gone["InstanceEventWindowState"]["State"] == "deleting"
    assert (
        refusal(shown, client=bob, window_id=window_id) == "InvalidInstanceEventWindowId.NotFound"
    )


def test_a_window_bounds_instances_or_tags(bob: Any, host: FakeHost) -> None:
    id = launch_one(bob)["InstanceId"]
    one, other = create(bob), create(bob)

    def join(window_id: str, **target: Any) -> Any:
        return bob.associate_instance_event_window(
            InstanceEventWindowId=window_id, AssociationTarget=target
        )

    join(one, InstanceIds=[id])
    join(one, InstanceIds=[id])
    assert shown(bob, one)["AssociationTarget"]["InstanceIds"] == [id]
    assert refusal(join, window_id=other, InstanceIds=[id]) == "Resource.AlreadyAssociated"
    tags = [{"Key": "stage", "Value": "test"}]
    assert refusal(join, window_id=one, InstanceTags=tags) == "InvalidParameterCombination"
    both = {"InstanceIds": [id], "InstanceTags": tags}
    assert refusal(join, window_id=one, **both) == "InvalidParameterCombination"
    join(other, InstanceTags=tags)
    for name, value, found in (
        ("instance-id", id, one),
        ("instance-tag", "stage=test", other),
        ("instance-tag-key", "stage", other),
        ("instance-tag-value", "test", other),
    ):
        wanted = [{"Name": name, "Values": [value]}]
        answer = bob.describe_instance_event_windows(Filters=wanted)["InstanceEventWindows"]
        assert [it["InstanceEventWindowId"] for it in answer] == [found]
    delete = bob.delete_instance_event_window
    assert refusal(delete, InstanceEventWindowId=one) == "DependencyViolation"
    bob.disassociate_instance_event_window(
        InstanceEventWindowId=one, AssociationTarget={"InstanceIds": [id]}
    )
    leave = bob.disassociate_instance_event_window
    gone = {"InstanceEventWindowId": one, "AssociationTarget": {"InstanceIds": [id]}}
    assert refusal(leave, **gone) == "InvalidInstanceID.NotFound"
    delete(InstanceEventWindowId=one)
    delete(InstanceEventWindowId=other, ForceDelete=True)
    assert bob.describe_instance_event_windows()["InstanceEventWindows"] == []


def test_windows_and_instances_of_others_are_not_there(
    alice: Any, bob: Any, host: FakeHost
) -> None:
    id, window_id = launch_one(bob)["InstanceId"], create(bob)
    own = create(alice)

    def join(window_id: str) -> Any:
        return alice.associate_instance_event_window(
            InstanceEventWindowId=window_id, AssociationTarget={"InstanceIds": [id]}
        )

    assert refusal(join, window_id=own) == "InvalidInstanceID.NotFound"
    assert refusal(join, window_id=window_id) == "InvalidInstanceEventWindowId.NotFound"
    for ask in (alice.delete_instance_event_window, alice.modify_instance_event_window):
        code = refusal(ask, InstanceEventWindowId=window_id)
        assert code == "InvalidInstanceEventWindowId.NotFound"


@pytest.mark.parametrize(
    "hours",
    [
        {"CronExpression": "* 1 * * 1"},
        {"CronExpression": "* 1-2 * * 1"},
        {"CronExpression": "0 1-9 * * 1"},
        {"CronExpression": "* 1-99 * * 1"},
        {"CronExpression": "* a-b * * 1"},
        {"CronExpression": "* 5-2 * * 1,2"},
        {"TimeRanges": [{**SUNDAY, "EndWeekDay": "sunday", "EndHour": 23}]},
        {"TimeRanges": [{**SUNDAY, "EndWeekDay": "sunday", "EndHour": 22}]},
        {"TimeRanges": [{**SUNDAY, "StartHour": 24}]},
    ],
)
def test_hours_that_make_no_window_are_refused(bob: Any, hours: dict[str, Any]) -> None:
    assert refusal(bob.create_instance_event_window, **hours) == "InvalidParameterValue"


def test_hours_are_said_once(bob: Any) -> None:
    both = {**NIGHTS, "TimeRanges": [SUNDAY]}
    ask = bob.create_instance_event_window
    assert refusal(ask, **both) == "InvalidParameterCombination"
    assert refusal(ask, Name="none") == "MissingParameter"
    part = {"TimeRanges": [{"StartWeekDay": "sunday"}]}
    assert refusal(ask, **part) == "MissingParameter"


def test_an_hour_is_where_the_calendar_has_it() -> None:
    hours = weekhours.of_cron("* 20-23 * * SUN")
    sunday_evening = datetime(2026, 11, 22, 21, 30, tzinfo=UTC).timestamp()
    assert weekhours.next_open(hours, sunday_evening) == sunday_evening
    saturday = datetime(2026, 11, 21, 15, 10, tzinfo=UTC).timestamp()
    opens = datetime(2026, 11, 22, 20, tzinfo=UTC).timestamp()
    assert weekhours.next_open(hours, saturday) == opens
    late = datetime(2026, 11, 23, 0, 0, tzinfo=UTC).timestamp()
    assert weekhours.next_open(hours, late) == opens + 7 * 86400


@given(
    st.sampled_from(weekhours.DAYS),
    st.integers(0, 23),
    st.sampled_from(weekhours.DAYS),
    st.integers(0, 23),
    st.floats(0, 4e9),
)
def test_an_opening_is_the_first_one(
    start: str, start_hour: int, end: str, end_hour: int, at: float
) -> None:
    try:
        hours = weekhours.of_ranges([TimeRange(start, start_hour, end, end_hour)])
    except errors.InvalidParameterValue:
        return
    opens = weekhours.next_open(hours, at)
    assert at <= opens <= at + 7 * 86400

    def is_open(moment: float) -> bool:
        when = datetime.fromtimestamp(moment, UTC)
        return (when.isoweekday() % 7) * 24 + when.hour in hours

    assert is_open(opens)
    before = [at + 3600 * ahead for ahead in range(int((opens - at) // 3600) + 1)]
    assert opens == at or not any(is_open(moment) for moment in before if moment < opens)
