"""The client of the LAN's DHCP servers, on a clock of the tests' own."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mallee.node.modes import dhcpclient
from mallee.node.modes.dhcpclient import Client, Moment, Probe, Say, Stage
from mallee.node.modes.dhcpwire import Answer, Kind
from mallee.node.modes.leases import Lease

MAC, SERVER_MAC = "02:00:00:00:00:01", "52:54:00:00:00:01"
NETWORK = "10.9.0.0/24"
NOW = 1_700_000_000.0


class Desk:
    """A client with a clock, and what it has said."""

    def __init__(self, lease: Lease | None = None) -> None:
        self.now = NOW
        self.client = dhcpclient.begun(MAC, NETWORK, NOW)
        if lease is not None:
            self.client = dhcpclient.returned(self.client, lease)
        self.said: list[dhcpclient.Act] = []

    def take(self, after: dhcpclient.Next) -> None:
        self.client = after[0]
        self.said += after[1]

    def go(self) -> None:
        """Let time pass until the client wakes."""
        self.now = max(self.now, self.client.wake_at)
        self.take(dhcpclient.on_time(self.client, self.now, chance=int(self.now) & 0xFFFF))

    def hear(self, answer: Answer) -> None:
        moment = Moment(self.now, 7)
        self.take(dhcpclient.on_answer(self.client, answer, SERVER_MAC, moment))

    def answer(self, kind: Kind, **changes: object) -> Answer:
        told = Answer(
            kind=kind, number=self.client.number, mac=MAC, address="10.9.0.7", server="10.9.0.2",
            prefix_length=24, routers=("10.9.0.1",), lease_s=800,
        )  # fmt: skip
        return replace(told, **changes)

    def lease(self) -> Lease:
        """Go all the way to a lease."""
        self.go()
        self.hear(self.answer(Kind.OFFER))
        self.hear(self.answer(Kind.ACK))
        while self.client.stage is Stage.TRYING:
            self.go()
        assert self.client.lease is not None
        return self.client.lease

    @property
    def last(self) -> Say:
        said = self.said[-1]
        assert isinstance(said, Say)
        return said


def test_a_lease_is_asked_for_taken_and_tried() -> None:
    desk = Desk()
    lease = desk.lease()
    kinds = [one.question.kind for one in desk.said if isinstance(one, Say)]
    assert kinds == [Kind.DISCOVER, Kind.REQUEST]
    assert [one for one in desk.said if isinstance(one, Probe)] == [Probe("10.9.0.7")] * 3
    assert (lease.address, lease.router, lease.server_mac) == ("10.9.0.7", "10.9.0.1", SERVER_MAC)
    assert desk.client.wake_at == lease.renew_at


def test_who_hears_nothing_asks_less_and_less_often() -> None:
    desk, waits = Desk(), list[float]()
    for _ in range(8):
        desk.go()
        waits.append(desk.client.wake_at - desk.now)
    assert waits[:3] == sorted(waits[:3])
    assert 2.0 <= waits[0] <= 3.0
    assert 64.0 <= waits[-1] <= 96.0


def test_half_way_the_server_is_asked_later_everybody_and_then_it_is_lost() -> None:
    desk = Desk()
    lease = desk.lease()
    desk.go()
    assert desk.client.stage is Stage.RENEWING
    assert (desk.last.server, desk.last.server_mac) == ("10.9.0.2", SERVER_MAC)
    assert (desk.last.question.own, desk.last.question.asked) == ("10.9.0.7", "")
    while desk.now < lease.rebind_at:
        assert desk.client.lease == lease
        desk.go()
    assert desk.client.stage is Stage.REBINDING
    assert desk.last.server == ""
    while desk.now < lease.ends_at:
        desk.go()
    assert desk.client.lease is None
    assert "no DHCP server renewed it" in desk.client.trouble
    desk.go()
    assert desk.last.question.kind is Kind.DISCOVER
    assert desk.last.question.asked == "10.9.0.7"


def test_a_renewed_lease_is_longer() -> None:
    desk = Desk()
    before = desk.lease()
    desk.go()
    desk.hear(desk.answer(Kind.ACK))
    assert desk.client.stage is Stage.HOLDING
    assert desk.client.lease is not None
    assert desk.client.lease.ends_at == desk.now + 800 > before.ends_at


def test_a_refused_renewal_is_the_end_of_an_address_and_another_follows() -> None:
    desk = Desk()
    desk.lease()
    desk.go()
    desk.hear(desk.answer(Kind.NAK, words="wrong network"))
    assert desk.client.lease is None
    assert "wrong network" in desk.client.trouble
    desk.go()
    desk.hear(desk.answer(Kind.OFFER, address="10.9.0.8"))
    desk.hear(desk.answer(Kind.ACK, address="10.9.0.8"))
    while desk.client.stage is Stage.TRYING:
        desk.go()
    assert desk.client.lease is not None
    assert desk.client.lease.address == "10.9.0.8"
    assert desk.client.trouble == ""


def test_while_one_server_is_asked_no_other_takes_the_lease_away() -> None:
    desk = Desk()
    lease = desk.lease()
    desk.go()
    desk.hear(desk.answer(Kind.NAK, server="10.9.0.66"))
    desk.hear(desk.answer(Kind.ACK, server="10.9.0.66"))
    assert desk.client.lease == lease


def test_of_several_servers_the_first_good_offer_is_taken() -> None:
    desk = Desk()
    desk.go()
    desk.hear(desk.answer(Kind.OFFER, address="192.168.1.5", server="10.9.0.66"))
    assert desk.client.stage is Stage.LOOKING
    assert "192.168.1.5" in desk.client.trouble
    desk.hear(desk.answer(Kind.OFFER))
    desk.hear(desk.answer(Kind.OFFER, address="10.9.0.8", server="10.9.0.3"))
    assert desk.last.question.asked == "10.9.0.7"
    assert desk.last.question.server == "10.9.0.2"
    desk.hear(desk.answer(Kind.ACK, address="10.9.0.9"))
    desk.hear(desk.answer(Kind.ACK, server="10.9.0.3"))
    assert desk.client.stage is Stage.TAKING


def test_answers_to_others_and_to_other_questions_are_nothing() -> None:
    desk = Desk()
    desk.hear(desk.answer(Kind.OFFER))
    desk.go()
    before = desk.client
    desk.hear(desk.answer(Kind.OFFER, number=before.number + 1))
    desk.hear(desk.answer(Kind.OFFER, mac="02:00:00:00:00:02"))
    desk.hear(desk.answer(Kind.ACK))
    assert desk.client == before


def test_an_address_that_somebody_has_is_declined_and_not_asked_for_at_once() -> None:
    desk = Desk()
    desk.go()
    desk.hear(desk.answer(Kind.OFFER))
    desk.hear(desk.answer(Kind.ACK))
    moment = Moment(desk.now, 7)
    desk.take(dhcpclient.on_neighbour(desk.client, "10.9.0.7", "52:54:00:00:00:09", moment))
    assert desk.last.question.kind is Kind.DECLINE
    assert "52:54:00:00:00:09" in desk.client.trouble
    assert desk.client.wake_at >= desk.now + 10
    assert desk.client.lease is None


def test_a_lease_of_before_is_asked_about_and_holds_if_nobody_answers() -> None:
    lease = Desk().lease()
    desk = Desk(lease)
    desk.go()
    assert desk.last.question.kind is Kind.REQUEST
    assert (desk.last.question.asked, desk.last.question.server) == ("10.9.0.7", "")
    while desk.client.stage is Stage.RETURNING:
        assert desk.client.lease == lease
        desk.go()
    assert (desk.client.stage, desk.client.lease) == (Stage.HOLDING, lease)
    refused = Desk(lease)
    refused.go()
    refused.hear(refused.answer(Kind.NAK))
    assert refused.client.lease is None


def test_what_is_given_back_is_told_to_its_server() -> None:
    desk = Desk()
    assert dhcpclient.released(desk.client, 5) == ()
    desk.lease()
    (said,) = dhcpclient.released(desk.client, 5)
    assert isinstance(said, Say)
    assert (said.question.kind, said.question.own) == (Kind.RELEASE, "10.9.0.7")
    assert said.server == "10.9.0.2"


_KINDS = st.sampled_from([Kind.OFFER, Kind.ACK, Kind.NAK])
_ADDRESSES = st.sampled_from(["10.9.0.7", "10.9.0.8", "10.9.0.255", "192.168.0.1", ""])
_SERVERS = st.sampled_from(["10.9.0.2", "10.9.0.3", ""])
_EVENTS = st.one_of(
    st.tuples(st.just("time"), st.integers(0, 900)),
    st.tuples(st.just("neighbour"), _ADDRESSES),
    st.tuples(_KINDS, _ADDRESSES, _SERVERS, st.integers(0, 900), st.booleans()),
)


@given(st.lists(_EVENTS, max_size=60))
def test_whatever_happens_an_address_is_of_the_lan_and_the_client_goes_on(
    events: list[tuple[object, ...]],
) -> None:
    desk = Desk()
    for event in events:
        if event[0] == "time":
            desk.now += float(str(event[1]))
            desk.take(dhcpclient.on_time(desk.client, desk.now, 3))
        elif event[0] == "neighbour":
            moment = Moment(desk.now, 3)
            after = dhcpclient.on_neighbour(desk.client, str(event[1]), SERVER_MAC, moment)
            desk.take(after)
        else:
            kind, address, server, lease_s, is_asked = event
            assert isinstance(kind, Kind)
            number = desk.client.number + (0 if is_asked else 1)
            desk.hear(
                desk.answer(kind, address=address, server=server, lease_s=lease_s, number=number)
            )
        _is_sound(desk.client, desk.now)


def _is_sound(client: Client, now: float) -> None:
    for lease in (client.lease, client.tried):
        if lease is not None:
            assert lease.address in {"10.9.0.7", "10.9.0.8"}
            assert lease.renew_at < lease.rebind_at < lease.ends_at
    assert client.wake_at <= now + 900
