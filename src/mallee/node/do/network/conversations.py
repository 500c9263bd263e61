"""Reads and writes what the kernel's connection tracking knows of a guest's conversations.

By netlink, as `conntrack` does, in the namespace of the guest's VPC. What is written stays as it is
where it is there already; deleted is what was spoken with who had a new guest's address before. A
conversation that was translated on the way is read as its guest sees it. Called by `network` when a
guest begins, goes to another host or comes from one; which are taken up is `plan.conversations`'.
Called by `vpcs` to end what by `plan.bygone` cannot go on as it did.
"""

import contextlib
import errno
import os
import socket
import struct
import sys
from collections.abc import Collection, Generator, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import product

from mallee.kit import logs
from mallee.node.do.network import namespaces
from mallee.node.plan.network import bygone, conversations, groups
from mallee.node.plan.network.conversations import TCP, UDP, Conversation

log = logs.get(__name__)

_NETLINK_NETFILTER = 12
_NEW, _GET, _DELETE = 1 << 8, (1 << 8) | 1, (1 << 8) | 2
_DUMP, _CREATE = 0x1 | 0x300, 0x1 | 0x4 | 0x400 | 0x200
_REQUEST_ANSWERED = 0x1 | 0x4
_ERROR, _DONE = 2, 3
_NESTED = 0x8000
_ORIGINAL, _REPLY, _STATUS, _PROTOCOL_INFO, _TIMEOUT, _MARK = 1, 2, 3, 4, 7, 8
_ID, _ZONE, _CHOICE = 12, 18, 25
_CHOICES = {_ORIGINAL: 1, _REPLY: 2}
"""Where a choice says which parts of a tuple count."""
_DESTINATION_TO, _LOWEST, _HIGHEST = 13, 1, 2
_IP, _PROTO = 1, 2
_ADDRESSES = {socket.AF_INET: (1, 2), socket.AF_INET6: (3, 4)}
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_TCP_INFO, _STATE, _SCALE, _SCALE_BACK, _FLAGS, _FLAGS_BACK = 1, 1, 2, 3, 4, 5
_ANSWERED, _ASSURED, _CONFIRMED, _DESTINATION_TRANSLATED = 0x2, 0x4, 0x8, 0x20
_LIBERAL = 0x1 | 0x2 | 0x8
"""Windows are scaled, and nothing is known of where they stand."""
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_RECEIVE_BYTES = 256 << 10
_TIMEOUT_S = 5.0
_NOT_SHOWN = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT})
_AT_ONCE = 64
_CHOSEN_MAX = 8
"""Of more addresses everything is read: the kernel goes through its table four times for each."""

_Range = IPv4Network | IPv6Network
_End = tuple[str, str, int, int, int]
"""Source and destination, protocol, and the two ports."""


def fetch(namespace: str, own: Collection[str]) -> tuple[Conversation, ...]:
    """Return the conversations of who has the addresses. Raises `OSError`."""
    return namespaces.run_inside(namespace, lambda: fetch_inside(own))


def fetch_inside(own: Collection[str]) -> tuple[Conversation, ...]:
    """Return the same in the namespace of the calling thread. Raises `OSError`."""
    return tuple(_fetch_here(own))


def write(namespace: str, those: Iterable[Conversation]) -> int:
    """Have the kernel know the conversations, and return how many it did not know. Raises
    `OSError`."""
    return namespaces.run_inside(namespace, lambda: _write_here(tuple(those)))


def forget(namespace: str, held: Collection[str]) -> int:
    """Have the kernel know no conversation of anybody with these addresses, or with one of these
    ranges; return how many there were. Raises `OSError`.

    A kernel that shows nobody what it tracks (without nf_conntrack_netlink) forgets nothing.
    """
    ranges = [ip_network(one) for one in held]
    try:
        return namespaces.run_inside(namespace, lambda: _forget_here(ranges))
    except OSError as error:
        if error.errno not in _NOT_SHOWN:
            raise
        log.warning("conversations cannot be forgotten", namespace=namespace, error=str(error))
        return 0


def _forget_here(held: list[_Range]) -> int:
    with _link() as link:
        meant = list(_deletions(link, held))
        return sum(_does(link, one, errno.ENOENT) for one in meant)


def _deletions(link: socket.socket, held: list[_Range]) -> Iterator[bytes]:
    """Yield the messages that delete what is tracked of addresses: by its tuple and its number."""
    for family in _ADDRESSES:
        ranges = [one for one in held if (one.version == 6) is (family == socket.AF_INET6)]
        if not ranges:
            continue
        is_wide = any(one.num_addresses > 1 for one in ranges)
        hosts = None if is_wide else [one.network_address.packed for one in ranges]
        for message in _dumped_of(link, family, hosts):
            found = _attributes(message)
            ends = (end for kind in (_ORIGINAL, _REPLY) for end in _ips(found.get(kind, b"")))
            if any(end in one for end in ends for one in ranges):
                yield _deletion(family, found)


def _deletion(family: int, found: dict[int, bytes]) -> bytes:
    """Return what deletes one entry and no other: the same ends may speak anew meanwhile."""
    what = struct.pack("=BBH", family, 0, 0) + _nested(_ORIGINAL, found[_ORIGINAL])
    what += b"".join(_attribute(it, found[it]) for it in (_ID, _ZONE) if it in found)
    return _HEADER.pack(_HEADER.size + len(what), _DELETE, _REQUEST_ANSWERED, 1, 0) + what


def _ips(data: bytes) -> Iterator[IPv4Address | IPv6Address]:
    """Yield both addresses of a tuple."""
    held = _attributes(_attributes(data).get(_IP, b""))
    yield from (ip_address(packed) for packed in held.values() if len(packed) in (4, 16))


def _dumped_of(
    link: socket.socket, family: socket.AddressFamily, hosts: Collection[bytes] | None
) -> Iterator[bytes]:
    """Yield what is tracked of addresses, each entry once; of many addresses everything, and of
    None too."""
    if hosts is None or len(hosts) > _CHOSEN_MAX:
        yield from _dumped(link, family)
        return
    seen: set[bytes] = set()
    for kind, (flag, end), host in product(_CHOICES, enumerate(_ADDRESSES[family], 1), hosts):
        for message in _dumped(link, family, _choice(kind, flag, _attribute(end, host))):
            id = _attributes(message).get(_ID, message)
            if id not in seen:
                seen.add(id)
                yield message


def _choice(kind: int, flag: int, ip: bytes) -> bytes:
    """Return what has the kernel tell only of tuples with this address at this end."""
    flags = _attribute(_CHOICES[kind], flag.to_bytes(4, sys.byteorder))
    return _nested(kind, _nested(_IP, ip)) + _nested(_CHOICE, flags)


def _dumped(link: socket.socket, family: int, choice: bytes = b"") -> Iterator[bytes]:
    """Yield all that is tracked of a family, or what is chosen of it."""
    body = struct.pack("=BBH", family, 0, 0) + choice
    link.send(_HEADER.pack(_HEADER.size + len(body), _GET, _DUMP, 1, 0) + body)
    yield from _messages(link)


def end_bygone(now: bygone.World, of: Collection[str] | None) -> int:
    """Have the kernel forget the entries of IPv4 that are over, in the namespace of the calling
    thread, and know those that go on by what they are now; return how many were over. Only those
    `of` addresses need be looked at; None: all. Twice is once. Raises `OSError`."""
    hosts = None if of is None else [socket.inet_aton(one) for one in of]
    with _link() as link:
        # All are read before the first is deleted: answers would come between them.
        told = [(one, _ends(one)) for one in _dumped_of(link, socket.AF_INET, hosts)]
        over = [(one, ends) for one, ends in told if ends and bygone.is_bygone(ends, now)]
        for message, ends in over:
            _does(link, _deletion(socket.AF_INET, _attributes(message)), errno.ENOENT)
            onwards = bygone.going_on(ends, now)
            found = _decode(message, onwards[1:]) if onwards else None
            if onwards and found is not None:
                _does(link, _encode(found, by=onwards[0]), errno.EEXIST)
        return len(over)


def _ends(message: bytes) -> bygone.Ends | None:
    found = _attributes(message)
    there, back = (_addresses_of(found.get(kind, b"")) for kind in (_ORIGINAL, _REPLY))
    return bygone.Ends(*there, *back) if there and back else None


def _addresses_of(data: bytes) -> tuple[str, str] | None:
    ips = _attributes(_attributes(data).get(_IP, b""))
    source, destination = (ips.get(kind, b"") for kind in _ADDRESSES[socket.AF_INET])
    if not source or not destination:
        return None
    return socket.inet_ntoa(source), socket.inet_ntoa(destination)


def _fetch_here(own: Collection[str]) -> Iterator[Conversation]:
    with _link() as link:
        for family in _ADDRESSES:
            packed = {
                ip: socket.inet_pton(family, ip)
                for ip in own
                if (":" in ip) is (family == socket.AF_INET6)
            }
            if not packed:
                continue
            for message in _dumped_of(link, family, packed.values()):
                # Of many addresses, most are others': they are not taken apart.
                if any(one in message for one in packed.values()):
                    found = _decode(message, packed.keys())
                    if found is not None:
                        yield found


def _write_here(those: tuple[Conversation, ...]) -> int:
    made = 0
    with _link() as link:
        for first in range(0, len(those), _AT_ONCE):
            batch = those[first : first + _AT_ONCE]
            link.send(b"".join(_encode(one) for one in batch))
            for _ in batch:
                made += _took(link, errno.EEXIST)
    return made


def _does(link: socket.socket, message: bytes, passed_over: int) -> bool:
    """Have the kernel do what a message says; tell whether it did, and had not to pass it over."""
    link.send(message)
    return _took(link, passed_over)


def _took(link: socket.socket, passed_over: int) -> bool:
    data = link.recv(_RECEIVE_BYTES)
    code = -struct.unpack_from("=i", data, _HEADER.size)[0]
    if code not in (0, passed_over):
        raise OSError(code, os.strerror(code))
    return code == 0


@contextlib.contextmanager
def _link() -> Generator[socket.socket]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as link:
        link.settimeout(_TIMEOUT_S)
        yield link


def _messages(link: socket.socket) -> Iterator[bytes]:
    while True:
        data, at = link.recv(_RECEIVE_BYTES), 0
        while at + _HEADER.size <= len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            if kind == _DONE:
                return
            if kind == _ERROR:
                code = -struct.unpack_from("=i", data, at + _HEADER.size)[0]
                raise OSError(code, os.strerror(code))
            yield data[at + _HEADER.size + 4 : at + length]
            at += (length + 3) & ~3


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def _decode(message: bytes, own: Collection[str]) -> Conversation | None:
    """Return a conversation as its guest sees it; None: it is no guest's, or does not go along."""
    found = _attributes(message)
    if not {_ORIGINAL, _REPLY, _STATUS, _TIMEOUT} <= found.keys():
        return None
    there, back = _decode_end(found[_ORIGINAL]), _decode_end(found[_REPLY])
    status = _number(found[_STATUS])
    if there is None or back is None or not status & _ANSWERED:
        return None
    if there[0] in own and not status & _DESTINATION_TRANSLATED:
        source, destination, protocol, source_port, port = there
    elif back[0] in own:
        destination, source, protocol, port, source_port = back
    else:
        return None
    tcp = _attributes(_attributes(found.get(_PROTOCOL_INFO, b"")).get(_TCP_INFO, b""))
    state = tcp.get(_STATE, b"\0")[0]
    is_going_on = protocol == UDP or state in conversations.STATES
    if not is_going_on or not all(map(conversations.is_elsewhere, (source, destination))):
        return None
    return Conversation(
        protocol=protocol,
        source=source,
        source_port=source_port,
        destination=destination,
        destination_port=port,
        idle_s=min(max(_number(found[_TIMEOUT]), 1), conversations.IDLE_S_MAX),
        mark=_number(found.get(_MARK, bytes(4))) & (groups.WORLD_OUT | groups.WORLD_IN),
        state=state,
        scales=(tcp.get(_SCALE, b"\0")[0], tcp.get(_SCALE_BACK, b"\0")[0]),
    )


def _decode_end(data: bytes) -> _End | None:
    parts = _attributes(data)
    ips, proto = _attributes(parts.get(_IP, b"")), _attributes(parts.get(_PROTO, b""))
    protocol = proto.get(_NUMBER, b"\0")[0]
    if protocol not in (TCP, UDP) or not {_SOURCE_PORT, _DESTINATION_PORT} <= proto.keys():
        return None
    for family, (source, destination) in _ADDRESSES.items():
        if source in ips and destination in ips:
            return (
                socket.inet_ntop(family, ips[source]),
                socket.inet_ntop(family, ips[destination]),
                protocol,
                int.from_bytes(proto[_SOURCE_PORT]),
                int.from_bytes(proto[_DESTINATION_PORT]),
            )
    return None


def _number(data: bytes) -> int:
    return int.from_bytes(data)


def _encode(one: Conversation, by: str = "") -> bytes:
    """Return what has the kernel know a conversation, if need be by another address than that of
    who it comes to."""
    family = socket.AF_INET6 if ip_address(one.source).version == 6 else socket.AF_INET
    door = by or one.destination
    there = (one.source, door, one.protocol, one.source_port, one.destination_port)
    back = (door, one.source, one.protocol, one.destination_port, one.source_port)
    body = struct.pack("=BBH", family, 0, 0)
    body += _nested(_ORIGINAL, _encode_end(family, there))
    body += _nested(_REPLY, _encode_end(family, back))
    body += _attribute(_STATUS, (_ANSWERED | _ASSURED | _CONFIRMED).to_bytes(4))
    body += _attribute(_TIMEOUT, one.idle_s.to_bytes(4))
    body += _attribute(_MARK, one.mark.to_bytes(4))
    if door != one.destination:
        # The kernel makes the answer's tuple of it.
        ip = socket.inet_pton(family, one.destination)
        body += _nested(_DESTINATION_TO, _attribute(_LOWEST, ip) + _attribute(_HIGHEST, ip))
    if one.protocol == TCP:
        flags = bytes((_LIBERAL, _LIBERAL))
        info = (
            _attribute(_STATE, bytes((one.state,)))
            + _attribute(_SCALE, bytes((one.scales[0],)))
            + _attribute(_SCALE_BACK, bytes((one.scales[1],)))
            + _attribute(_FLAGS, flags)
            + _attribute(_FLAGS_BACK, flags)
        )
        body += _nested(_PROTOCOL_INFO, _nested(_TCP_INFO, info))
    return _HEADER.pack(_HEADER.size + len(body), _NEW, _CREATE, 1, 0) + body


def _encode_end(family: socket.AddressFamily, end: _End) -> bytes:
    source, destination = _ADDRESSES[family]
    ips = _attribute(source, socket.inet_pton(family, end[0]))
    ips += _attribute(destination, socket.inet_pton(family, end[1]))
    proto = _attribute(_NUMBER, bytes((end[2],)))
    proto += _attribute(_SOURCE_PORT, end[3].to_bytes(2))
    proto += _attribute(_DESTINATION_PORT, end[4].to_bytes(2))
    return _nested(_IP, ips) + _nested(_PROTO, proto)


def _attribute(kind: int, data: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(data), kind) + data + bytes(-len(data) % 4)


def _nested(kind: int, data: bytes) -> bytes:
    return _attribute(kind | _NESTED, data)
