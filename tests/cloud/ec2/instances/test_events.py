"""Scheduled events: planned by the administration, moved by owners, carried out at their time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.reconcile import events as reconciling
from mallee.cloud.state import records
from mallee.model.compute.events import Event
from tests.cloud.ec2.asking import launch, launch_one, refusal, state
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import FakeHost, World
from tests.cloud.signing import Answer

NOW = datetime.now(UTC).replace(microsecond=0)
TOMORROW = NOW + timedelta(days=1)
LATER = NOW + timedelta(days=3)
CODES = ("instance-reboot", "instance-stop", "instance-retirement")


def schedule(administration: Administration, code: str, *ids: str, **more: str) -> Answer:
    """Let the administration schedule an event for tomorrow."""
    named = {f"InstanceIds.member.{n}": id for n, id in enumerate(ids, 1)}
    asked = {"EventCode": code, "NotBefore": TOMORROW.isoformat(), **named, **more}
    return administration.sender.ask("mallee", "ScheduleEvent", **asked)


def planned(client: Any, instance_id: str) -> list[dict[str, Any]]:
    """An instance's events as its owner sees them."""
    answer = client.describe_instance_status(InstanceIds=[instance_id], IncludeAllInstances=True)
    return answer["InstanceStatuses"][0]["Events"]


def come(world: World, at: datetime) -> None:
    """Let the time of every event that is due then come, and carry it out."""

    def carry_out(tx: Any) -> None:
        for record in tx.list(records.EVENT):
            past = tx.now - 1.0
            doc: Event = record.doc
            due = doc.not_before <= at.timestamp()
            ends = doc.not_after is not None and doc.not_after <= at.timestamp()
            moved = replace(
                doc,
                not_before=past if due else doc.not_before,
                not_after=past if ends else doc.not_after,
            )
            tx.write(record, moved)
            reconciling.settle_one(tx, record.id)

    world.store.transact(carry_out)


@pytest.fixture
def id(bob: Any, host: FakeHost) -> str:
    made = launch_one(bob)["InstanceId"]
    host.settle()
    return made


def test_an_owner_sees_what_will_be_done_and_when(
    administration: Administration, bob: Any, alice: Any, id: str
) -> None:
    assert schedule(administration, "instance-stop", id, Description="new fans").status == 200
    (event,) = planned(bob, id)
    assert event["Code"] == "instance-stop"
    assert event["Description"] == "new fans"
    assert event["NotBefore"] == TOMORROW
    assert "NotBeforeDeadline" not in event
    for name, value, count in (
        ("event.code", "instance-stop", 1),
        ("event.code", "instance-reboot", 0),
        ("event.instance-event-id", event["InstanceEventId"], 1),
        ("event.description", "*fans", 1),
        ("event.not-before", TOMORROW.strftime("%Y-%m-%dT%H:%M:%S.000Z"), 1),
    ):
        wanted = [{"Name": name, "Values": [value]}]
        found = bob.describe_instance_status(Filters=wanted)["InstanceStatuses"]
        assert len(found) == count, (name, value)
    assert alice.describe_instance_status(IncludeAllInstances=True)["InstanceStatuses"] == []


@pytest.mark.parametrize("code", CODES)
def test_an_event_is_carried_out_once_at_its_time(
    administration: Administration, bob: Any, host: FakeHost, world: World, id: str, code: str
) -> None:
    schedule(administration, code, id)
    come(world, NOW)
    assert planned(bob, id)[0]["Description"].startswith("The instance is")
    come(world, TOMORROW)
    come(world, LATER)
    (event,) = planned(bob, id)
    assert event["Description"].startswith("[Completed] ")
    record = world.store.view.get(records.INSTANCE, id)
    assert record is not None
    if code == "instance-reboot":
        assert (record.doc.reboots, state(bob, id)) == (1, "running")
    else:
        host.settle()
        assert state(bob, id) == "stopped"
        assert record.doc.reason is not None
        assert record.doc.reason.code == "Server.ScheduledStop"


def test_an_event_of_a_host_is_one_of_each_instance_on_it(
    administration: Administration, alice: Any, bob: Any, host: FakeHost, world: World
) -> None:
    a, b = launch_one(alice)["InstanceId"], launch_one(bob)["InstanceId"]
    host.settle()
    until = (TOMORROW + timedelta(hours=2)).isoformat()
    assert schedule(administration, "system-reboot", HostId=host.id).code == "InvalidInput"
    made = schedule(administration, "system-reboot", HostId=host.id, NotAfter=until)
    assert made.status == 200
    for client, id in ((alice, a), (bob, b)):
        assert [it["Code"] for it in planned(client, id)] == ["system-reboot"]
    come(world, TOMORROW)
    assert planned(bob, b)[0]["Description"].startswith("The host"), "it is not over yet"
    come(world, LATER)
    assert planned(bob, b)[0]["Description"].startswith("[Completed] ")
    assert state(bob, b) == "running", "what is done to a host is its administrators' work"


def test_a_canceled_event_is_not_carried_out(
    administration: Administration, bob: Any, world: World, id: str
) -> None:
    event_id = schedule(administration, "instance-stop", id).element("EventId")
    canceled = administration.sender.ask("mallee", "CancelEvent", EventId=event_id)
    assert canceled.element("State") == "canceled"
    come(world, LATER)
    assert planned(bob, id)[0]["Description"].startswith("[Canceled] ")
    assert state(bob, id) == "running"


def test_an_owner_moves_what_may_be_moved(
    administration: Administration, alice: Any, bob: Any, id: str
) -> None:
    fixed = schedule(administration, "instance-reboot", id).element("EventId")
    until = (TOMORROW + timedelta(hours=1)).isoformat()
    movable = schedule(
        administration, "instance-reboot", id, Deadline=LATER.isoformat(), NotAfter=until
    ).element("EventId")
    at = TOMORROW + timedelta(hours=5)
    moved = bob.modify_instance_event_start_time(
        InstanceId=id, InstanceEventId=movable, NotBefore=at
    )["Event"]
    assert moved["NotBefore"] == at
    assert moved["NotAfter"] == at + timedelta(hours=1)

    def move(client: Any, event_id: str, to: datetime) -> str:
        return refusal(
            client.modify_instance_event_start_time,
            InstanceId=id,
            InstanceEventId=event_id,
            NotBefore=to,
        )

    assert move(bob, fixed, at) == "InvalidInstanceEventStartTime"
    assert move(bob, movable, LATER + timedelta(hours=1)) == "InvalidInstanceEventStartTime"
    assert move(bob, movable, NOW) == "InvalidInstanceEventStartTime"
    assert move(bob, "instance-event-0123456789abcdef0", at) == "InvalidInstanceEventIDNotFound"
    assert move(alice, movable, at) == "InvalidInstanceID.NotFound"


def test_an_event_moves_into_its_instances_window(
    administration: Administration, bob: Any, host: FakeHost
) -> None:
    first, second = (it["InstanceId"] for it in launch(bob, 2))
    host.settle()
    day = (TOMORROW + timedelta(days=2)).strftime("%A").lower()
    hours = {"StartWeekDay": day, "StartHour": 2, "EndWeekDay": day, "EndHour": 8}
    window = bob.create_instance_event_window(TimeRanges=[hours])["InstanceEventWindow"]
    window_id = window["InstanceEventWindowId"]
    bob.associate_instance_event_window(
        InstanceEventWindowId=window_id, AssociationTarget={"InstanceIds": [first]}
    )
    assert schedule(administration, "instance-reboot", first, second).status == 200
    (bound,), (free,) = planned(bob, first), planned(bob, second)
    opens = (TOMORROW + timedelta(days=2)).replace(hour=2, minute=0, second=0)
    assert bound["NotBefore"] == opens
    assert free["NotBefore"] == TOMORROW
    soon = (TOMORROW + timedelta(hours=1)).isoformat()
    refused = schedule(administration, "instance-stop", first, Deadline=soon)
    assert refused.code == "InvalidInput"
    assert window_id in refused.text


def test_an_event_goes_with_its_instance(
    administration: Administration, bob: Any, host: FakeHost, world: World, id: str
) -> None:
    schedule(administration, "instance-stop", id)
    bob.terminate_instances(InstanceIds=[id])
    host.settle()
    come(world, NOW)
    assert world.store.view.list(records.EVENT) == []
    assert schedule(administration, "instance-stop", id).code == "NoSuchResource"


def test_what_an_owner_reports_is_shown_to_the_administration(
    administration: Administration, alice: Any, bob: Any, id: str
) -> None:
    bob.report_instance_status(
        Instances=[id],
        Status="impaired",
        ReasonCodes=["unresponsive"],
        Description="<b>does not answer</b>",
        StartTime=NOW,
    )
    shown = administration.sender.ask("mallee", "ListStatusReports")
    assert shown.element("Status") == "impaired"
    assert id in shown.text
    assert "<b>" not in shown.text
    foreign = {"Instances": [id], "Status": "ok", "ReasonCodes": ["other"]}
    assert refusal(alice.report_instance_status, **foreign) == "InvalidInstanceID.NotFound"
    crossed = {**foreign, "StartTime": TOMORROW, "EndTime": NOW}
    assert refusal(bob.report_instance_status, **crossed) == "InvalidParameterValue"


def test_reports_are_not_kept_without_end(bob: Any, world: World, id: str) -> None:
    for _ in range(105):
        bob.report_instance_status(Instances=[id], Status="ok", ReasonCodes=["other"])
    assert len(world.store.view.list(records.STATUS_REPORT)) == 100


def test_only_the_administration_schedules(administration: Administration, id: str) -> None:
    for name, asked in (
        ("ScheduleEvent", {"EventCode": "instance-stop", "NotBefore": TOMORROW.isoformat()}),
        ("CancelEvent", {"EventId": "instance-event-0123456789abcdef0"}),
        ("ListEvents", {}),
        ("ListStatusReports", {}),
    ):
        assert administration.bob.ask("mallee", name, **asked).code == "AccessDenied"
    past = (NOW - timedelta(hours=1)).isoformat()
    late = schedule(administration, "instance-stop", id, NotBefore=past)
    assert late.code == "InvalidInput"
    both = schedule(administration, "instance-stop", id, HostId="host-hut")
    assert both.code == "InvalidInput"
