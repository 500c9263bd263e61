import threading
from concurrent import futures

import pytest

from mallee.walrus.batches import Batches
from mallee.walrus.errors import Closed

LONG_S = 60.0


def _length(_: object) -> int:
    return 1


def test_jobs_come_in_their_order_and_in_bounds() -> None:
    batches: Batches[str] = Batches()
    for job in ("a", "bb", "ccc", "d", "e"):
        batches.put(job)
    assert batches.take(2, len, 100) == ["a", "bb"]
    assert batches.take(9, len, 4) == ["ccc", "d"]
    assert batches.take(9, len, 4) == ["e"]
    assert batches.take(9, len, 4) == []


def test_the_taker_wakes_when_there_are_enough_or_no_more_will_come() -> None:
    batches: Batches[int] = Batches()
    with futures.ThreadPoolExecutor(1) as pool:
        enough = pool.submit(batches.wait, 3, LONG_S)
        for job in range(3):
            assert not enough.done() or job == 3
            batches.put(job)
        enough.result(timeout=LONG_S)
        assert batches.take(9, _length, 9) == [0, 1, 2]
        over = pool.submit(batches.wait, 1, None)
        assert batches.close()
        over.result(timeout=LONG_S)
    assert not batches.close()
    with pytest.raises(Closed):
        batches.put(4)


def test_who_waits_in_vain_goes_on_with_what_there_is() -> None:
    batches: Batches[int] = Batches()
    batches.put(1)
    batches.wait(2, 0.001)
    assert batches.take(9, _length, 9) == [1]


def test_no_job_is_lost_whenever_it_comes() -> None:
    batches: Batches[int] = Batches()
    count, putters = 2000, 4
    gate = threading.Barrier(putters)

    def put(start: int) -> None:
        gate.wait()
        for job in range(start, start + count):
            batches.put(job)

    with futures.ThreadPoolExecutor(putters) as pool:
        putting = [pool.submit(put, number * count) for number in range(putters)]
        taken: list[int] = []
        while len(taken) < count * putters:
            batches.wait(1, LONG_S)
            # Time runs out in every state of those that put.
            batches.wait(5, 0.00001)
            taken += batches.take(50, _length, 9)
        for one in putting:
            one.result()
    assert sorted(taken) == list(range(count * putters))
