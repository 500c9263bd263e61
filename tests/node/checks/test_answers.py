"""What a host lets itself be asked, and how it reads what it is told."""

import struct

import pytest

from mallee.model.hosts.checks import CheckAsk, Kind
from mallee.node.checks import answers, lan

MINE = "192.0.2.1"
NONCE = "0123456789abcdef"


@pytest.mark.parametrize(
    "asked",
    [
        CheckAsk(kind=Kind.HOST),
        CheckAsk(kind=Kind.PATHS, address=MINE, addresses=("192.0.2.2",)),
        CheckAsk(kind=Kind.CALL, address=MINE, vlans=("0", "2-4094"), nonce=NONCE),
        CheckAsk(kind=Kind.HEARD, nonce=NONCE),
        CheckAsk(kind=Kind.FIX, codes=("loop-missing",)),
        CheckAsk(kind=Kind.NEIGHBOURS, address=MINE, addresses=("192.0.2.2",) * 256),
    ],
)
def test_what_harms_nobody_may_be_asked(asked: CheckAsk) -> None:
    answers.check(asked)


@pytest.mark.parametrize(
    "asked",
    [
        CheckAsk(kind=Kind.PATHS, addresses=("192.0.2.2",)),
        CheckAsk(kind=Kind.PATHS, address="eth0; reboot"),
        CheckAsk(kind=Kind.PATHS, address=MINE, addresses=("example.org",)),
        CheckAsk(kind=Kind.PATHS, address=MINE, addresses=("224.0.0.1",)),
        CheckAsk(kind=Kind.PATHS, address=MINE, addresses=("255.255.255.255",)),
        CheckAsk(kind=Kind.PATHS, address=MINE, addresses=("169.254.169.254",)),
        CheckAsk(kind=Kind.PATHS, address=MINE, addresses=("127.0.0.1",)),
        CheckAsk(kind=Kind.PATHS, address=MINE, addresses=("192.0.2.2",) * 129),
        CheckAsk(kind=Kind.NEIGHBOURS, address=MINE, addresses=("192.0.2.2",) * 257),
        CheckAsk(kind=Kind.CALL, address=MINE, vlans=("4095",), nonce=NONCE),
        CheckAsk(kind=Kind.CALL, address=MINE, vlans=("1",) * 65, nonce=NONCE),
        CheckAsk(kind=Kind.CALL, address=MINE, vlans=("1",), nonce="../../etc"),
        CheckAsk(kind=Kind.CALL, address=MINE, vlans=("9-2",), nonce=NONCE),
        CheckAsk(kind=Kind.CALL, address=MINE, vlans=("x",), nonce=NONCE),
        CheckAsk(kind=Kind.HEAR, address=MINE),
        CheckAsk(kind=Kind.HEARD, nonce="x"),
        CheckAsk(kind=Kind.REACH, address=MINE, addresses=("203.0.113.1",)),
        CheckAsk(kind=Kind.FIX, codes=("rm -rf /",)),
        CheckAsk(kind=Kind.FIX, codes=("loop-missing",) * 17),
        CheckAsk(kind=Kind.HOST, codes=("loop-missing",)),
        CheckAsk(kind=Kind.DHCP, address=MINE, addresses=("192.0.2.2",)),
    ],
)
def test_what_is_too_much_is_refused(asked: CheckAsk) -> None:
    with pytest.raises(answers.NotAsked):
        answers.check(asked)


def offer(number: bytes, options: bytes) -> bytes:
    return (
        struct.pack("!BBBB4s", 2, 1, 6, 0, number).ljust(236, b"\0") + b"\x63\x82\x53\x63" + options
    )


def test_an_offers_server_is_read() -> None:
    number = b"abcd"
    said = offer(number, bytes((0, 53, 1, 2, 54, 4, 192, 0, 2, 53, 255)))
    assert lan.read_offer(said, number) == "192.0.2.53"
    assert lan.read_offer(offer(number, bytes((53, 1, 2, 255))), number) == ""


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        bytes(240),
        offer(b"dcba", bytes((53, 1, 2, 255))),
        offer(b"abcd", bytes((53, 1, 5, 255))),
        offer(b"abcd", bytes((53, 200))),
        offer(b"abcd", b""),
    ],
)
def test_what_is_no_offer_is_none(answer: bytes) -> None:
    assert lan.read_offer(answer, b"abcd") is None
