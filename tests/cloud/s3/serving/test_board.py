"""How S3's processes share connections, as far as numbers go."""

from mallee.cloud.s3.serving import board
from mallee.cloud.s3.serving.board import Board
from tests.handclock import HandClock


def test_others_begin_with_the_second_connection_and_end_after_a_while() -> None:
    clock = HandClock()
    shared = Board(4, clock)
    assert shared.wanted() == 1
    shared.note(0, 1)
    assert shared.wanted() == 1
    shared.note(0, 2)
    assert shared.wanted() == 4
    shared.note(0, 0)
    assert shared.wanted() == 4
    clock.time += board.QUIET_S + 1
    assert shared.wanted() == 1


def test_connections_go_to_whoever_has_fewest_until_they_are_even() -> None:
    shared = Board(3)
    shared.note(0, 9)
    assert shared.taker(0) is None
    for number in (1, 2):
        shared.note(number, 0)
    counts = [9, 0, 0]
    while (other := shared.taker(0)) is not None:
        counts[0] -= 1
        counts[other] += 1
        shared.note(0, counts[0])
        shared.give(other)
    assert max(counts) - min(counts) <= board.UNEVEN
    assert [shared.taker(number) for number in (1, 2)] == [None, None]


def test_nothing_goes_to_a_process_that_does_not_run() -> None:
    shared = Board(2)
    shared.note(0, 100)
    shared.note(1, 0)
    assert shared.taker(0) == 1
    shared.ended(1)
    assert shared.taker(0) is None
    assert shared.wanted() == 2
