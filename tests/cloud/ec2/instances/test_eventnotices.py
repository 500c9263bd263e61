"""Notices of scheduled events: who is written to, and with which tags."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.state import records
from mallee.kit import secretbox
from tests.cloud.ec2.asking import launch, launch_one, refusal
from tests.cloud.ec2.instances.test_events import schedule
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import FakeHost, World

TAGS = [
    {
        "ResourceType": "instance",
        "Tags": [{"Key": "team", "Value": "red"}, {"Key": "secret", "Value": "x"}],
    }
]


def give_address(world: World, name: str) -> None:
    """Let somebody answer for the account."""

    def write(tx: Any) -> None:
        record = tx.get(records.ACCOUNT, world.accounts[name])
        tx.write(record, replace(record.doc, email=f"{name}@example.org"))

    world.store.transact(write)


def written(world: World) -> list[tuple[str, str, str]]:
    """Recipient, subject and text of the mails that wait to leave."""
    box = secretbox.SecretBox(bytes(32))
    return [
        (one.doc.recipient, one.doc.subject, box.open(one.doc.sealed_body).decode())
        for one in world.store.view.list(records.MAIL)
    ]


def test_keys_are_registered_and_taken_back(alice: Any, bob: Any) -> None:
    def told(client: Any) -> tuple[set[str], bool]:
        shown = client.describe_instance_event_notification_attributes()["InstanceTagAttribute"]
        return set(shown.get("InstanceTagKeys", ())), shown["IncludeAllTagsOfInstance"]

    assert told(alice) == (set(), False)
    for keys in (["team", "cost"], ["team"]):
        alice.register_instance_event_notification_attributes(
            InstanceTagAttribute={"InstanceTagKeys": keys}
        )
    assert told(alice) == ({"team", "cost"}, False)
    alice.deregister_instance_event_notification_attributes(
        InstanceTagAttribute={"InstanceTagKeys": ["cost", "other"]}
    )
    alice.register_instance_event_notification_attributes(
        InstanceTagAttribute={"IncludeAllTagsOfInstance": True}
    )
    assert told(alice) == ({"team"}, True)
    alice.deregister_instance_event_notification_attributes(
        InstanceTagAttribute={"IncludeAllTagsOfInstance": True}
    )
    assert told(alice) == (set(), False)
    assert told(bob) == (set(), False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"IncludeAllTagsOfInstance": False},
        {"InstanceTagKeys": ["a"], "IncludeAllTagsOfInstance": True},
    ],
)
def test_what_says_nothing_or_two_things_is_refused(alice: Any, wrong: dict[str, Any]) -> None:
    for ask in (
        alice.register_instance_event_notification_attributes,
        alice.deregister_instance_event_notification_attributes,
    ):
        assert refusal(ask, InstanceTagAttribute=wrong) == "InvalidParameterCombination"
    many = [f"k{number}" for number in range(51)]
    assert (
        refusal(
            alice.register_instance_event_notification_attributes,
            InstanceTagAttribute={"InstanceTagKeys": many},
        )
        == "InvalidParameterValue"
    )


def test_each_owner_is_written_to_with_the_tags_that_he_wants(
    world: World, administration: Administration, bob: Any, host: FakeHost
) -> None:
    ids = [one["InstanceId"] for one in launch(bob, 2, TagSpecifications=TAGS)]
    host.settle()
    schedule(administration, "instance-stop", *ids)
    assert written(world) == [], "nobody answers for the account"
    give_address(world, "bob")
    bob.register_instance_event_notification_attributes(
        InstanceTagAttribute={"InstanceTagKeys": ["team", "none"]}
    )
    schedule(administration, "instance-reboot", *ids)
    [(recipient, subject, text)] = written(world)
    assert (recipient, subject) == ("bob@example.org", "A scheduled event")
    for id in ids:
        assert f"{id}: instance-reboot at " in text
    assert text.count("team=red") == 2
    assert "secret" not in text


def test_all_tags_are_told_where_that_is_wanted_and_an_end_too(
    world: World, administration: Administration, bob: Any, host: FakeHost
) -> None:
    made = launch_one(bob, TagSpecifications=TAGS)["InstanceId"]
    host.settle()
    give_address(world, "bob")
    bob.register_instance_event_notification_attributes(
        InstanceTagAttribute={"IncludeAllTagsOfInstance": True}
    )
    schedule(administration, "instance-stop", made)
    assert "secret=x, team=red" in written(world)[0][2]
    [event] = [one.id for one in world.store.view.list(records.EVENT)]
    for _ in range(2):
        administration.sender.ask("mallee", "CancelEvent", EventId=event)
    assert sorted(subject for _, subject, _ in written(world)) == [
        "A scheduled event",
        "A scheduled event was canceled",
    ]
