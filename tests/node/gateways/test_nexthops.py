"""Looking at next hops, on the kernel's own links."""

import contextlib
import itertools
import os
import select
import socket
from collections.abc import Generator
from types import SimpleNamespace

import pytest

from mallee.kit import clock, process
from mallee.model.hosts.ailments import Code
from mallee.node.checks import host
from mallee.node.gateways import landmarks, nexthops
from mallee.node.gateways.outlook import Hop, Look
from tests import wholecloud

ROOM = f"nexthop-{os.getpid()}"
"""Namespaces have names for the whole machine: several workers may be at this."""
HERE, ROUTER, NOBODY = "198.51.100.2", "198.51.100.1", "198.51.100.9"
HERE6, ROUTER6, NOBODY6 = "2001:db8:7::2", "2001:db8:7::1", "2001:db8:7::9"


SOON_S = 60.0


def ip(*words: str) -> str:
    return process.run(("ip", *words)).text


def look(hop: Hop) -> Look:
    return nexthops.look(hop, nexthops.fetch_links())


def wait_carrier(device: str, *, is_there: bool) -> None:
    """Wait until the kernel tells that something is at the other end, or nothing is."""
    wholecloud.wait_until(
        lambda: ("LOWER_UP" in nexthops.fetch_links()[device]["flags"]) is is_there,
        SOON_S,
        f"the carrier of {device}",
    )


@pytest.fixture
def wire() -> Generator[None]:
    """A bridge whose one port leads to a router in another namespace."""
    ip("netns", "add", ROOM)
    try:
        ip("link", "add", "up1", "type", "veth", "peer", "name", "eth0", "netns", ROOM)
        ip("link", "add", "upbr", "type", "bridge")
        ip("link", "set", "up1", "master", "upbr", "up")
        ip("link", "set", "upbr", "up")
        for inside, device, four, six in (
            ((), "upbr", HERE, HERE6),
            (("-n", ROOM), "eth0", ROUTER, ROUTER6),
        ):
            ip(*inside, "address", "add", f"{four}/24", "dev", device)
            ip(*inside, "address", "add", f"{six}/64", "dev", device, "nodad")
        ip("-n", ROOM, "link", "set", "eth0", "up")
        # The kernel tells of carriers a moment later.
        wait_carrier("upbr", is_there=True)
        yield
    finally:
        ip("netns", "delete", ROOM)
        # The other end may have gone with the namespace.
        for device in ("up1", "upbr"):
            with contextlib.suppress(process.Failed):
                ip("link", "delete", device)


@pytest.mark.usefixtures("wire")
def test_who_answers_is_well_and_who_does_not_is_silent() -> None:
    for router, nobody in ((ROUTER, NOBODY), (ROUTER6, NOBODY6)):
        assert look(Hop("upbr", router)) is Look.WELL
        assert look(Hop("upbr", nobody)) is Look.SILENT


@pytest.mark.usefixtures("wire")
def test_an_answer_that_has_come_is_heard_by_who_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that has much to do takes no router for silent by that."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as other:
        other.bind(("upbr", 0x0806))
        looks = itertools.count()

        def late() -> float:
            if at := next(looks):
                assert select.select([other], [], [], SOON_S)[0], "no answer came"
            return at * 99.0

        monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=late))
        assert look(Hop("upbr", ROUTER)) is Look.WELL


@pytest.mark.usefixtures("wire")
def test_hops_are_those_of_the_best_default_route() -> None:
    assert nexthops.fetch() == ()
    ip("-6", "route", "add", "default", "via", ROUTER6)
    assert nexthops.fetch() == (Hop("upbr", ROUTER6),)
    ip("route", "add", "default", "via", NOBODY, "metric", "200")
    ip("route", "add", "default", "via", ROUTER, "metric", "100")
    assert nexthops.fetch() == (Hop("upbr", ROUTER),)


@pytest.mark.usefixtures("wire")
def test_cut_is_seen_on_the_device_and_behind_a_bridge() -> None:
    ip("link", "add", "other", "type", "veth", "peer", "name", "other1")
    ip("link", "set", "other1", "up")
    ip("link", "set", "other", "master", "upbr", "up")
    wait_carrier("other", is_there=True)
    ip("-n", ROOM, "link", "set", "eth0", "down")
    wait_carrier("up1", is_there=False)
    assert look(Hop("upbr", ROUTER)) is Look.SILENT
    assert nexthops.ailing_ports("upbr", nexthops.fetch_links()) == ("up1",)
    ip("link", "delete", "other")
    wait_carrier("upbr", is_there=False)
    assert look(Hop("upbr", ROUTER)) is Look.CUT
    assert look(Hop("nothing", ROUTER)) is Look.CUT


@pytest.mark.usefixtures("wire")
def test_doctor_names_a_router_that_is_silent() -> None:
    ip("route", "add", "default", "via", ROUTER)
    assert ROUTER in host.find_way_out()
    ip("route", "replace", "default", "via", NOBODY)
    with pytest.raises(host.Trouble) as caught:
        host.find_way_out()
    assert caught.value.ailments[0].code.value == "router-silent"


FAR, FAR6, NOWHERE = "192.0.2.77", "2001:db8:9::77", "192.0.2.99"


@pytest.fixture
def beyond(wire: None) -> None:
    """Two addresses beyond the router, of either family, and the ways there."""
    ip("-n", ROOM, "link", "set", "lo", "up")
    ip("-n", ROOM, "address", "add", f"{FAR}/32", "dev", "lo")
    ip("-n", ROOM, "address", "add", f"{FAR6}/128", "dev", "lo", "nodad")
    ip("route", "add", "default", "via", ROUTER)
    ip("-6", "route", "add", "default", "via", ROUTER6)


@pytest.mark.usefixtures("beyond")
def test_landmarks_answer_by_the_way_to_the_world_and_by_no_other() -> None:
    for one in (FAR, FAR6):
        assert landmarks.answering([NOWHERE, one], ["upbr"]) == {one}
    assert landmarks.answering([NOWHERE], ["upbr"]) == frozenset()
    assert landmarks.answering([], ["upbr"]) == frozenset()
    assert landmarks.answering([FAR], ["lo", "nothing"]) == frozenset()


@pytest.mark.usefixtures("beyond")
def test_doctor_names_a_world_in_which_nobody_answers() -> None:
    assert ROUTER in host.find_way_out((NOWHERE, FAR))
    with pytest.raises(host.Trouble) as caught:
        host.find_way_out((NOWHERE,))
    (one,) = caught.value.ailments
    assert one.code is Code.WORLD_SILENT
    assert NOWHERE in one.cause


def test_ways_of_a_route_with_several_are_all_hops() -> None:
    several = {
        "dst": "default",
        "nexthops": [{"gateway": "10.0.0.1", "dev": "a"}, {"via": {"host": "fe80::1"}, "dev": "b"}],
    }
    assert nexthops.read_routes([several]) == (Hop("a", "10.0.0.1"), Hop("b", "fe80::1"))
    assert nexthops.read_routes([{"type": "unreachable", "dst": "default"}]) == ()
    assert nexthops.read_routes([{"dst": "default", "dev": "tun0"}]) == (Hop("tun0", ""),)
