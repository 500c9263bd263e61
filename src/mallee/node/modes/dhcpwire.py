"""DHCP as bytes: what a client of the LAN's servers says, and what it believes of their answers.

By RFC 2131 and 2132. *Question* is what the client sends, *Answer* what came, already held to what
can be: a message that is cut off, of somebody else, or full of nonsense is no answer at all, since
anybody on the LAN can send one. Of its options only those are read that a guest is told.

Called by `dhcpclient` and `lanframes`. Not its business: whether an answer was asked for. Pure.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

FOREVER_S = 0xFFFFFFFF
_HEAD = struct.Struct("!BBBB4sHH4s4s4s4s16s64s128s4s")
_COOKIE = b"\x63\x82\x53\x63"
_BOOT_REQUEST, _BOOT_REPLY = 1, 2
_ETHERNET, _MAC_BYTES = 1, 6
_BROADCAST = 0x8000
_BYTES_MIN = 300
"""Of a message: older relays drop what is shorter."""
_PAD, _END = 0, 255
_MASK, _ROUTER, _DNS, _DOMAIN, _MTU = 1, 3, 6, 15, 26
_ASKED, _LEASE_S, _OVERLOAD, _TYPE, _SERVER = 50, 51, 52, 53, 54
_WISHES, _MESSAGE, _RENEW_S, _REBIND_S, _CLIENT = 55, 56, 58, 59, 61
_FILE_HAS_MORE, _NAME_HAS_MORE = 1, 2
_WANTED = bytes((_MASK, _ROUTER, _DNS, _DOMAIN, _MTU, _LEASE_S, _RENEW_S, _REBIND_S))
_SERVERS_MAX = 3
_DOMAIN_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_MTU_MIN, _MTU_MAX = 576, 9216
_WORDS_MAX = 200


class Kind(Enum):
    """What a message is."""

    DISCOVER = 1
    """Who has an address for me?"""
    OFFER = 2
    """A server has one."""
    REQUEST = 3
    """I take it, or keep it."""
    DECLINE = 4
    """Somebody has it already."""
    ACK = 5
    """It is leased."""
    NAK = 6
    """It cannot be leased, or not any more."""
    RELEASE = 7
    """I need it no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a client says. Addresses are empty where they are not said."""

    kind: Kind
    number: int
    """By which the answer is known (`xid`)."""
    mac: str
    seconds: int = 0
    """Since it began to ask."""
    own: str = ""
    """The address that it has (`ciaddr`): then it hears what is sent there."""
    asked: str = ""
    server: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server says."""

    kind: Kind
    number: int
    mac: str
    address: str = ""
    server: str = ""
    prefix_length: int = 0
    """0: no mask was said."""
    routers: tuple[str, ...] = ()
    name_servers: tuple[str, ...] = ()
    domain: str = ""
    mtu: int = 0
    lease_s: int = 0
    renew_s: int = 0
    rebind_s: int = 0
    words: str = ""
    """Why it refuses, where it says so."""


def encode(question: Question) -> bytes:
    """Return the message's bytes."""
    mac = bytes.fromhex(question.mac.replace(":", ""))
    is_heard = question.own != ""
    head = _HEAD.pack(
        _BOOT_REQUEST,
        _ETHERNET,
        _MAC_BYTES,
        0,
        question.number.to_bytes(4),
        min(question.seconds, 0xFFFF),
        0 if is_heard else _BROADCAST,
        _packed(question.own),
        bytes(4),
        bytes(4),
        bytes(4),
        mac,
        b"",
        b"",
        _COOKIE,
    )
    options = [
        (_TYPE, bytes((question.kind.value,))),
        (_CLIENT, bytes((_ETHERNET,)) + mac),
        *([(_ASKED, _packed(question.asked))] if question.asked else []),
        *([(_SERVER, _packed(question.server))] if question.server else []),
    ]
    if question.kind in (Kind.DISCOVER, Kind.REQUEST):
        options.append((_WISHES, _WANTED))
    said = b"".join(bytes((code, len(value))) + value for code, value in options)
    return (head + said + bytes((_END,))).ljust(_BYTES_MIN, b"\0")


def _packed(address: str) -> bytes:
    return IPv4Address(address).packed if address else bytes(4)


def decode(data: bytes) -> Answer | None:
    """Return what a server says; None: nobody could act on it."""
    if len(data) < _HEAD.size:
        return None
    operation, form, width, _, number, _, _, _, yours, _, _, mac, name, file, cookie = (
        _HEAD.unpack_from(data)
    )
    is_reply = (operation, form, width, cookie) == (_BOOT_REPLY, _ETHERNET, _MAC_BYTES, _COOKIE)
    if not is_reply:
        return None
    options = _collected(data[_HEAD.size :], file, name)
    kind = _kind(options.get(_TYPE, b""))
    if kind is None:
        return None
    return Answer(
        kind=kind,
        number=int.from_bytes(number),
        mac=mac[:_MAC_BYTES].hex(":"),
        address=_address(yours),
        server=_first(options.get(_SERVER, b"")),
        prefix_length=_prefix_length(options.get(_MASK, b"")),
        routers=_addresses(options.get(_ROUTER, b"")),
        name_servers=_addresses(options.get(_DNS, b"")),
        domain=_domain(options.get(_DOMAIN, b"")),
        mtu=_mtu(options.get(_MTU, b"")),
        lease_s=_seconds(options.get(_LEASE_S, b"")),
        renew_s=_seconds(options.get(_RENEW_S, b"")),
        rebind_s=_seconds(options.get(_REBIND_S, b"")),
        words=_words(options.get(_MESSAGE, b"")),
    )


def _collected(data: bytes, file: bytes, name: bytes) -> dict[int, bytes]:
    """Return all options; one that is said in pieces is their sum (RFC 3396)."""
    found: dict[int, bytes] = {}
    _collect(data, found)
    more = int.from_bytes(found.get(_OVERLOAD, b"")[:1])
    if more & _FILE_HAS_MORE:
        _collect(file, found)
    if more & _NAME_HAS_MORE:
        _collect(name, found)
    return found


def _collect(data: bytes, found: dict[int, bytes]) -> None:
    for code, value in _options(data):
        found[code] = found.get(code, b"") + value


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the options up to the end, or to one that is cut off."""
    at = 0
    while at < len(data) and data[at] != _END:
        if data[at] == _PAD:
            at += 1
            continue
        if at + 1 >= len(data) or at + 2 + data[at + 1] > len(data):
            return
        yield data[at], data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]


def _kind(value: bytes) -> Kind | None:
    try:
        kind = Kind(value[0]) if len(value) == 1 else None
    except ValueError:
        return None
    return kind if kind in (Kind.OFFER, Kind.ACK, Kind.NAK) else None


def is_host(address: IPv4Address) -> bool:
    """Tell whether a machine of a network can have the address."""
    is_special = address.is_multicast or address.is_loopback or address.is_link_local
    return not (is_special or address.is_reserved or int(address) >> 24 == 0)


def _address(value: bytes) -> str:
    address = IPv4Address(value)
    return str(address) if is_host(address) else ""


def _addresses(value: bytes) -> tuple[str, ...]:
    parts = (_address(value[at : at + 4]) for at in range(0, len(value) - 3, 4))
    return tuple(dict.fromkeys(one for one in parts if one))[:_SERVERS_MAX]


def _first(value: bytes) -> str:
    return next(iter(_addresses(value)), "")


def _prefix_length(value: bytes) -> int:
    if len(value) != 4:
        return 0
    bits = int.from_bytes(value)
    length = bits.bit_count()
    return length if bits == (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF else 0


def _domain(value: bytes) -> str:
    name = value.rstrip(b"\0").rstrip(b".").decode("ascii", "replace")
    return name if _DOMAIN_NAME.fullmatch(name) else ""


def _mtu(value: bytes) -> int:
    mtu = int.from_bytes(value) if len(value) == 2 else 0
    return mtu if _MTU_MIN <= mtu <= _MTU_MAX else 0


def _seconds(value: bytes) -> int:
    return int.from_bytes(value) if len(value) == 4 else 0


def _words(value: bytes) -> str:
    said = value.decode("utf-8", "replace")
    return "".join(one for one in said if one.isprintable())[:_WORDS_MAX]
