"""Leases of a LAN's own DHCP server, by the real dnsmasq, for guests that are not there yet."""

import asyncio
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mallee.kit import process
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.node.modes import leasekeeper
from tests.node.modes import lan as lans
from tests.node.modes.lan import Lan

pytestmark = pytest.mark.host

RANGE = "--dhcp-range=10.99.0.100,10.99.0.103,255.255.255.0,10m"


@pytest.fixture
def lan(root_dir: Path) -> Iterator[Lan]:
    """A LAN whose server is at .2 and not running yet."""
    with lans.opened(root_dir) as opened:
        opened.machine("dhcp", "10.99.0.2")
        yield opened


class Clock:
    """A clock that can be put forward."""

    ahead_s = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.ahead_s

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()


class Agent:
    """An agent's keeper of leases, in a loop of its own; ended like one that is killed."""

    def __init__(self, layout: Layout, loop: asyncio.AbstractEventLoop) -> None:
        self.news: list[str] = []
        self.away: set[str] = set()
        self.clock = Clock()
        self.loop = loop
        self.task: asyncio.Task[None] | None = None
        self.keeper = leasekeeper.LeaseKeeper(
            layout, self.clock, self.news.append, self.away.__contains__
        )
        self.ended = asyncio.run_coroutine_threadsafe(self._run(), loop)

    async def _run(self) -> None:
        self.task = asyncio.current_task()
        try:
            await self.keeper.run()
        except asyncio.CancelledError:
            return

    def want(self, wanted: HostWanted) -> None:
        self.loop.call_soon_threadsafe(self.keeper.want, wanted)

    def address(self, number: int) -> str:
        seen = self.keeper.seen(lans.lease(number).instance_id)
        return seen[0].private_ip if seen else ""

    def trouble(self, number: int) -> str:
        return self.keeper.trouble(lans.lease(number).instance_id)

    def wait_address(self, number: int) -> str:
        lans.wait(lambda: self.address(number) != "", "no address")
        return self.address(number)

    def end(self) -> None:
        assert self.task is not None
        self.loop.call_soon_threadsafe(self.task.cancel)
        self.ended.result(lans.WITHIN_S)


@contextmanager
def agent(root: Path) -> Generator[Agent]:
    """An agent for a while."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    one = Agent(Layout(root), loop)
    try:
        yield one
    finally:
        one.end()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_each_interface_has_a_lease_under_its_own_mac_until_it_is_wanted_no_more(
    lan: Lan, root_dir: Path
) -> None:
    lan.serve(
        "dhcp", RANGE, "--dhcp-option=option:dns-server,10.99.0.53",
        "--dhcp-option=option:domain-name,lan.example", "--dhcp-option=option:mtu,1400",
    )  # fmt: skip
    with agent(root_dir) as one:
        one.want(lans.wanted(lans.lease(1), lans.lease(2)))
        first, second = one.wait_address(1), one.wait_address(2)
        assert lan.leased("dhcp") == {first: "02:00:00:00:00:01", second: "02:00:00:00:00:02"}
        got = one.keeper.leases()[lans.lease(1).interface_id]
        assert (got.router, got.prefix_length, got.mtu) == (lans.ROUTER, 24, 1400)
        assert (got.name_servers, got.domain) == (("10.99.0.53",), "lan.example")
        one.want(lans.wanted(lans.lease(2)))
        lans.wait(lambda: first not in lan.leased("dhcp"), "the lease was not given back")
        assert one.address(2) == second


def test_an_agent_that_begins_anew_has_the_same_lease(lan: Lan, root_dir: Path) -> None:
    lan.serve("dhcp", RANGE)
    with agent(root_dir) as one:
        one.want(lans.wanted(lans.lease(1)))
        first = one.wait_address(1)
    lan.stop("dhcp")
    with agent(root_dir) as other:
        other.want(lans.wanted(lans.lease(1, first)))
        # No server is there to say it again.
        assert other.wait_address(1) == first
    with agent(root_dir) as third:
        lan.serve("dhcp", RANGE)
        third.want(lans.wanted())
        lans.wait(lambda: not lan.leased("dhcp"), "what nobody wants was not given back")


def test_a_lease_is_renewed_by_what_its_server_says_to_the_guest(lan: Lan, root_dir: Path) -> None:
    lan.serve("dhcp", RANGE, "--dhcp-option-force=58,4i", "--dhcp-option-force=59,300i")
    with agent(root_dir) as one:
        one.want(lans.wanted(lans.lease(1)))
        address = one.wait_address(1)
        first = one.keeper.leases()[lans.lease(1).interface_id]
        # In the guest's place, or that of its leg: there the server's answer goes.
        lan.machine("leg", address)
        lans.wait(
            lambda: one.keeper.leases()[lans.lease(1).interface_id].ends_at > first.ends_at,
            "it is not renewed",
        )
        assert one.address(1) == address


def test_a_lan_that_gives_another_address_is_followed(lan: Lan, root_dir: Path) -> None:
    lan.serve("dhcp", RANGE)
    with agent(root_dir) as one:
        one.want(lans.wanted(lans.lease(1)))
        first = one.wait_address(1)
    lan.stop("dhcp")
    lan.serve("dhcp", "--dhcp-range=10.99.0.150,10.99.0.153,255.255.255.0,10m")
    with agent(root_dir) as other:
        other.want(lans.wanted(lans.lease(1, first)))
        lans.wait(lambda: other.address(1).startswith("10.99.0.15"), "the old address is kept")
        assert lans.lease(1).instance_id in other.news


def test_an_address_that_a_machine_has_is_declined_and_another_one_taken(
    lan: Lan, root_dir: Path
) -> None:
    lan.machine("squatter", "10.99.0.100")
    lan.serve("dhcp", "--dhcp-range=10.99.0.100,10.99.0.101,255.255.255.0,10m",
              "--dhcp-sequential-ip")  # fmt: skip
    with agent(root_dir) as one:
        one.want(lans.wanted(lans.lease(1)))
        assert one.wait_address(1) == "10.99.0.101"


def test_no_guest_is_leased_an_address_of_the_host_itself(lan: Lan, root_dir: Path) -> None:
    process.run(("ip", "address", "add", "10.99.0.100/24", "dev", lans.BRIDGE))
    lan.serve("dhcp", "--dhcp-range=10.99.0.100,10.99.0.101,255.255.255.0,10m",
              "--dhcp-sequential-ip")  # fmt: skip
    with agent(root_dir) as one:
        one.want(lans.wanted(lans.lease(1)))
        assert one.wait_address(1) == "10.99.0.101"


def test_a_server_that_offers_what_is_not_of_the_lan_is_not_believed(
    lan: Lan, root_dir: Path
) -> None:
    lan.machine("rogue", "192.168.77.1")
    lan.serve("rogue", "--dhcp-range=192.168.77.50,192.168.77.60,255.255.255.0,10m")
    with agent(root_dir) as one:
        one.want(lans.wanted(lans.lease(1)))
        lans.wait(lambda: "192.168.77" in one.trouble(1), "it is not seen")
        assert one.address(1) == ""
        lan.serve("dhcp", RANGE)
        assert one.wait_address(1).startswith("10.99.0.10")


def test_a_lease_goes_along_with_a_guest_that_is_elsewhere(lan: Lan, root_dir: Path) -> None:
    lan.serve("dhcp", RANGE)
    with agent(root_dir) as one:
        one.want(lans.wanted(lans.lease(1)))
        address = one.wait_address(1)
        one.away.add(lans.lease(1).instance_id)
        one.want(lans.wanted())
        lans.wait(lambda: one.address(1) == "", "still held")
        assert address in lan.leased("dhcp")


def test_who_waits_too_long_for_an_address_fails_with_the_cause(root_dir: Path) -> None:
    with agent(root_dir) as one:
        one.want(lans.wanted(lans.lease(1), device="nobridge"))
        lans.wait(lambda: "the bridge nobridge cannot be used" in one.trouble(1), "no cause")
        assert one.keeper.failure(lans.lease(1).instance_id) is None
        one.clock.ahead_s = leasekeeper.ANSWER_S + 1
        reason = one.keeper.failure(lans.lease(1).instance_id)
        assert reason is not None
        assert "nobridge" in reason.message
