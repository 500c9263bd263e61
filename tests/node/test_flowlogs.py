"""Flow logs on a host: counts become lines, which the cloud gets at least once."""

import asyncio
import errno
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import HostWanted, InterfaceWanted, VpcWanted
from mallee.model.network.flowlogs import DEFAULT_FIELDS, parse_parcel
from mallee.model.network.watching import FlowLogWanted
from mallee.node import cloud
from mallee.node.flowlogs import FlowLogs
from mallee.node.plan.network import flowsums
from tests.handclock import NOW, HandClock
from tests.node import lab, shapes
from tests.node.lab import Lab
from tests.node.shapes import OPEN

LOG = "fl-00000000000000001"


@dataclass(slots=True)
class Taker:
    """A cloud that takes lines, loses its answer, or refuses."""

    taken: list[tuple[str, list[str]]] = field(default_factory=list[tuple[str, list[str]]])
    fails: list[Exception] = field(default_factory=list[Exception])

    async def deliver_flows(self, name: str, lines: bytes) -> None:
        self.taken.append((name, gzip.decompress(lines).decode().splitlines()))
        if self.fails:
            raise self.fails.pop()


@pytest.fixture
def host(root_dir: Path) -> Iterator[Lab]:
    with lab.opened(root_dir) as opened:
        yield opened


@dataclass(slots=True)
class Pair:
    """Two guests, the first of which is watched, and the agent's part that does."""

    host: Lab
    client: InterfaceWanted
    server: InterfaceWanted
    wanted: HostWanted
    clock: HandClock
    taker: Taker

    def flows(self) -> FlowLogs:
        """The agent's part, begun anew."""
        return FlowLogs(self.host.layout, lambda: self.wanted, self.taker, self.clock)

    def ping(self) -> None:
        """Send an echo and its answer."""
        assert self.host.guest(self.client).pings(self.server.private_ip)

    def lines(self) -> list[list[str]]:
        """The lines that wait, as words."""
        found = sorted(self.host.layout.flow_outbox.glob("fl-*"))
        text = b"".join(gzip.decompress(path.read_bytes()) for path in found).decode()
        return [line.split(" ") for line in text.splitlines()]


def vpc_of(*held: InterfaceWanted) -> VpcWanted:
    log = FlowLogWanted(
        id=LOG, account_id="000000000001", zone_id="use1-az1", interface_ids=(held[0].id,)
    )
    return shapes.vpc(0, (shapes.subnet(1),), held, flow_logs=(log,))


@pytest.fixture
def pair(host: Lab) -> Pair:
    host.layout.node.mkdir(parents=True, exist_ok=True)
    client, server = (shapes.interface(n, OPEN, inside=shapes.subnet(1)) for n in (10, 11))
    wanted = shapes.host(vpc_of(client, server))
    host.apply(wanted)
    # Before there was an agent that counts there was no log either.
    return Pair(host, client, server, wanted, HandClock(), Taker())


def begin(pair: Pair) -> FlowLogs:
    """An agent to which the log is new, as if it were just made."""
    log = pair.wanted
    pair.wanted = replace(log, vpcs=())
    flows = pair.flows()
    pair.wanted = log
    return flows


@pytest.mark.host
def test_a_minute_becomes_lines_and_an_empty_one_says_so(pair: Pair) -> None:
    flows = begin(pair)
    flows.turn()
    pair.ping()
    pair.clock.time += 30
    flows.turn()
    assert pair.lines() == []
    pair.clock.time += 30
    flows.turn()
    ends = [pair.client.private_ip, pair.server.private_ip]
    tail = ["0", "0", "1", "1", "28", str(int(NOW)), str(int(NOW) + 30), "ACCEPT", "OK"]
    head = ["2", "000000000001", pair.client.id]
    assert sorted(pair.lines()) == sorted([[*head, *ends, *tail], [*head, *ends[::-1], *tail]])
    pair.clock.time += 60
    flows.turn()
    nothing = [*head, *["-"] * 7, str(int(NOW) + 60), str(int(NOW) + 120), "-", "NODATA"]
    assert nothing in pair.lines()


@pytest.mark.host
def test_an_agent_that_ends_in_order_loses_nothing_and_tells_nothing_twice(pair: Pair) -> None:
    flows = begin(pair)
    flows.turn()
    pair.ping()
    flows.end()
    pair.ping()
    again = pair.flows()
    again.turn()
    again.end()
    packets = [int(words[8]) for words in pair.lines()]
    assert packets == [1, 1, 1, 1]


@pytest.mark.host
def test_an_agent_that_was_killed_tells_nothing_twice(pair: Pair) -> None:
    begin(pair).turn()
    pair.ping()
    after = pair.flows()
    after.turn()
    pair.ping()
    after.end()
    assert [int(words[8]) for words in pair.lines()] == [1, 1]


@pytest.mark.host
def test_what_an_interface_did_before_it_left_is_told(pair: Pair) -> None:
    flows = begin(pair)
    flows.turn()
    pair.ping()
    flows.turn()
    pair.wanted = replace(pair.wanted, vpcs=())
    flows.turn()
    assert {words[-1] for words in pair.lines()} == {"OK"}


def test_lines_stay_until_they_are_taken(root_dir: Path) -> None:
    host = lab.Layout(root_dir)
    host.flow_outbox.mkdir(parents=True)
    name = f"{LOG}.60000.0123456789abcdef.gz"
    (host.flow_outbox / name).write_bytes(gzip.compress(b"a line\n"))
    taker = Taker(fails=[cloud.Refused("gone"), cloud.CloudAway("the answer is lost")])
    flows = FlowLogs(host, lambda: None, taker, HandClock())

    async def bring() -> None:
        with pytest.raises(cloud.CloudAway):
            await flows.bring(host.flow_outbox / name)
        assert (host.flow_outbox / name).exists()
        await flows.bring(host.flow_outbox / name)

    asyncio.run(bring())
    assert taker.taken == [(name, ["a line"])] * 2
    assert not list(host.flow_outbox.iterdir())


def test_a_file_is_named_by_its_log_and_window() -> None:
    parcel = parse_parcel(f"{LOG}.60000.0123456789abcdef.gz")
    assert parcel is not None
    assert (parcel.log_id, parcel.began_at) == (LOG, 60_000)
    assert parse_parcel(parcel.name) == parcel
    for wrong in ("", "..", f"../{parcel.name}", f"{parcel.name}.gz", "fl-1.1.1.gz"):
        assert parse_parcel(wrong) is None
    assert DEFAULT_FIELDS[-1] == "log-status"


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ((0, 0, 0), (3, 300, 20_000), (3, 300)),
        ((3, 300, 9_000), (5, 500, 20_000), (2, 200)),
        ((3, 300, 9_000), (3, 300, 4_000), None),
        # It went, and came anew.
        ((3, 300, 1_000), (3, 310, 19_000), (3, 310)),
        ((3, 300, 1_000), (1, 100, 19_000), (1, 100)),
    ],
)
def test_what_was_counted_between_two_readings(
    before: tuple[int, int, int], now: tuple[int, int, int], told: tuple[int, int] | None
) -> None:
    steps = list(flowsums.steps({"flows4": {b"key": before}}, {"flows4": {b"key": now}}))
    assert [(one.packets, one.bytes) for one in steps] == ([told] if told else [])


def no_more(_path: Path, _data: bytes, _mode: int = 0) -> None:
    raise OSError(errno.ENOSPC, "no space left on the disk")


@pytest.mark.host
@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("mallee.node.flowlogs.OUTBOX_BYTES_MAX", -1),
        ("mallee.kit.files.write_atomically", no_more),
    ],
)
def test_lines_without_room_are_told_of_in_the_next_minute(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, what: str, value: object
) -> None:
    flows = begin(pair)
    flows.turn()
    pair.ping()
    with monkeypatch.context() as full:
        full.setattr(what, value)
        pair.clock.time += 60
        flows.turn()
    assert pair.lines() == []
    pair.clock.time += 60
    flows.turn()
    assert [words[-1] for words in pair.lines()] == ["SKIPDATA"]
