"""Two accounts cannot see or touch each other's things: asked of every row of the action table.

The *owner* has one thing of every kind. For every action, and every parameter of it that can name
a thing, the *intruder* names the owner's; everything else about his requests is right. He must be
told that there is no such thing, and afterwards nothing of the owner's may have changed.
A new parameter that names things must be added to `thingnames`, which the first test sees to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import botocore.exceptions
import msgspec
import pytest

from mallee.aws import model
from mallee.cloud import actions
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.state import records
from tests.cloud import belongings, rightrequests
from tests.cloud.agent import Agent, speaking
from tests.cloud.running import RunningCloud, fresh
from tests.cloud.signing import Sender
from tests.cloud.thingnames import (
    ASKS_ANOTHER,
    MAKES_A_NEW_NAME,
    NAMES_NOTHING,
    REFUSES,
    SAYS_NOTHING,
    named,
)

BUT = frozenset({"GetAccessKeyInfo"})
"""AWS tells everybody which account a key is of, and nothing else."""


@dataclass
class World:
    """A cloud, the owner's things by kind, and the intruder's own."""

    cloud: RunningCloud
    owner: dict[str, str]
    intruder: dict[str, str]
    owned: dict[str, str] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    # A host that falls silent would be told of in what the owner's instance says.
    with fresh() as cloud, speaking(_joined(cloud)):
        yield _populate(cloud)


def _joined(cloud: RunningCloud) -> Agent:
    token = Sender(cloud.port, cloud.admin).ask("mallee", "CreateJoinToken")
    agent = Agent(cloud.agents_port, token.element("CaCertificate"))
    assert agent.join(token.element("Token"))[0] == 200
    return agent


def _populate(cloud: RunningCloud) -> World:
    sender = Sender(cloud.port, cloud.admin)
    public = belongings.insert_image(cloud, cloud.admin["account_id"], "0", is_public=True)
    world = World(cloud, _account(sender, "owner"), _account(sender, "intruder"))
    world.owned = belongings.of_account(cloud, public, world.owner, "owned")
    world.own = belongings.of_account(cloud, public, world.intruder, "own")
    world.own["public-image"] = public
    return world


def _account(sender: Sender, name: str) -> dict[str, str]:
    answer = sender.ask("mallee", "CreateAccount", AccountName=name)
    return {
        "account_id": answer.element("AccountId"),
        "access_key_id": answer.element("AccessKeyId"),
        "secret_access_key": answer.element("SecretAccessKey"),
    }


def _has_dry_run(row: Action) -> bool:
    asked = model.load(row.service).operations[row.name].input
    return asked is not None and "DryRun" in asked.members


ROWS = [row for row in actions.TABLE.values() if row.service != "mallee" and not row.is_unsigned]
LOOKS = [
    row for row in ROWS if row.name.startswith(("Describe", "List", "Get")) and row.name not in BUT
]
WRITES = [row for row in ROWS if isinstance(row.does, Write) and _has_dry_run(row)]
TRIES = [
    (row, path)
    for row in ROWS
    for path in sorted(row.honours)
    if named(row.service, path)
    and row.name not in BUT
    and (row.name, path) not in MAKES_A_NEW_NAME | ASKS_ANOTHER
]


def test_every_parameter_names_something_or_nothing() -> None:
    unknown = {
        f"{row.name}.{path}"
        for row in ROWS
        for path in row.honours
        if not named(row.service, path)
        and not path.startswith("LaunchTemplateData.")
        and not NAMES_NOTHING.fullmatch(path.rpartition(".")[2])
    }
    assert unknown == set()


@pytest.mark.parametrize(("row", "path"), TRIES, ids=[f"{row.name}-{path}" for row, path in TRIES])
def test_things_of_another_account_are_not_there(world: World, row: Action, path: str) -> None:
    before = _state_of(world, world.owner)
    request = rightrequests.request(world.own, row, path, world.owned[named(row.service, path)])
    client = world.cloud.client(row.service, world.intruder)
    try:
        outcome = client._make_api_call(row.name, request)
    except botocore.exceptions.ClientError as error:
        outcome = error.response["Error"]
    if (row.name, path) in REFUSES:
        assert outcome.get("Code") == REFUSES[row.name, path], f"{request}: {outcome}"
    elif (row.name, path) not in SAYS_NOTHING:
        assert _says_not_there(outcome.get("Code", "success")), f"{request}: {outcome}"
    assert _state_of(world, world.owner) == before


def test_names_are_each_accounts_own(world: World) -> None:
    ec2 = world.cloud.client("ec2", world.intruder)
    before = _state_of(world, world.owner)
    name = world.owned["key-name"]
    ec2.create_key_pair(KeyName=name, KeyType="ed25519")
    ec2.delete_key_pair(KeyName=name)
    name = world.owned["group-name"]
    ec2.create_security_group(GroupName=name, Description="another")
    ec2.delete_security_group(GroupName=name)
    assert _state_of(world, world.owner) == before


@pytest.mark.parametrize("row", LOOKS, ids=[row.name for row in LOOKS])
def test_no_look_around_shows_another_account(world: World, row: Action) -> None:
    client = world.cloud.client(row.service, world.intruder)
    request = (
        rightrequests.request(world.own, row, "", "") if not isinstance(row.does, Listing) else {}
    )
    try:
        answer = str(client._make_api_call(row.name, request))
    except botocore.exceptions.ClientError as error:
        answer = str(error)
    ids = [*world.owned.values(), world.owner["account_id"]]
    assert [id for id in ids if re.search(rf"{re.escape(id)}\b", answer)] == []


DRY_RUN = ("DryRunOperation", "DryRunOperationException")
"""The services of XML and of JSON."""


@pytest.mark.parametrize("row", WRITES, ids=[row.name for row in WRITES])
def test_dry_run_changes_nothing(world: World, row: Action) -> None:
    before = _state_of(world, world.intruder)
    client = world.cloud.client(row.service, world.intruder)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client._make_api_call(
            row.name, {**rightrequests.request(world.own, row, "", ""), "DryRun": True}
        )
    assert error.value.response["Error"]["Code"] in DRY_RUN
    assert _state_of(world, world.intruder) == before


ADMINISTRATION = [row.name for row in actions.TABLE.values() if row.cloud_admin_only]
PLAIN = {
    "Email": "a@example.org",
    "ResourceId": "x",
    "TypeName": "lab.small",
    "EventCode": "instance-stop",
    "Kind": "host",
    "NotBefore": "2030-01-01T00:00:00Z",
    "Vcpus": "1",
    "MemoryMib": "256",
    "ConfirmSeconds": "60",
    "Word": "holds",
}
SPELLED = {"Codes": "Codes.member.1"}
"""Parameters that are lists, as a form has them."""


@pytest.mark.parametrize("name", ADMINISTRATION)
def test_administration_is_for_the_first_account_alone(world: World, name: str) -> None:
    shape = model.load("mallee").operations[name].input
    required = shape.required if shape else ()
    parameters = {SPELLED.get(one, one): PLAIN.get(one, "third") for one in required}
    if "ResourceId" in parameters:
        parameters["ResourceId"] = world.owned["instance"]
    sender = Sender(world.cloud.port, world.intruder)
    answer = sender.ask("mallee", name, **parameters)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert world.owned["instance"] not in answer.text


def _says_not_there(code: str) -> bool:
    # Aliases and public addresses are unique in the whole cloud, as they are in AWS: that one is
    # taken is all that is told.
    taken = ("EntityAlreadyExists", "InvalidIPAddress.InUse")
    return (
        code.endswith((".NotFound", "NatGatewayNotFound", "NoSuchEntity", "NotFoundException"))
        or code in taken
    )


def _state_of(world: World, key: dict[str, str]) -> dict[str, int]:
    """What everything of the account looks like, as it is wanted; when it was used is no part."""
    account = key["account_id"]
    view = world.cloud.store.view
    return {
        f"{kind.name} {record.id}": hash(msgspec.json.encode(record.doc))
        for kind in records.KINDS.values()
        if kind is not records.USES
        for record in view.list(kind, account)
    }
