"""Hosts are asked what they look like by administrators of the cloud alone, and believed little."""

import zlib

import msgspec
import pytest

from mallee.model.hosts import checks
from mallee.model.hosts.checks import Announced, CheckTold, Finding, Heard, Neighbour, Path
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
    heard=(Heard(mac="02:01", vlans=("10-12",)),),
    neighbours=(Neighbour(address="192.0.2.9", mac="02:02"),),
    macs=("02:03",),
    tunnels=("192.0.2.3",),
    arrived=("203.0.113.5",),
    announced=(Announced(network="203.0.113.0/25", by="192.0.2.8", how="RIP"),),
)


def test_an_administrator_is_told_what_a_host_found(
    administration: Administration, front: Front, host: FakeHost
) -> None:
    asked = front.answer_next_ask(host.id, checks.pack(TOLD))
    answer = check(administration.sender, host.id)
    assert answer.status == 200, answer.text
    question = asked.result()
    assert (question.kind, question.instance_id) == (checks.ASK_CHECK, "")
    assert msgspec.json.decode(question.detail, type=checks.CheckAsk).kind is checks.Kind.HOST
    for shown in (
        "no server",
        "name one",
        "1000.5",
        "<PacketBytesMax>1400<",
        "02:01",
        "02:02",
        "10-12",
    ):
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
    assert check(sender, host.id, "call", **{"Vlans.member.1": "9-2"}).status == 400
    assert check(sender, host.id, "call", Place="everywhere").status == 400
    # What changes something has a permission of its own.
    assert check(sender, host.id, "fix").status == 400
    asked = front.answer_next_ask(host.id, checks.pack(TOLD))
    assert check(sender, host.id, "call", Nonce="0" * 16, **{"Vlans.member.1": "7"}).status == 200
    detail = msgspec.json.decode(asked.result().detail, type=checks.CheckAsk)
    assert (detail.vlans, detail.nonce) == (("7",), "0" * 16)
    # By it the host knows which network card is meant.
    assert detail.address


@pytest.mark.parametrize(
    "said", [b"nonsense", zlib.compress(b'{"now": "x"}'), zlib.compress(bytes(8 << 20))]
)
def test_a_host_that_talks_nonsense_is_said_so(
    administration: Administration, front: Front, host: FakeHost, said: bytes
) -> None:
    front.answer_next_ask(host.id, said)
    assert check(administration.sender, host.id).code == "Unavailable"


def test_a_hosts_words_are_plain_and_bounded(
    administration: Administration, front: Front, host: FakeHost
) -> None:
    odd = Finding(subject="a\x1b[2J", ok=True, text="x" * 100_000)
    front.answer_next_ask(host.id, checks.pack(CheckTold(now=0.0, findings=(odd,))))
    answer = check(administration.sender, host.id)
    assert answer.status == 200
    assert "\x1b" not in answer.text
    assert len(answer.text) < 5_000


def test_a_host_is_told_to_put_right_what_it_knows_by_administrators_alone(
    administration: Administration, front: Front, host: FakeHost
) -> None:
    sender = administration.sender
    fix = {"HostId": host.id, "Codes.member.1": "loop-missing"}
    assert administration.bob.ask("mallee", "FixHost", **fix).status == 403
    forged = sender.signed("mallee", {"Action": "FixHost", **fix}, secret="not hers")
    assert sender.send(forged).status == 403
    assert sender.ask("mallee", "FixHost", HostId=host.id).status == 400
    odd = {"HostId": host.id, "Codes.member.1": "loop-missing; reboot"}
    assert sender.ask("mallee", "FixHost", **odd).status == 400
    gone = fix | {"HostId": "host-00000000000000000"}
    assert sender.ask("mallee", "FixHost", **gone).code == "NoSuchResource"
    asked = front.answer_next_ask(host.id, checks.pack(TOLD))
    answer = sender.ask("mallee", "FixHost", **fix)
    assert answer.status == 200, answer.text
    assert "no server" in answer.text
    detail = msgspec.json.decode(asked.result().detail, type=checks.CheckAsk)
    assert (detail.kind, detail.codes) == (checks.Kind.FIX, ("loop-missing",))
