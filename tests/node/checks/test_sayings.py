"""What strangers say on a wire breaks nothing, whatever it is; and what they say is read."""

import struct
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.node.checks import sayings, sieves, voices
from mallee.node.checks.sayings import Router, Tree, Virtual
from mallee.node.checks.voices import Told

MACS = b"\xff" * 6 + bytes.fromhex("020000000001")
ROOT = bytes.fromhex("8000020000000001")


def of_bridge(flags: int) -> bytes:
    """A frame of a rapid spanning tree."""
    told = b"\x42\x42\x03" + struct.pack("!HBBB8sI8sH", 0, 2, 2, flags, ROOT, 0, ROOT, 1) + bytes(9)
    return MACS + struct.pack("!H", len(told)) + told


def of_one_vlan(vlan: int) -> bytes:
    """The same of one VLAN's tree, as Cisco's switches send it."""
    times = bytes.fromhex("0000140002000f00")
    told = struct.pack("!HBBB8sI8sH", 0, 2, 2, 0, ROOT, 0, ROOT, 1) + times + b"\0"
    told = bytes.fromhex("aaaa0300000c010b") + told + b"\0\0\0\0\2" + struct.pack("!H", vlan)
    return MACS + struct.pack("!H", len(told)) + told


def of_router() -> bytes:
    """An offer of a router."""
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0)
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
    body += IPv6Address("2001:db8::").packed
    ends = IPv6Address("fe80::9").packed + IPv6Address("ff02::1").packed
    head = struct.pack("!IHBB", 6 << 28, len(body), 58, 255)
    return MACS + b"\x86\xdd" + head + ends + body


def of_ip(protocol: int, said: bytes) -> bytes:
    """A packet from 192.0.2.2."""
    head = bytes((0x45,)) + bytes(8) + bytes((protocol,)) + bytes(2)
    return MACS + b"\x08\x00" + head + bytes((192, 0, 2, 2)) + bytes((224, 0, 0, 18)) + said


VRRP = of_ip(112, bytes((0x31, 7, 100, 1, 0, 100, 0, 0)) + bytes((203, 0, 113, 9)))
CARP = of_ip(112, bytes((0x21, 7, 0, 7, 0, 1)) + bytes(30))
HSRP = of_ip(
    17,
    struct.pack("!HHHH", 1985, 1985, 28, 0)
    + bytes((0, 0, 16, 3, 10, 100, 5, 0))
    + b"cisco\0\0\0"
    + bytes((203, 0, 113, 1)),
)
TOLD = Told("ab12", "n1", ((voices.PUBLIC, "203.0.113.0/24"), (voices.VLAN, "2-9")))
CLOUD = MACS + struct.pack("!H", sieves.EXPERIMENT) + next(iter(voices.frames_of(TOLD))) + bytes(9)
READ = {
    of_bridge(1): Tree("8000.02:00:00:00:00:01", "8000.02:00:00:00:00:01", is_changing=True),
    of_one_vlan(20): Tree(
        "8000.02:00:00:00:00:01", "8000.02:00:00:00:00:01", is_changing=False, vlan=20
    ),
    of_router(): Router("fe80::9", "02:00:00:00:00:01", ("2001:db8::/64",), is_default=True),
    VRRP: Virtual("VRRP", 7, "192.0.2.2", ("203.0.113.9",)),
    CARP: Virtual("CARP", 7, "192.0.2.2"),
    HSRP: Virtual("HSRP", 5, "192.0.2.2", ("203.0.113.1",)),
    CLOUD: TOLD,
}


@pytest.mark.parametrize("frame", READ)
def test_what_is_said_is_read(frame: bytes) -> None:
    assert sayings.read(frame, 0) == READ[frame]


@pytest.mark.parametrize("frame", READ)
def test_what_is_cut_off_breaks_nothing(frame: bytes) -> None:
    for length in range(len(frame)):
        sayings.read(frame[:length], 0)


@given(st.sampled_from(list(READ)), st.binary(max_size=80), st.integers(0, 80))
def test_what_anybody_sends_breaks_nothing(frame: bytes, noise: bytes, at: int) -> None:
    sayings.read(frame[:at] + noise + frame[at + len(noise) :], 0)


@pytest.mark.parametrize(
    "has",
    [
        ((voices.VLAN, "9-2"),),
        ((voices.VLAN, "4095"),),
        ((voices.PUBLIC, "203.0.113.1/24"),),
        ((voices.VXLAN, "x"),),
        ((voices.VXLAN, "1-99999999"),),
        ((voices.MAC, "02:00"),),
        (("anything", "at all"),),
        ((voices.PUBLIC, "fe80::%\x1b[2J"),),
        ((voices.MAC, "02\n00:00:00:00:00"),),
        ((voices.VLAN, "\u0665"),),
    ],
)
def test_what_no_cloud_has_is_not_believed(has: tuple[voices.Belonging, ...]) -> None:
    (said,) = voices.frames_of(Told("ab12", "n1", has))
    assert voices.read(said) is None


def test_what_is_nested_without_end_breaks_nothing() -> None:
    head = voices.ANSWER + b'{"cloud":"ab12","host":"n1","more":'
    assert voices.read(head + b"[" * 1900) is None


def test_what_does_not_fit_into_a_frame_comes_in_several() -> None:
    has = tuple((voices.MAC, f"02:00:00:00:{at >> 8:02x}:{at & 255:02x}") for at in range(256))
    parts = [voices.read(one) for one in voices.frames_of(Told("ab12", "n1", has))]
    assert all(len(one) <= 1400 for one in voices.frames_of(Told("ab12", "n1", has)))
    told = [one for part in parts if part is not None for one in part.has]
    assert len(told) == 256 or len(parts) == 8
