"""What administrators have hosts look at: the documents of the question `check`.

The cloud asks with a `CheckAsk`, the agent answers with a `CheckTold`, both as JSON. A check only
looks, or sends a few packets that change nothing for whoever gets them; each ends by itself within
seconds. Who may ask is the cloud's to decide, what may be asked of a host is the agent's.
"""

import zlib
from collections.abc import Iterable
from enum import Enum
from ipaddress import IPv4Address

import msgspec

from mallee.model.network import addressspans

ASK_CHECK = "check"
"""The kind of the question: `hosts.Ask.detail` is a `CheckAsk`; it names no instance."""

ADDRESSES_MAX = 256
"""So many addresses are asked about at once."""
PATHS_MAX = 128
VLAN_MAX = 4094
SPANS_MAX = 64
"""Of VLANs in a question."""
HEARD_MAX = 512
"""So many others are heard at once."""
HEAR_S_MAX = 90.0
"""After which listening ends by itself, when nobody has asked what was heard."""
CALL_S = 1.0
"""How long frames are sent, again and again."""
ECHOES = 40
"""So many packets are sent to each address whose path is looked at."""
FIXES_MAX = 16
ANSWER_BYTES_MAX = 4 << 20
TUNNEL_PORT = 4789
"""Of UDP, at which VPCs reach from host to host."""


class Kind(Enum):
    """What is looked at."""

    HOST = "host"
    """The host itself: links, names, limits, rules of others, certificate."""
    PATHS = "paths"
    """The ways to the addresses: what is lost, how long it takes, how large packets may be."""
    HEAR = "hear"
    """Begin to listen for what bears the nonce: frames with tags, packets of tunnels, and echoes to
    the addresses, public ones that come to this host; these are answered as well."""
    HEARD = "heard"
    """Tell what was heard, and end it."""
    CALL = "call"
    """Send such frames to everybody on a network of the host, one for each VLAN, and packets as
    tunnels have them to the addresses."""
    REACH = "reach"
    """Send such echoes to the addresses, as a neighbour of the network would."""
    NEIGHBOURS = "neighbours"
    """Who answers to the addresses, by ARP."""
    DHCP = "dhcp"
    """Which servers offer addresses, without a tag or in the VLANs."""
    AROUND = "around"
    """Who speaks on a network of the host: switches, routers, other clouds. `vlans` are those in
    which nobody but the cloud should."""
    FIX = "fix"
    """Put right what the codes name, where the agent knows that it does no harm."""


class Place(Enum):
    """Which of the host's networks is meant."""

    ADDRESS = "address"
    """The one of the host's address, by which others reach it."""
    MODE = "mode"
    """The one in which instances stand in the cloud's network mode."""


class CheckAsk(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be looked at."""

    kind: Kind
    address: str = ""
    """The host's own, by which others reach it: it says which network card is meant."""
    place: Place = Place.ADDRESS
    addresses: tuple[str, ...] = ()
    """Single ones, or spans with a hyphen: where large packets vanish, questions must be small."""
    vlans: tuple[str, ...] = ()
    """Numbers and spans: `0`, `2-2049`; 0: without a tag."""
    nonce: str = ""
    codes: tuple[str, ...] = ()
    """Of the ailments that shall be put right."""


def spans_of(numbers: Iterable[int]) -> tuple[str, ...]:
    """Return numbers as spans, in order."""
    runs: list[list[int]] = []
    for one in sorted(numbers):
        if runs and one <= runs[-1][1] + 1:
            runs[-1][1] = one
        else:
            runs.append([one, one])
    return tuple(f"{first}-{last}" if last > first else str(first) for first, last in runs)


def address_spans(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return addresses as spans, in order."""
    spans = addressspans.merge(addressspans.parse(one) for one in addresses)
    ends = [(IPv4Address(span[0]), IPv4Address(span[-1])) for span in spans]
    return tuple(f"{first}-{last}" if first != last else f"{first}" for first, last in ends)


def addresses_of(spans: Iterable[str], most: int) -> tuple[str, ...]:
    """Return the addresses of spans; raise `ValueError` for what is none, and for too many."""
    found: list[str] = []
    for text in spans:
        span = addressspans.parse(text)
        if len(found) + len(span) > most:
            raise ValueError(f"more than {most} addresses")
        found += [str(IPv4Address(one)) for one in span]
    return tuple(found)


def pack(told: "CheckTold") -> bytes:
    """Return an answer as it travels: made small, for the way may lose large packets."""
    return zlib.compress(msgspec.json.encode(told))


def unpack(data: bytes) -> "CheckTold":
    """Return an answer that travelled; raise `ValueError` when it is none."""
    try:
        bare = zlib.decompressobj()
        told = msgspec.json.decode(bare.decompress(data, ANSWER_BYTES_MAX), type=CheckTold)
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(str(error)) from error
    for spans in (told.arrived, told.tried, told.answered):
        addresses_of(spans, ADDRESSES_MAX)
    for one in told.own:
        addressspans.parse(one)
    for heard in told.heard:
        numbers_of(heard.vlans)
    return told


def bits_of(spans: Iterable[str]) -> int:
    """Return the VLANs of spans as bits: of thousands between all pairs of hosts sets would be
    gigabytes. Raises `ValueError` for what is none."""
    found = 0
    for begin, end in map(_ends, spans):
        found |= ((1 << (end - begin + 1)) - 1) << begin
    return found


def numbers_of_bits(bits: int) -> tuple[int, ...]:
    """Return which bits are set."""
    return tuple(one for one in range(VLAN_MAX + 1) if bits >> one & 1) if bits else ()


def _ends(text: str) -> tuple[int, int]:
    first, hyphen, last = text.partition("-")
    begin, end = int(first), int(last if hyphen else first)
    if not 0 <= begin <= end <= VLAN_MAX:
        raise ValueError(f"the VLANs {text[:40]!r}")
    return begin, end


def numbers_of(spans: Iterable[str]) -> frozenset[int]:
    """Return the VLANs of spans; raise `ValueError` for what is none."""
    found: set[int] = set()
    for begin, end in map(_ends, spans):
        found.update(range(begin, end + 1))
    return frozenset(found)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found. `code`, `cause` and `cure` are empty when all is well."""

    subject: str
    ok: bool
    text: str
    code: str = ""
    """Which of the `ailments` it is."""
    cause: str = ""
    cure: str = ""


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """The way to an address, there and back."""

    address: str
    sent: int
    answered: int
    took_ms: float = 0.0
    """The shortest time."""
    packet_max: int = 0
    """The largest packet that came through, with its header; 0: none did."""
    mtu: int = 0
    """The largest that the host's own network card sends."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """Who was heard, and in which VLANs (spans)."""

    mac: str
    vlans: tuple[str, ...]


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks of, or from, a range of the cloud's that is not his."""

    network: str
    by: str
    how: str


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers to an address, or offers addresses."""

    address: str
    mac: str = ""
    vlan: int = 0


class CheckTold(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    now: float
    """The host's clock, in seconds since the epoch."""
    findings: tuple[Finding, ...] = ()
    paths: tuple[Path, ...] = ()
    heard: tuple[Heard, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    macs: tuple[str, ...] = ()
    """Of the host's own network cards."""
    tunnels: tuple[str, ...] = ()
    """The addresses whose packets came by the port of tunnels."""
    arrived: tuple[str, ...] = ()
    """The public addresses to which echoes came; these and what follows are spans."""
    tried: tuple[str, ...] = ()
    """Those to which this host could send any."""
    answered: tuple[str, ...] = ()
    """Those of whose echoes an answer came."""
    announced: tuple[Announced, ...] = ()
    own: tuple[str, ...] = ()
    """The addresses that instances of this host have, or that lead to instances by it."""
    device: str = ""
    """The network card or bridge that was meant."""
