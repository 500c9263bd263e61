"""DHCP's bytes: what a client says, and what it makes of whatever comes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.node.modes import dhcpwire, lanframes
from mallee.node.modes.dhcpwire import Kind, Question

MAC = "02:00:00:00:00:01"
_COOKIE = b"\x63\x82\x53\x63"


def reply(*options: tuple[int, bytes], address: str = "10.9.0.7", **more: bytes) -> bytes:
    """A server's message."""
    packed = bytes(int(part) for part in address.split("."))
    head = struct.pack("!BBBB4sHH4s4s4s4s16s", 2, 1, 6, 0, b"\0\0\0\x09", 0, 0, bytes(4), packed,
                       bytes(4), bytes(4), bytes.fromhex(MAC.replace(":", "")))  # fmt: skip
    fixed = head + more.get("name", b"").ljust(64, b"\0") + more.get("file", b"").ljust(128, b"\0")
    said = b"".join(bytes((code, len(value))) + value for code, value in options)
    return fixed + _COOKIE + said + b"\xff"


OFFER = ((53, b"\x02"), (54, b"\x0a\x09\x00\x02"), (51, struct.pack("!I", 600)))


def test_a_discover_asks_for_an_answer_to_all_under_the_guests_own_mac() -> None:
    said = dhcpwire.encode(Question(kind=Kind.DISCOVER, number=9, mac=MAC, asked="10.9.0.7"))
    assert said[:3] == b"\x01\x01\x06"
    assert said[4:8] == b"\0\0\0\x09"
    assert said[10:12] == b"\x80\x00"
    assert said[28:34] == bytes.fromhex("020000000001")
    assert bytes((53, 1, 1, 61, 7, 1, 2, 0, 0, 0, 0, 1, 50, 4, 10, 9, 0, 7)) in said
    assert len(said) >= 300


def test_an_offer_is_read_with_what_guests_are_told() -> None:
    answer = dhcpwire.decode(
        reply(
            *OFFER,
            (1, b"\xff\xff\xff\x00"),
            (3, b"\x0a\x09\x00\x01"),
            (6, b"\x0a\x09\x00\x35\x0a\x09\x00\x36"),
            (15, b"lan.example\0"),
            (26, struct.pack("!H", 1400)),
            (58, struct.pack("!I", 100)),
            (59, struct.pack("!I", 200)),
        )
    )
    assert answer is not None
    assert (answer.kind, answer.number, answer.mac) == (Kind.OFFER, 9, MAC)
    assert (answer.address, answer.server, answer.lease_s) == ("10.9.0.7", "10.9.0.2", 600)
    assert (answer.prefix_length, answer.routers) == (24, ("10.9.0.1",))
    assert answer.name_servers == ("10.9.0.53", "10.9.0.54")
    assert (answer.domain, answer.mtu) == ("lan.example", 1400)
    assert (answer.renew_s, answer.rebind_s) == (100, 200)


def test_options_may_be_in_pieces_and_in_the_fields_of_names() -> None:
    file = bytes((15, 4)) + b"exam" + bytes((255,))
    name = bytes((15, 3)) + b"ple" + bytes((255,))
    answer = dhcpwire.decode(reply(*OFFER, (52, b"\x03"), file=file, name=name))
    assert answer is not None
    assert answer.domain == "example"


def test_what_no_guest_may_be_told_is_left_out() -> None:
    answer = dhcpwire.decode(
        reply(
            *OFFER,
            (1, b"\xff\x00\xff\x00"),
            (3, b"\x7f\x00\x00\x01\xe0\x00\x00\x01"),
            (6, b"\x00\x00\x00\x00" * 3 + b"\x0a\x09"),
            (15, b"evil\ndhcp-option=3,6.6.6.6"),
            (26, b"\x00\x10"),
            (56, b"no\x1b[2J\n room"),
            address="169.254.169.254",
        )
    )
    assert answer is not None
    assert (answer.address, answer.prefix_length, answer.routers) == ("", 0, ())
    assert (answer.name_servers, answer.domain, answer.mtu) == ((), "", 0)
    assert answer.words == "no[2J room"


@pytest.mark.parametrize("label", ["a" * 64, "a-", "-a", "a" * 300])
def test_a_domain_that_no_server_of_names_would_take_is_none(label: str) -> None:
    said = [(15, part.encode()) for part in (f"{label}."[:200], f"{label}."[200:], "example")]
    answer = dhcpwire.decode(reply(*OFFER, *said))
    assert answer is not None
    assert answer.domain == ""


def test_what_is_no_servers_message_is_no_answer() -> None:
    good = reply(*OFFER)
    assert dhcpwire.decode(good) is not None
    for bad in (
        b"",
        good[:239],
        b"\x01" + good[1:],
        good[:236] + b"\0\0\0\0" + good[240:],
        reply((53, b"\x01"), *OFFER[1:]),
        reply((53, b"\x02\x02"), *OFFER[1:]),
        reply(*OFFER[1:]),
    ):
        assert dhcpwire.decode(bad) is None


@given(st.binary(max_size=700))
def test_no_bytes_of_a_stranger_do_harm(data: bytes) -> None:
    dhcpwire.decode(data)
    lanframes.read(data)
    head = reply(*OFFER)[:240]
    answer = dhcpwire.decode(head + data)
    assert answer is None or answer.number == 9


@given(st.integers(0, 400), st.integers(0, 255))
def test_no_changed_byte_of_a_frame_does_harm(at: int, byte: int) -> None:
    question = Question(kind=Kind.REQUEST, number=9, mac=MAC, own="10.9.0.7")
    frame = bytearray(lanframes.question(question, MAC, "10.9.0.2", "02:00:00:00:00:02"))
    frame[at % len(frame)] = byte
    heard = lanframes.read(bytes(frame))
    # It is a client's: no server says such things.
    assert heard is None


def test_arp_tells_who_has_an_address_and_a_probe_claims_none() -> None:
    claim = lanframes.read(lanframes.announcement(MAC, "10.9.0.7"))
    assert claim == lanframes.Claim("10.9.0.7", MAC)
    assert lanframes.read(lanframes.probe(MAC, "10.9.0.7")) is None
