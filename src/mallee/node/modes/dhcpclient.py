"""A client of the LAN's DHCP servers, for one interface: a machine without I/O.

By RFC 2131, with the guest's MAC as hardware address and as client identifier, so that a server
cannot tell it from the guest itself. What is leased is tried on the LAN first (RFC 5227): an
address that somebody has is declined.

      LOOKING --offer--> TAKING --ack--> TRYING --nobody has it--> HOLDING <--ack--+
        ^  ^               | nak, silence   | somebody has it        | a half      |
        |  +---------------+----------------+                        v             |
        |        RETURNING (a lease of before) --ack--> HOLDING   RENEWING --------+
        |            | nak, silence                                  | seven eighths
        +------------+--------------- nak, its end ------------- REBINDING --------+

`lease` is what may be used now. `on_*` return the client as it is then and what is to be said.
Called by `leasekeeper`, which brings clock, chance and network. Pure.
"""

from dataclasses import dataclass, field, replace
from enum import Enum

from mallee.node.modes import leases
from mallee.node.modes.dhcpwire import Answer, Kind, Question
from mallee.node.modes.leases import Lease

FIRST_WAIT_S, WAIT_S_MAX = 2.0, 64.0
"""Between questions that nobody answers: doubled each time, and up to a half of it by chance."""
TAKING_TRIES, RETURNING_TRIES = 4, 3
PROBES = 3
PROBE_EVERY_S = 0.3
AFTER_DECLINE_S = 10.0
_AGAIN_S_MIN = 4.0
_CHANCES = 1 << 32


class Stage(Enum):
    """Where a client stands."""

    LOOKING = "looking"
    """It asks all servers for an address."""
    TAKING = "taking"
    """It asks for what one has offered."""
    RETURNING = "returning"
    """It asks whether a lease of before is still its own."""
    TRYING = "trying"
    """It has a lease, and asks the LAN whether somebody has that address."""
    HOLDING = "holding"
    """It has a lease."""
    RENEWING = "renewing"
    """It has a lease, and asks the server that gave it for more time."""
    REBINDING = "rebinding"
    """It has a lease, and asks all servers for more time."""


@dataclass(frozen=True, slots=True)
class Say:
    """A message for the LAN; to nobody in particular: for all."""

    question: Question
    server: str = ""
    server_mac: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask the LAN who has an address."""

    address: str


Act = Say | Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One interface's dealings with the LAN's servers."""

    mac: str
    network: str
    """Of which its address must be."""
    wished: str = ""
    """The address that it asks for, if it may choose."""
    stage: Stage = Stage.LOOKING
    since: float
    """When it began to ask."""
    wake_at: float
    number: int = 0
    tries: int = 0
    """Questions of this stage."""
    offer: Answer | None = None
    """What it takes."""
    offered_by: str = ""
    lease: Lease | None = None
    tried: Lease | None = None
    """What is not its own before it was tried."""
    trouble: str = ""
    """Why nothing was got, in words."""

    @property
    def is_settled(self) -> bool:
        """Whether it has what it can use."""
        return self.lease is not None


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happens, and what chance says then."""

    now: float
    chance: int
    """From 0 to 2**32."""
    acts: list[Act] = field(default_factory=list[Act])


Next = tuple[Client, tuple[Act, ...]]


def begun(mac: str, network: str, now: float, wished: str = "") -> Client:
    """Return a client that has no lease yet."""
    return Client(mac=mac, network=network, wished=wished, since=now, wake_at=now)


def returned(client: Client, lease: Lease) -> Client:
    """Return the client with a lease of before, to be asked about."""
    if lease.ends_at <= client.since:
        return replace(client, wished=lease.address)
    return replace(client, stage=Stage.RETURNING, lease=lease, wished=lease.address)


def on_time(client: Client, now: float, chance: int) -> Next:
    """Do what time alone asks for."""
    if now < client.wake_at:
        return client, ()
    at = Moment(now, chance)
    match client.stage:
        case Stage.LOOKING:
            after = _ask(client, at, Kind.DISCOVER)
        case Stage.TAKING:
            is_over = client.tries >= TAKING_TRIES
            after = _look(client, at) if is_over else _ask(client, at, Kind.REQUEST)
        case Stage.RETURNING:
            after = _return(client, at)
        case Stage.TRYING:
            after = _try(client, at)
        case Stage.HOLDING | Stage.RENEWING | Stage.REBINDING:
            after = _keep(client, at)
    return after, tuple(at.acts)


def on_answer(client: Client, answer: Answer, came_by: str, at: Moment) -> Next:
    """Take what a server says; `came_by` is the MAC of who brought it."""
    if answer.number != client.number or answer.mac != client.mac or client.tries == 0:
        return client, ()
    after = client
    match client.stage, answer.kind:
        case Stage.LOOKING, Kind.OFFER:
            after = _choose(client, answer, came_by, at)
        case Stage.TAKING, Kind.ACK if client.offer is not None:
            if answer.server == client.offer.server and answer.address == client.offer.address:
                after = _began_trying(client, answer, came_by, at)
        case Stage.TAKING, Kind.NAK if client.offer is not None:
            if answer.server == client.offer.server:
                after = _look(_troubled(client, leases.refused(answer)), at)
        case ((Stage.RETURNING | Stage.RENEWING | Stage.REBINDING), Kind.ACK):
            after = _kept(client, answer, came_by, at.now)
        case ((Stage.RETURNING | Stage.RENEWING | Stage.REBINDING), Kind.NAK):
            after = _on_refusal(client, answer, at)
        case _:
            pass
    return after, tuple(at.acts)


def on_neighbour(client: Client, address: str, mac: str, at: Moment) -> Next:
    """Take note that somebody has, or wants, an address."""
    tried = client.tried
    if client.stage is not Stage.TRYING or tried is None or tried.address != address:
        return client, ()
    words = f"{address} was leased, but the machine {mac} has it; the server was told"
    declined = Question(
        kind=Kind.DECLINE,
        number=client.number,
        mac=client.mac,
        asked=address,
        server=tried.server,
    )
    at.acts.append(Say(declined))
    after = replace(
        _troubled(client, words),
        stage=Stage.LOOKING,
        tried=None,
        wished="",
        tries=0,
        wake_at=at.now + AFTER_DECLINE_S,
    )
    return after, tuple(at.acts)


def released(client: Client, chance: int) -> tuple[Act, ...]:
    """Return what gives the lease back."""
    held = client.lease or client.tried
    if held is None:
        return ()
    question = Question(
        kind=Kind.RELEASE, number=chance, mac=client.mac, own=held.address, server=held.server
    )
    return (Say(question, held.server, held.server_mac),)


# Asking


def _ask(client: Client, at: Moment, kind: Kind, *, is_for_server: bool = False) -> Client:
    """Ask, and once more when nobody answers."""
    number = at.chance if client.tries == 0 else client.number
    after = replace(client, number=number, tries=client.tries + 1)
    wait_s = min(FIRST_WAIT_S * 2**client.tries, WAIT_S_MAX)
    wait_s *= 1 + at.chance / _CHANCES / 2
    question = Question(
        kind=kind,
        number=number,
        mac=client.mac,
        seconds=int(at.now - client.since),
        own=client.lease.address if client.lease and client.stage in _HEARD else "",
        asked=_asked(client),
        server=client.offer.server if client.offer is not None else "",
    )
    lease = client.lease
    to_server = is_for_server and lease is not None and lease.server_mac != ""
    to = (lease.server, lease.server_mac) if lease is not None and to_server else ("", "")
    at.acts.append(Say(question, *to))
    return replace(after, wake_at=at.now + wait_s)


_HEARD = frozenset({Stage.RENEWING, Stage.REBINDING})
"""Then the address is said to be its own, and is not asked for."""


def _asked(client: Client) -> str:
    if client.stage in _HEARD:
        return ""
    return client.offer.address if client.offer is not None else client.wished


def _look(client: Client, at: Moment) -> Client:
    """Begin to look for an address; who was refused waits a little."""
    return replace(
        client,
        stage=Stage.LOOKING,
        offer=None,
        tried=None,
        lease=None,
        tries=0,
        wake_at=at.now + 1.0,
    )


def _choose(client: Client, offer: Answer, came_by: str, at: Moment) -> Client:
    """Take the first offer that can be taken."""
    fault = leases.fault(client.network, offer)
    if fault:
        return _troubled(client, fault)
    taking = replace(client, stage=Stage.TAKING, offer=offer, offered_by=came_by, tries=0)
    return _ask(taking, at, Kind.REQUEST)


def _troubled(client: Client, words: str) -> Client:
    return replace(client, trouble=words)


# Trying


def _began_trying(client: Client, answer: Answer, came_by: str, at: Moment) -> Client:
    fault = leases.fault(client.network, answer)
    if fault:
        return _look(_troubled(client, fault), at)
    lease = leases.lease_of(client.network, answer, came_by, at.now)
    return _try(replace(client, stage=Stage.TRYING, tried=lease, offer=None, tries=0), at)


def _try(client: Client, at: Moment) -> Client:
    tried = client.tried
    assert tried is not None
    if client.tries < PROBES:
        at.acts.append(Probe(tried.address))
        return replace(client, tries=client.tries + 1, wake_at=at.now + PROBE_EVERY_S)
    return replace(
        client,
        stage=Stage.HOLDING,
        lease=tried,
        tried=None,
        wished=tried.address,
        tries=0,
        trouble="",
        wake_at=tried.renew_at,
    )


# Keeping


def _return(client: Client, at: Moment) -> Client:
    """Ask about a lease of before; when no server says anything it is good until its end."""
    lease = client.lease
    assert lease is not None
    if client.tries < RETURNING_TRIES:
        return _ask(client, at, Kind.REQUEST)
    return _keep(replace(client, stage=Stage.HOLDING, tries=0), at)


def _keep(client: Client, at: Moment) -> Client:
    """Renew by the server that gave the lease, later by any, until its end."""
    lease, now = client.lease, at.now
    assert lease is not None
    if now >= lease.ends_at:
        words = f"the lease of {lease.address} ended: no DHCP server renewed it"
        return _look(replace(_troubled(client, words), since=now), at)
    if now < lease.renew_at:
        return replace(client, stage=Stage.HOLDING, tries=0, wake_at=lease.renew_at)
    stage = Stage.RENEWING if now < lease.rebind_at else Stage.REBINDING
    if stage is not client.stage:
        client = replace(client, stage=stage, tries=0, since=now)
    until = lease.rebind_at if stage is Stage.RENEWING else lease.ends_at
    asked = _ask(client, at, Kind.REQUEST, is_for_server=stage is Stage.RENEWING)
    again_s = max((until - now) / 2, _AGAIN_S_MIN)
    return replace(asked, wake_at=min(now + again_s, until))


def _kept(client: Client, answer: Answer, came_by: str, now: float) -> Client:
    lease = client.lease
    if lease is None or answer.address != lease.address or leases.fault(client.network, answer):
        return client
    if client.stage is Stage.RENEWING and answer.server != lease.server:
        return client
    renewed = leases.lease_of(client.network, answer, came_by, now)
    return replace(
        client,
        stage=Stage.HOLDING,
        lease=renewed,
        wished=renewed.address,
        tries=0,
        trouble="",
        wake_at=renewed.renew_at,
    )


def _on_refusal(client: Client, answer: Answer, at: Moment) -> Client:
    lease = client.lease
    if lease is None or (client.stage is Stage.RENEWING and answer.server != lease.server):
        return client
    words = f"{lease.address} is lost: {leases.refused(answer)}"
    return _look(replace(_troubled(client, words), since=at.now, wished=""), at)
