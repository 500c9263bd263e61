"""What a storm will be: who wishes for what and what breaks, when; all of it follows from a seed.

A *storm* is a minute in which customers of a lab's cloud ask for things while processes, cables,
disks and hosts fail. A schedule is a value: it is printed, compared, and lived again. What a wish
meets with depends on what is there when it comes, which it chooses among by its `luck`. Pure.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

FRONT = "front"
SECOND = "n2"
"""A node, or the second front end of those storms that have several."""
THIRD = "n1"
"""A node, or the third front end of those that have three."""
HOSTS = (FRONT, THIRD, SECOND)
DATABASE = "db"
"""The host with PostgreSQL, where there are several front ends."""
CUSTOMERS = 2
HANDS = 2
"""So many wishes of a customer are asked at once."""


@dataclass(frozen=True, slots=True)
class Wish:
    """That a customer asks for something."""

    at_s: float
    hand: int
    """Which of all customers' hands; a customer's hands are one account."""
    kind: str
    luck: int
    """The seed of what it chooses."""

    def __str__(self) -> str:
        return f"{self.at_s:6.1f} s  hand {self.hand}: {self.kind} ({self.luck})"


@dataclass(frozen=True, slots=True)
class Fault:
    """That something breaks, for a while."""

    at_s: float
    kind: str
    host: str
    lasts_s: float
    detail: str = ""
    """Which daemon, how bad a cable, how wrong a clock, what of a host's work it is taken from."""

    def __str__(self) -> str:
        return (
            f"{self.at_s:6.1f} s  {self.kind} {self.detail} on {self.host} ({self.lasts_s:.1f} s)"
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    """A storm, in the order of time."""

    seed: int
    seconds: float
    front_ends: tuple[str, ...]
    """One on SQLite, or several on PostgreSQL."""
    wishes: tuple[Wish, ...]
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        all: Iterable[Wish | Fault] = sorted((*self.wishes, *self.faults), key=lambda one: one.at_s)
        head = f"seed {self.seed}, {self.seconds:g} s, front ends: {', '.join(self.front_ends)}"
        return "\n".join((head, *map(str, all)))


WISHES = {
    "run": 8,
    "terminate": 3,
    "stop": 3,
    "start": 4,
    "reboot": 1,
    "make a volume": 4,
    "attach": 6,
    "detach": 4,
    "delete a volume": 2,
    "snapshot": 3,
    "restore": 2,
    "delete a snapshot": 1,
    "allocate": 2,
    "associate": 4,
    "release": 1,
    "move an address": 3,
    "change groups": 2,
    "open a port": 4,
    "close a port": 2,
    "put an object": 5,
    "migrate": 3,
}
"""What customers wish for, and how often."""

FAULTS = {
    "kill": 8,
    "hang": 3,
    "end a guest": 2,
    "cut": 5,
    "spoil": 4,
    "power": 2,
    "freeze the disk": 2,
    "slow the disk": 3,
    "fill the disk": 2,
    "kill the supervisor": 1,
    "set the clock": 3,
    "take from work": 4,
    "retire": 2,
    "rotate the authority": 1,
    "rotate the master key": 1,
    "change settings": 1,
}
"""What breaks, and how often; and what administrators do to hosts meanwhile."""
OF_DATABASES = {"kill": 2, "hang": 1, "cut": 3, "spoil": 2}
"""What breaks of the database's host, beside others."""
PART = "part from the database"
"""What breaks between one front end and the database: nothing passes, and nobody says so; or it
passes late, or not always."""

STANDINGS = ("disabled", "draining", "draining", "maintenance", "no gateway")
_STEPS_S = (-900, -60, -5, 5, 60, 900)
"""Of clocks; wrong enough that requests are refused, and leases and certificates doubted."""

_DROPS = "100 % 0 ms"
_CLOUDS = ("cloud", "s3")
_ALL = ("node", "blocks", "libvirtd")


def of(seed: int, seconds: float) -> Schedule:
    """Return the storm of a seed."""
    rng = random.Random(seed)
    # Each storm likes some things, and has hardly any of others.
    wishes = {kind: weight * rng.random() ** 2 for kind, weight in WISHES.items()}
    faults = {kind: weight * rng.random() ** 2 for kind, weight in FAULTS.items()}
    wishes["run"] += 2.0
    front_ends = (FRONT, SECOND, THIRD)[: _front_ends(seed)]
    asked = tuple(sorted(_wishes(rng, seconds, wishes), key=lambda one: one.at_s))
    broken = _faults(rng, seconds, faults, front_ends)
    return Schedule(seed, seconds, front_ends, asked, tuple(broken))


def _front_ends(seed: int) -> int:
    return 1 if seed % 2 else 2 + seed // 2 % 2


def _wishes(rng: random.Random, seconds: float, likes: dict[str, float]) -> Iterator[Wish]:
    for hand in range(CUSTOMERS * HANDS):
        at_s = rng.random()
        # There is something for others to be about.
        kind = "run"
        while at_s < seconds:
            yield Wish(at_s, hand, kind, rng.randrange(1 << 30))
            [kind] = rng.choices([*likes], [*likes.values()])
            at_s += rng.expovariate(1 / 2.0)


def _faults(
    rng: random.Random, seconds: float, likes: dict[str, float], front_ends: tuple[str, ...]
) -> Iterator[Fault]:
    at_s = 3.0 + rng.expovariate(1 / 3.0)
    pause_s = rng.uniform(2.0, 8.0)
    has_database = len(front_ends) > 1
    while at_s < seconds:
        lasts_s = min(rng.uniform(0.5, 4.0) + rng.expovariate(1 / 6.0), 30.0)
        if has_database and rng.random() < 0.15:
            detail = _DROPS if rng.random() < 0.6 else _spoilt(rng)
            yield Fault(at_s, PART, rng.choice(front_ends), lasts_s, detail)
        elif has_database and rng.random() < 0.15:
            [kind] = rng.choices([*OF_DATABASES], [*OF_DATABASES.values()])
            detail = _spoilt(rng) if kind == "spoil" else ""
            yield Fault(at_s, kind, DATABASE, lasts_s, detail)
        else:
            [kind] = rng.choices([*likes], [*likes.values()])
            host = rng.choice(HOSTS)
            yield Fault(at_s, kind, host, lasts_s, _detail(rng, kind, host in front_ends))
        at_s += rng.expovariate(1 / pause_s)


def _detail(rng: random.Random, kind: str, is_front_end: bool) -> str:
    match kind:
        case "kill" | "hang":
            return rng.choice((*_CLOUDS, *_CLOUDS, *_ALL) if is_front_end else _ALL)
        case "spoil":
            return _spoilt(rng)
        case "end a guest":
            return str(rng.randrange(1 << 16))
        case "set the clock":
            return str(rng.choice(_STEPS_S))
        case "take from work":
            return rng.choice(STANDINGS)
        case "change settings":
            # How many seconds a launch may take.
            return str(300 + rng.randrange(60))
        case _:
            return ""


def _spoilt(rng: random.Random) -> str:
    loses = rng.choice((0, 5, 20, 50))
    return f"{loses} % {rng.choice((0, 20, 200)) if loses else 200} ms"
