"""A packet's way through a host is told to whom the packet is; the host's own names to few."""

from typing import Any

import msgspec
import pytest

from mallee.model.packets.traces import (
    ASK_TRACE,
    Crossing,
    HostTrace,
    ProbeStep,
    ProbeTold,
    TraceAsk,
    TraceStep,
)
from tests.cloud.ec2.asking import launch_one
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import FakeHost, Front
from tests.cloud.signing import Answer, Sender

NAMESPACE = "mallee-box-vpc-1"


def trace(sender: Sender, source: str, destination: str, **more: str) -> Answer:
    asked = {"SourceId": source, "Destination": destination, **(more or {"Port": "22"})}
    return sender.ask("mallee", "TracePacket", **asked)


def told(at: str, group: str) -> bytes:
    """What a host answers."""
    rule = ProbeStep(
        kind="rule", namespace=NAMESPACE, name=f"{group}-in", about=group, verdict="jump mt-in"
    )
    stranger = ProbeStep(
        kind="rule", namespace=NAMESPACE, name="known", text="ct state new", verdict="drop"
    )
    probe = ProbeTold(end="dropped", at=at, why="ingress", steps=(rule, stranger))
    step = TraceStep(
        about=at,
        kind="device",
        namespace=NAMESPACE,
        name="mt0",
        text="up",
        packets=5,
        octets=98765432101,
    )
    return msgspec.json.encode(HostTrace(end="ingress", at=at, steps=(step,), probe=probe))


@pytest.fixture
def pair(bob: Any, host: FakeHost) -> list[dict[str, Any]]:
    made = [launch_one(bob), launch_one(bob)]
    host.settle()
    return made


def ids(pair: list[dict[str, Any]]) -> tuple[str, str, str, str]:
    one, two = pair
    interface = two["NetworkInterfaces"][0]
    group = interface["Groups"][0]["GroupId"]
    return one["InstanceId"], two["InstanceId"], interface["NetworkInterfaceId"], group


def test_the_owner_is_told_of_his_own_things_alone(
    administration: Administration, front: Front, host: FakeHost, pair: list[dict[str, Any]]
) -> None:
    one, two, interface, group = ids(pair)
    asked = front.answer_next_ask(host.id, told(interface, group))
    answer = trace(administration.bob, one, two, Port="22", Probe="true")
    assert answer.status == 200, answer.text
    question = asked.result()
    assert (question.kind, question.instance_id) == (ASK_TRACE, one)
    detail = msgspec.json.decode(question.detail, type=TraceAsk)
    assert (detail.protocol, detail.port, detail.is_probe) == (6, 22, True)
    assert detail.destination == pair[1]["PrivateIpAddress"]
    assert interface in answer.text
    assert "AuthorizeSecurityGroupIngress" in answer.text
    assert group in answer.text
    for hidden in (NAMESPACE, "mt0", host.id, "ct state", "98765432101"):
        assert hidden not in answer.text, hidden


def test_an_administrator_is_told_of_the_host(
    administration: Administration, front: Front, host: FakeHost, pair: list[dict[str, Any]]
) -> None:
    one, two, interface, group = ids(pair)
    asked = front.answer_next_ask(host.id, told(interface, group))
    answer = trace(administration.sender, one, two)
    assert answer.status == 200, answer.text
    assert msgspec.json.decode(asked.result().detail, type=TraceAsk).is_probe is False
    for shown in (NAMESPACE, "mt0", host.id, "ct state", "98765432101"):
        assert shown in answer.text, shown


def test_what_befalls_in_another_accounts_network_is_not_told(
    alice: Any,
    administration: Administration,
    front: Front,
    host: FakeHost,
    pair: list[dict[str, Any]],
) -> None:
    hers = launch_one(alice)["NetworkInterfaces"][0]
    host.settle()
    one, _, _, group = ids(pair)
    front.answer_next_ask(host.id, told(hers["NetworkInterfaceId"], group))
    answer = trace(administration.bob, one, "203.0.113.250", Port="22", Probe="true")
    assert answer.status == 200, answer.text
    assert hers["NetworkInterfaceId"] not in answer.text
    assert "<End>beyond</End>" in answer.text
    assert "ingress" not in answer.text


def test_another_accounts_ends_are_not_there(
    alice: Any, administration: Administration, host: FakeHost, pair: list[dict[str, Any]]
) -> None:
    hers = launch_one(alice)
    own = ids(pair)[0]
    for source, destination in ((hers["InstanceId"], own), (own, hers["InstanceId"])):
        refused = trace(administration.bob, source, destination)
        assert refused.code == "InvalidInstanceID.NotFound"
    assert trace(administration.bob, "internet", own).code == "InvalidInput"


def test_a_host_that_talks_nonsense_is_said_so(
    administration: Administration, front: Front, host: FakeHost, pair: list[dict[str, Any]]
) -> None:
    one, two, *_ = ids(pair)
    front.answer_next_ask(host.id, b"nonsense")
    assert trace(administration.bob, one, two).code == "Unavailable"


def test_both_families_and_the_internet_are_judged(
    bob: Any, administration: Administration, host: FakeHost, pair: list[dict[str, Any]]
) -> None:
    one, two, interface, _ = ids(pair)
    bobs = administration.bob
    asked = {"Destination": two, "Port": "22"}
    refused = bobs.ask("mallee", "ExplainPacket", SourceId=one, IsIpv6="true", **asked)
    assert refused.code == "InvalidInput"
    address = bob.allocate_address()
    bob.associate_address(AllocationId=address["AllocationId"], InstanceId=two)
    answer = bobs.ask("mallee", "ExplainPacket", SourceId="internet", **asked)
    assert answer.element("End") == "ingress"
    assert address["PublicIp"] in answer.text
    answer = bobs.ask("mallee", "ExplainPacket", SourceId=one, Destination="internet", Port="443")
    assert answer.element("End") == "world"
    assert "keeps it" not in answer.text
    assert f"{interface} " not in answer.text


def test_the_host_that_the_packet_goes_on_to_is_asked_too(
    administration: Administration, front: Front, host: FakeHost, pair: list[dict[str, Any]]
) -> None:
    one, two, interface, group = ids(pair)
    crossing = Crossing(
        host_id=host.id,
        vpc_id=pair[0]["VpcId"],
        subnet_id=pair[0]["SubnetId"],
        source=pair[0]["PrivateIpAddress"],
        destination=pair[1]["PrivateIpAddress"],
    )
    step = TraceStep(about=host.id, kind="device", namespace=NAMESPACE, name="overlay")
    first = HostTrace(end="elsewhere", at=host.id, steps=(step,), crossing=crossing)
    asked = front.answer_asks(host.id, msgspec.json.encode(first), told(interface, group))
    answer = trace(administration.sender, one, two)
    assert answer.status == 200, answer.text
    details = [msgspec.json.decode(ask.detail, type=TraceAsk) for ask in asked.result()]
    assert details[1].place == (pair[0]["VpcId"], pair[0]["SubnetId"])
    assert details[1].destination == pair[1]["PrivateIpAddress"]
    assert answer.element("End") == "ingress"
    assert "overlay" in answer.text
    assert "behind the first 1 steps" in answer.text


def test_a_host_that_is_not_there_is_not_asked(
    administration: Administration, front: Front, host: FakeHost, pair: list[dict[str, Any]]
) -> None:
    one, two, *_ = ids(pair)
    crossing = Crossing(
        host_id="host-0123456789abcdef0", vpc_id="x", subnet_id="", source="", destination=""
    )
    first = HostTrace(end="elsewhere", at=crossing.host_id, crossing=crossing)
    front.answer_next_ask(host.id, msgspec.json.encode(first))
    answer = trace(administration.bob, one, two)
    assert answer.element("End") == "elsewhere"
    assert "says nothing at the moment" in answer.text
    assert crossing.host_id not in answer.text
