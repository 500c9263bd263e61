"""What administrators have hosts look at: the documents of the question `check`.

The cloud asks with a `CheckAsk`, the agent answers with a `CheckTold`, both as JSON. A check only
looks, or sends a few packets that change nothing for whoever gets them; each ends by itself within
seconds. Who may ask is the cloud's to decide, what may be asked of a host is the agent's.
"""

from enum import Enum

import msgspec

ASK_CHECK = "check"
"""The kind of the question: `hosts.Ask.detail` is a `CheckAsk`; it names no instance."""

ADDRESSES_MAX = 256
"""So many addresses are asked about at once."""
PATHS_MAX = 64
VLANS_MAX = 64
VLAN_MAX = 4094
HEARD_MAX = 4096
HEAR_S = 5.0
"""How long frames are listened for."""
CALL_S = 3.0
"""How long frames are sent, again and again."""
ECHOES = 40
"""So many packets are sent to each address whose path is looked at."""


class Kind(Enum):
    """What is looked at."""

    HOST = "host"
    """The host itself: links, names, limits, rules of others, certificate."""
    PATHS = "paths"
    """The ways to the addresses: what is lost, how long it takes, how large packets may be."""
    HEAR = "hear"
    """Listen for frames that bear the nonce."""
    CALL = "call"
    """Send such frames to everybody on the network of the host's address, one for each VLAN."""
    NEIGHBOURS = "neighbours"
    """Who answers to the addresses, by ARP."""
    DHCP = "dhcp"
    """Which servers offer addresses."""


class CheckAsk(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be looked at."""

    kind: Kind
    address: str = ""
    """The host's own, by which others reach it: it says which network card is meant."""
    addresses: tuple[str, ...] = ()
    vlans: tuple[int, ...] = ()
    """0: without a tag."""
    nonce: str = ""


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
    """A frame that was heard."""

    mac: str
    vlan: int


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers to an address, or offers addresses."""

    address: str
    mac: str = ""


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
