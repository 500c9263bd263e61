"""Hosts are asked what they look like by administrators of the cloud alone, and believed little."""

import msgspec
import pytest

from mallee.model import checks
from mallee.model.checks import CheckTold, Finding, Heard, Neighbour, Path
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import FakeHost, Front
from tests.cloud.signing import Answer, Sender


def check(sender: Sender, host_id: str, kind: str = "host", **more: str) -> Answer:
    return sender.ask("mallee", "CheckHost", HostId=host_id, Kind=kind, **more)


TOLD = CheckTold(
    now=1_000.5,
    findings=(
        Finding(subject="names", ok=False, text="not well", cause="no server", cure="name one"),
    ),
    paths=(
        Path(address="192.0.2.2", sent=40, answered=39, took_ms=0.25, packet_max=1400, mtu=1500),
    ),
    heard=(Heard(mac="02:01", vlan=10),),
    neighbours=(Neighbour(address="192.0.2.9", mac="02:02"),),
    macs=("02:03",),
)


def test_an_administrator_is_told_what_a_host_found(
    administration: Administration, front: Front, host: FakeHost
) -> None:
    asked = front.answer_next_ask(host.id, msgspec.json.encode(TOLD))
    answer = check(administration.sender, host.id)
    assert answer.status == 200, answer.text
    question = asked.result()
    assert (question.kind, question.instance_id) == (checks.ASK_CHECK, "")
    assert msgspec.json.decode(question.detail, type=checks.CheckAsk).kind is checks.Kind.HOST
    for shown in ("no server", "name one", "1000.5", "<PacketBytesMax>1400<", "02:01", "02:02"):
        assert shown in answer.text, shown


def test_nobody_else_may_ask(administration: Administration, host: FakeHost) -> None:
    sender = administration.sender
    assert check(administration.bob, host.id).status == 403
    asked = {"HostId": host.id, "Kind": "host"}
    forged = sender.signed("mallee", {"Action": "CheckHost", **asked}, secret="not hers")
    assert sender.send(forged).status == 403
    del forged.headers["Authorization"]
    assert sender.send(forged).status in (400, 403)


def test_what_is_asked_is_checked(
    administration: Administration, front: Front, host: FakeHost
) -> None:
    sender = administration.sender
    assert check(sender, "host-00000000000000000").code == "NoSuchResource"
    assert check(sender, host.id, "everything").status == 400
    assert check(sender, host.id, "call", Nonce="../..").status == 400
    assert check(sender, host.id, "call", **{"Vlans.member.1": "4095"}).status == 400
    asked = front.answer_next_ask(host.id, msgspec.json.encode(TOLD))
    assert check(sender, host.id, "call", Nonce="0" * 16, **{"Vlans.member.1": "7"}).status == 200
    detail = msgspec.json.decode(asked.result().detail, type=checks.CheckAsk)
    assert (detail.vlans, detail.nonce) == ((7,), "0" * 16)
    # By it the host knows which network card is meant.
    assert detail.address


@pytest.mark.parametrize("said", [b"nonsense", b'{"now": "x"}'])
def test_a_host_that_talks_nonsense_is_said_so(
    administration: Administration, front: Front, host: FakeHost, said: bytes
) -> None:
    front.answer_next_ask(host.id, said)
    assert check(administration.sender, host.id).code == "Unavailable"


def test_a_hosts_words_are_plain_and_bounded(
    administration: Administration, front: Front, host: FakeHost
) -> None:
    odd = Finding(subject="a\x1b[2J", ok=True, text="x" * 100_000)
    front.answer_next_ask(host.id, msgspec.json.encode(CheckTold(now=0.0, findings=(odd,))))
    answer = check(administration.sender, host.id)
    assert answer.status == 200
    assert "\x1b" not in answer.text
    assert len(answer.text) < 5_000
