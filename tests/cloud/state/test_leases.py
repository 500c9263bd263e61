"""Of several processes each does its share, one that goes leaves its share to the others, and no
piece of work is ever two processes'."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator, Iterator

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from mallee.cloud.state import database, leaserows, leases
from tests.handclock import HandClock

SOON_S = 120.0
SLOW_S = 3.5
"""What a renewal takes that ends when what was heard by the one before it is too old."""
THREADS = 64
"""More than an event loop has for whatever blocks."""
WORK = ("accounts", "instances", "mails", "volumes", "zones")

pytestmark = pytest.mark.postgres

Make = Callable[[str], leases.Shared]


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of PostgreSQL's."""
    url: str = request.getfixturevalue("postgresql_url")
    database.Database(url).migrate()
    return url


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def make(url: str, clock: HandClock) -> Iterator[Make]:
    made: list[leases.Shared] = []

    def make_one(name: str) -> leases.Shared:
        made.append(leases.Shared(url, name, WORK, clock))
        return made[-1]

    yield make_one
    for one in made:
        one.give_up()


def held(one: leases.Shared) -> set[str]:
    return {name for name in WORK if one.holds(name)}


def test_one_alone_does_all(make: Make) -> None:
    one = make("one")
    assert held(one) == set()
    one.renew()
    assert held(one) == set(WORK)
    assert one.alive() == {"one"}


def test_work_is_shared_and_never_two_s(make: Make) -> None:
    three = [make(name) for name in ("one", "two", "three")]
    shares: list[set[str]] = []
    for _ in range(3):
        for one in three:
            one.renew()
            shares = [held(other) for other in three]
            assert sum(map(len, shares)) == len(set[str]().union(*shares))
    assert set[str]().union(*shares) == set(WORK)
    assert max(map(len, shares)) == 2
    assert three[0].alive() == {"one", "two", "three"}


def test_who_gives_up_leaves_his_share_at_once(make: Make) -> None:
    one, two = make("one"), make("two")
    for each in (one, two, one, two):
        each.renew()
    one.give_up()
    two.renew()
    assert held(one) == set()
    assert held(two) == set(WORK)
    assert two.alive() == {"two"}


def test_who_is_killed_leaves_his_share_when_his_leases_end(make: Make, url: str) -> None:
    one, two = make("one"), make("two")
    one.renew()
    two.renew()
    assert held(two) == set()
    _let_pass(url, leases.LIFE_S)
    two.renew()
    assert held(two) == set(WORK)
    assert two.alive() == {"two"}


def test_who_cannot_renew_stops_before_others_begin(
    make: Make, url: str, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make("one")
    one.renew()
    assert held(one)

    def away(*_: object) -> None:
        raise exc.OperationalError("", None, psycopg.OperationalError("away"))

    with monkeypatch.context() as patched:
        patched.setattr(sa.Engine, "begin", away)
        one.renew()
    clock.time += leases.LIFE_S - 0.001
    assert held(one)
    clock.time += 0.002
    assert held(one) == set()


def test_who_renews_slowly_is_known_to_all_in_the_end(
    make: Make, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make("one")
    _answer_after(SLOW_S, clock, monkeypatch)
    one.renew()
    assert one.is_there()
    assert not one.is_known()
    clock.time += leases.RENEW_S
    one.renew()
    assert not one.is_known()
    clock.time += leases.RENEW_S
    one.renew()
    assert one.is_known()


def test_who_was_away_is_not_known_at_once(
    make: Make, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make("one")
    _be_known(one, clock)
    _pass(leases.LIFE_S + 1, clock, monkeypatch)
    one.renew()
    assert one.is_there()
    assert not one.is_known()
    clock.time += leases.LIFE_S - 0.001
    one.renew()
    assert not one.is_known()
    clock.time += 0.002
    assert one.is_known()


def test_a_renewal_whose_answer_was_lost_makes_nobody_known(
    make: Make, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = make("one"), make("other")
    _be_known(one, clock)
    _pass(leases.LIFE_S + 1, clock, monkeypatch)
    other.renew()
    assert other.alive() == {"other"}
    with monkeypatch.context() as patched:
        _lose_answers(patched)
        one.renew()
    assert not one.is_there()
    one.renew()
    # The other goes by what it heard before, for as long as a lease lives.
    assert other.is_there()
    assert other.alive() == {"other"}
    assert not one.is_known()


def _be_known(one: leases.Shared, clock: HandClock) -> None:
    one.renew()
    clock.time += leases.LIFE_S - leases.RENEW_S
    one.renew()
    clock.time += leases.RENEW_S
    assert one.is_known()


def _answer_after(seconds: float, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is asked of the database take a while."""
    begin = sa.Engine.begin

    @contextlib.contextmanager
    def begin_slowly(engine: sa.Engine) -> Generator[sa.Connection]:
        with begin(engine) as connection:
            yield connection
        clock.time += seconds

    monkeypatch.setattr(sa.Engine, "begin", begin_slowly)


def _lose_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the database do what it is asked for, and be cut off before it says so."""
    begin = sa.Engine.begin

    @contextlib.contextmanager
    def begin_and_lose(engine: sa.Engine) -> Generator[sa.Connection]:
        with begin(engine) as connection:
            yield connection
        raise exc.OperationalError("", None, psycopg.OperationalError("cut off"))

    monkeypatch.setattr(sa.Engine, "begin", begin_and_lose)


def _pass(seconds: float, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have time pass by both clocks."""
    clock.time += seconds
    monkeypatch.setattr(leaserows, "NOW", leaserows.NOW + seconds)


def _let_pass(url: str, seconds: float) -> None:
    """Have everybody's leases end so much earlier: the database's clock is not ours to set."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE lease SET until = until - :s"), {"s": seconds})
    engine.dispose()


async def test_leases_are_renewed_while_all_other_threads_wait(make: Make) -> None:
    one = make("one")
    over = threading.Event()
    waiting = [asyncio.create_task(asyncio.to_thread(over.wait)) for _ in range(THREADS)]
    renewing = asyncio.create_task(one.run())
    try:
        async with asyncio.timeout(SOON_S):
            while not held(one):
                await asyncio.sleep(0.05)
    finally:
        over.set()
        renewing.cancel()
        await asyncio.gather(renewing, *waiting, return_exceptions=True)
