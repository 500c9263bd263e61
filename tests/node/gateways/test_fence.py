"""The fence: packets and answers by ARP pass while the host holds the world, and not later."""

import math
from pathlib import Path

import pytest

from mallee.kit import process
from mallee.model.layout import Layout
from mallee.node.gateways import announcing, fence
from tests.node import wants


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.node.mkdir(parents=True)
    return made


def ruleset() -> str:
    return process.run(("nft", "list", "ruleset")).text


def test_fence_opens_for_a_while_shuts_and_goes(layout: Layout) -> None:
    wanted = wants.make_host(1)
    fence.load(fence.text(layout, wanted, 0.0))
    assert "expires" not in ruleset()
    assert f'iifname "{layout.host_link}" ip saddr {wanted.public_range}' in ruleset()
    fence.load(fence.renewal(layout, wanted, 10.0, has_arp=True))
    assert ruleset().count("expires") == 2
    fence.load(fence.renewal(layout, wanted, 10.0, has_arp=True))
    assert ruleset().count("expires") == 2
    fence.load(fence.renewal(layout, wanted, 0.0, has_arp=True))
    assert "expires" not in ruleset()
    fence.load(fence.text(layout, wanted, 5.0))
    assert ruleset().count("expires") == 2
    fence.remove(layout)
    fence.remove(layout)
    assert "world" not in ruleset()


def test_fence_around_all_of_a_namespace(layout: Layout) -> None:
    fence.load(fence.within(layout, math.inf))
    fence.load(fence.within(layout, 0.0))
    assert "meta nfproto != @holding drop" in ruleset()
    assert "expires" not in ruleset()
    for _ in range(2):
        fence.load(fence.within(layout, 10.0))
        assert ruleset().count("expires") == 3
    fence.load(fence.within(layout, math.inf))
    assert "world" not in ruleset()


def test_renewing_a_fence_that_is_gone_is_an_error(layout: Layout) -> None:
    with pytest.raises(process.Failed):
        fence.load(fence.renewal(layout, wants.make_host(1), 10.0, has_arp=True))


def test_addresses_are_answered_on_the_wire_and_no_more(layout: Layout) -> None:
    process.run(("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1"))
    process.run(("ip", "neighbour", "add", "proxy", "203.0.113.9", "dev", "up0"))
    wanted = frozenset({("up0", "198.51.100.1"), ("up0", "198.51.100.2")})
    try:
        assert announcing.apply(layout, wanted)
        assert not announcing.apply(layout, wanted)
        assert announcing.apply(layout, frozenset({("up0", "198.51.100.2")}))
        shown = process.run(("ip", "neighbour", "show", "proxy")).text
        assert "198.51.100.2" in shown
        assert "198.51.100.1 " not in shown
        announcing.apply(layout, frozenset())
        shown = process.run(("ip", "neighbour", "show", "proxy")).text
        assert "198.51.100" not in shown
        assert "203.0.113.9" in shown
    finally:
        process.run(("ip", "link", "delete", "up0"))


def test_announcement_is_a_whole_frame() -> None:
    made = announcing.frame(bytes.fromhex("02aabbccddee"), "198.51.100.1", 1)
    assert made.hex() == (
        "ffffffffffff02aabbccddee0806000108000604000102aabbccddeec6336401000000000000c6336401"
    )
