"""Who is believed of where a guest is, and for how long."""

import time
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import HostWanted
from mallee.model.network.carried import FarInterface, FarWanted, PeerWanted
from mallee.node.do.channel import Connection, Hello, Welcome
from mallee.node.migrating import messages, whereabouts
from mallee.node.migrating.whereabouts import Whereabouts
from tests.node import shapes, wants

OWN, OLD, NEW, STRANGER = (f"host-{n:017x}" for n in range(4))
GUEST = "i-0123456789abcdef0"
HELLO = Hello(what=messages.MOVED, id=GUEST, move_id="mig-1", word="")


@dataclass
class Said:
    """A connection on which a host has said where a guest is."""

    peer: str
    to: str = NEW
    answers: list[object] = field(default_factory=list[object])

    def send(self, message: object) -> None:
        self.answers.append(message)

    def receive(self, kind: object) -> object:
        return messages.Moved(to_host_id=self.to)


def wanted(holder: str = OLD) -> HostWanted:
    """A host that leads to a guest on another one."""
    one = FarInterface("eni-00000000000000009", GUEST, ("10.0.0.9",))
    far = tuple(
        FarWanted(host_id=id, interfaces=(one,) if id == holder else ()) for id in (OLD, NEW)
    )
    peers = tuple(PeerWanted(id, id, f"192.0.2.{n}") for n, id in enumerate((OLD, NEW), 1))
    host = wants.make_host(1)
    vpc = replace(shapes.vpc(0, (), (), {}), far=far)
    return replace(host, vpcs=(vpc,), peers=peers, own=PeerWanted(OWN, "here", "192.0.2.9"))


def hear(known: Whereabouts, said: Said, told: HostWanted | None) -> bool:
    return whereabouts.serve(known, told, (cast("Connection", cast("Any", said)), HELLO))


def test_the_host_that_has_a_guest_is_believed_of_where_it_went() -> None:
    known, said = Whereabouts(), Said(OLD)
    assert hear(known, said, wanted())
    assert said.answers == [Welcome(), messages.Noted()]
    assert known.places() == {GUEST: NEW}
    assert not hear(known, Said(OLD), wanted())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Said(STRANGER), wanted()),
        # Also not the host to which it goes: that it has it already is the old one's to say.
        (Said(NEW), wanted()),
        (Said(OLD), wanted(holder=NEW)),
        (Said(OLD), None),
        (Said(OLD, to=STRANGER), wanted()),
    ],
)
def test_nobody_else_is_believed(said: Said, told: HostWanted | None) -> None:
    known = Whereabouts()
    assert not hear(known, said, told)
    assert known.places() == {}
    assert messages.Noted() not in said.answers


def test_what_the_cloud_says_since_counts() -> None:
    known = Whereabouts()
    hear(known, Said(OLD), wanted())
    known.keep_only(wanted(), ())
    assert known.places() == {GUEST: NEW}
    known.keep_only(wanted(holder=NEW), ())
    assert known.places() == {}


def test_who_is_not_told_again_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    known, now = Whereabouts(), time.monotonic()
    hear(known, Said(OLD), wanted())
    monkeypatch.setattr(time, "monotonic", lambda: now + whereabouts.HEARD_S + 60)
    assert known.places() == {}


def test_a_guest_is_led_to_as_long_as_it_is_on_its_way() -> None:
    known = Whereabouts()
    known.lead(GUEST, NEW)
    known.keep_only(wanted(), (GUEST,))
    assert known.places() == {GUEST: NEW}
    known.keep_only(wanted(), ())
    assert known.places() == {}
