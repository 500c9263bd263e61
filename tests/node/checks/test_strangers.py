"""What others send to a host that looks at its network breaks nothing there."""

import socket

import pytest

from mallee.node.checks import frames, lan, paths

NONCE = "0123abcd"
REPLY = b"\x45" + bytes(19) + b"\0\0\0\0\x12\x34\0\x07"


def test_an_echo_is_known_by_its_number() -> None:
    assert paths.read_reply(REPLY, 0x1234) == 7
    assert paths.read_reply(REPLY, 0x1235) is None


@pytest.mark.parametrize("length", range(len(REPLY)))
def test_an_answer_that_is_cut_off_is_none(length: int) -> None:
    assert paths.read_reply(REPLY[:length], 0x1234) is None


@pytest.mark.parametrize(
    "end", [b"", b"\x81", b"\x81\0", b"\x81\0\0", b"\x81\0\0\x05", b"\x88\xb5"]
)
def test_a_frame_that_is_cut_off_says_nothing(end: bytes) -> None:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        there.send(bytes(12) + end)
        assert frames.read(here, NONCE) is None
        there.send(bytes(12) + b"\x81\0\0\x05\x88\xb5mallee-check " + NONCE.encode())
        heard = frames.read(here, NONCE)
        assert heard == ("00:00:00:00:00:00", 5)


@pytest.mark.parametrize("options", [b"\x35", b"\x35\xff", b"\x36\x04\1", b"\0" * 3])
def test_an_offer_that_is_cut_off_is_none(options: bytes) -> None:
    number = b"1234"
    offer = (b"\2\1\6\0" + number).ljust(236, b"\0") + b"\x63\x82\x53\x63"
    assert lan.read_offer(offer + b"\x35\1\2\xff", number) == ""
    assert lan.read_offer(offer + options, number) is None
