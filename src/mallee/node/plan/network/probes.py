"""A probe: one packet as a guest would send it, which can be told from all others wherever it goes.

Translation changes addresses and ports, but neither a sequence number of TCP nor what a datagram or
an echo carries: these are its *tag*. The answer to TCP acknowledges the tag, an echo's answer
carries it again. Called by `do/probes`, which sends and watches, and writes down what it sees in
the types here. Pure.
"""

import struct
from dataclasses import dataclass, field

from mallee.model.packets.hops import ICMP, ICMP6, TCP, UDP, Packet

TABLE = "mallee-probe"
"""Of the rules that trace a probe: the kernel removes it when the one who made it is gone."""
_FIRST = -400
"""The priority of rules that see a packet before all of ours do."""
_HEADERS = {4: 20, 6: 40}
_ETHERNET = 14
_ETHERTYPES = {4: 0x0800, 6: 0x86DD}
_PAYLOAD = 8
"""Where the payload of UDP and of an echo begins."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A packet and its tag, of 32 bits."""

    packet: Packet
    tag: int
    source_port: int = 0

    @property
    def answer_tag(self) -> int:
        """The tag by which an answer is known."""
        return (self.tag + 1) & 0xFFFFFFFF if self.packet.protocol == TCP else self.tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Which probe is sent where."""

    probe: Probe
    namespace: str
    tap: str
    mac: str
    """The guest's."""
    watched: tuple[str, ...]
    """The namespaces by which it may go, its own among them."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one rule, or the policy of a chain, decided."""

    trace_id: int
    """Of the packet, on this pass through the namespace."""
    table: str
    chain: str
    handle: int
    """Of the rule; 0: the chain's policy."""
    verdict: str
    """`accept`, `drop`, `continue`, `return`, `jump CHAIN`, `goto CHAIN`."""
    iif: int
    oif: int
    """Indices of devices; 0: none."""


@dataclass(frozen=True, slots=True, order=True)
class Sighting:
    """That the probe, or its answer, was seen on a device."""

    at_ns: int
    namespace: str
    device: str
    is_leaving: bool
    is_answer: bool
    frame: bytes


@dataclass(slots=True)
class Seen:
    """Everything that was seen of a probe."""

    sightings: list[Sighting] = field(default_factory=list[Sighting])
    decisions: dict[str, list[Decision]] = field(default_factory=dict[str, list[Decision]])
    """By namespace, in order."""
    rules: dict[tuple[str, str, int], str] = field(default_factory=dict[tuple[str, str, int], str])
    """The text of each rule that decided, by namespace, chain and handle."""
    devices: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    """Names of devices by namespace and index."""
    loaded: list[str] = field(default_factory=list[str])
    """The namespaces whose rulesets were changed for it, each once."""


def frame(probe: Probe, source_mac: str, router_mac: str) -> bytes:
    """Return the frame by which a guest would send the probe to its router."""
    packet = probe.packet
    version = packet.source.version
    macs = bytes.fromhex(router_mac.replace(":", "")) + bytes.fromhex(source_mac.replace(":", ""))
    inner = _inner(probe)
    return macs + struct.pack("!H", _ETHERTYPES[version]) + _header(probe, len(inner)) + inner


def _inner(probe: Probe) -> bytes:
    packet, body = probe.packet, struct.pack("!II", probe.tag, probe.tag)
    ports = struct.pack("!HH", probe.source_port, packet.destination_port)
    if packet.protocol == TCP:
        made, at = ports + struct.pack("!IIBBHHH", probe.tag, 0, 5 << 4, 2, 1024, 0, 0), 16
    elif packet.protocol == UDP:
        made, at = ports + struct.pack("!HH", _PAYLOAD + len(body), 0) + body, 6
    else:
        kind = (packet.icmp_type, packet.icmp_code, 0, probe.source_port, 1)
        made, at = struct.pack("!BBHHH", *kind) + body, 2
    pseudo = b"" if packet.protocol == ICMP else _pseudo(packet, len(made))
    return made[:at] + struct.pack("!H", checksum(pseudo + made)) + made[at + 2 :]


def _pseudo(packet: Packet, length: int) -> bytes:
    addresses = packet.source.packed + packet.destination.packed
    return addresses + struct.pack("!II", length, packet.protocol)


def _header(probe: Probe, length: int) -> bytes:
    packet = probe.packet
    addresses = packet.source.packed + packet.destination.packed
    if packet.source.version == 6:
        return struct.pack("!IHBB", 6 << 28, length, packet.protocol, 64) + addresses
    head = struct.pack(
        "!BBHHHBBH", 0x45, 0, 20 + length, probe.tag & 0xFFFF, 0, 64, packet.protocol, 0
    )
    head += addresses
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:]


def checksum(data: bytes) -> int:
    """The internet checksum."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def rules(probe: Probe) -> str:
    """Return the one line of nft that has a probe and its answer traced, and nothing else."""
    marks = "; ".join(f"{match} meta nftrace set 1" for match in _matches(probe))
    chains = "; ".join(
        f"chain {name} {{ type filter hook {hook} priority {_FIRST}; policy accept; {marks}; }}"
        for name, hook in (("coming", "prerouting"), ("own", "output"))
    )
    return f"table inet {TABLE} {{ flags owner; {chains}; }}\n"


def _matches(probe: Probe) -> tuple[str, ...]:
    protocol = probe.packet.protocol
    if protocol == TCP:
        return f"tcp sequence {probe.tag}", f"tcp ackseq {probe.answer_tag}"
    tag = f"{probe.tag:#010x}{probe.tag:08x}"
    is_ipv6 = probe.packet.source.version == 6
    icmp, name = ("icmpv6", "udp") if is_ipv6 else ("icmp", "udp")
    if protocol != UDP:
        return (f"meta l4proto {icmp} @th,64,64 {tag}",)
    # A guest that has no such port says so, and quotes the datagram.
    quoted = 8 * (_PAYLOAD + _HEADERS[6 if is_ipv6 else 4] + _PAYLOAD)
    return f"meta l4proto {name} @th,64,64 {tag}", f"meta l4proto {icmp} @th,{quoted},64 {tag}"


def tag_places(probe: Probe) -> tuple[tuple[int, int, bool], ...]:
    """Return where in a frame which number shows the probe, and whether it is then the answer."""
    version, protocol = probe.packet.source.version, probe.packet.protocol
    begin = _ETHERNET + _HEADERS[version]
    if protocol == TCP:
        return (begin + 4, probe.tag, False), (begin + 8, probe.answer_tag, True)
    own = (begin + _PAYLOAD, probe.tag, False)
    if protocol != UDP:
        return (own,)
    return own, (begin + _PAYLOAD + _HEADERS[version] + _PAYLOAD, probe.tag, True)


def bpf(probe: Probe) -> bytes:
    """Return the kernel's filter that lets only frames with the tag through to who watches."""
    places = tag_places(probe)
    lines: list[bytes] = []
    for number, (at, value, _) in enumerate(places):
        left = 2 * (len(places) - number - 1) + 1
        # A frame that ends before the place is let through by nobody: the load itself fails.
        lines.append(struct.pack("=HBBI", 0x20, 0, 0, at))
        lines.append(struct.pack("=HBBI", 0x15, left, 0, value))
    lines.append(struct.pack("=HBBI", 0x06, 0, 0, 0))
    lines.append(struct.pack("=HBBI", 0x06, 0, 0, 0xFFFF))
    return b"".join(lines)


def is_answer(probe: Probe, seen: bytes) -> bool | None:
    """Tell whether a frame is the probe's answer; None: it is neither the probe nor its answer."""
    version, protocol = probe.packet.source.version, probe.packet.protocol
    if protocol in (ICMP, ICMP6):
        at = _ETHERNET + _HEADERS[version]
        return len(seen) > at and seen[at] in (0, 129) if _has(probe, seen) else None
    for at, value, answers in tag_places(probe):
        if len(seen) >= at + 4 and struct.unpack_from("!I", seen, at)[0] == value:
            return answers
    return None


def _has(probe: Probe, seen: bytes) -> bool:
    at, value, _ = tag_places(probe)[0]
    return len(seen) >= at + 4 and struct.unpack_from("!I", seen, at)[0] == value


def answer_words(probe: Probe, seen: bytes) -> str:
    """Return what an answer says."""
    begin = _ETHERNET + _HEADERS[probe.packet.source.version]
    if probe.packet.protocol == TCP and len(seen) > begin + 13:
        flags = seen[begin + 13]
        if flags & 0x04:
            return "refused: nobody listens on the port (RST)"
        return "accepted: somebody listens on the port (SYN, ACK)"
    if probe.packet.protocol == UDP:
        return "refused: nobody listens on the port (ICMP)"
    return "an echo"
