"""What the kernel tells of links, and what ails them."""

from typing import Any

import pytest

from mallee.model.hosts.ailments import Code
from mallee.node.checks import interfaces


def link(name: str, *flags: str, **more: Any) -> dict[str, Any]:
    return {
        "ifname": name,
        "link_type": "ether",
        "address": "02:00:00:00:00:01",
        "mtu": 1500,
        "flags": list(flags),
        "addr_info": [],
        **more,
    }


def kind(name: str, **data: Any) -> dict[str, Any]:
    return {"linkinfo": {"info_kind": name, **data}}


ADDRESS: dict[str, Any] = {"addr_info": [{"family": "inet", "local": "192.0.2.1", "prefixlen": 24}]}


def slave(name: str, status: str) -> dict[str, Any]:
    data = {"info_slave_kind": "bond", "info_slave_data": {"mii_status": status}}
    return link(name, "UP", master="bond0", linkinfo=data)


def test_a_card_in_use_that_is_off_or_has_no_carrier_is_named() -> None:
    links = [link("eth0", "UP", "NO-CARRIER", **ADDRESS), link("eth1", **ADDRESS), link("eth2")]
    found = [(one.code, one.cause) for one in interfaces.troubles(links)]
    assert found == [
        (Code.LINK_UNPLUGGED, "eth0 has no carrier"),
        (Code.LINK_OFF, "eth1 is switched off"),
    ]


def test_links_of_our_own_and_empty_bridges_are_no_trouble() -> None:
    links = [
        link("ml-box", **ADDRESS),
        link("mt0123456789abc", "UP", "NO-CARRIER", **ADDRESS),
        link("docker0", "UP", "NO-CARRIER", **ADDRESS, **kind("bridge")),
        link("eth0", "UP", "LOWER_UP", **ADDRESS),
    ]
    assert interfaces.troubles(links) == []
    assert interfaces.summary(links).startswith("docker0 192.0.2.1 (MTU 1500), eth0 192.0.2.1")


def test_a_bond_that_has_lost_a_member_is_named_though_it_carries_on() -> None:
    bond = link("bond0", "UP", "LOWER_UP", **ADDRESS, **kind("bond"))
    whole = [bond, slave("eth0", "UP"), slave("eth1", "UP")]
    assert interfaces.troubles(whole) == []
    (one,) = interfaces.troubles([bond, slave("eth0", "UP"), slave("eth1", "DOWN")])
    assert one.cause == "eth1 of the bond bond0 is down: it carries on with 1 of 2"
    assert "/proc/net/bonding/bond0" in one.cure
    (one,) = interfaces.troubles([bond])
    assert (one.code, one.cause) == (Code.BOND_EMPTY, "the bond bond0 has no member")


def test_the_card_of_an_address_is_found() -> None:
    links = [link("eth0"), link("eth1", **ADDRESS)]
    assert interfaces.device_of(links, "192.0.2.1") == "eth1"
    assert interfaces.device_of(links, "192.0.2.2") == ""


def test_a_bond_whose_switch_does_not_speak_lacp_is_named() -> None:
    def bond(partner: str) -> dict[str, Any]:
        told = {"mode": "802.3ad", "ad_info": {"partner_mac": partner}}
        return link("bond0", "UP", **ADDRESS, **kind("bond", info_data=told))

    whole = [slave("eth0", "UP"), slave("eth1", "UP")]
    assert interfaces.troubles([bond("02:00:00:00:00:07"), *whole]) == []
    (one,) = interfaces.troubles([bond("00:00:00:00:00:00"), *whole])
    assert one.code is Code.BOND_ALONE


def test_routes_of_others_into_our_ranges_are_named() -> None:
    routes = [
        {"dst": "default", "dev": "eth0"},
        {"dst": "203.0.113.0/24", "dev": "ml-box"},
        {"type": "unreachable", "dst": "203.0.113.0/24"},
        {"dst": "192.0.2.0/24", "dev": "eth0"},
        {"dst": "203.0.113.128/25", "dev": "tun0", "protocol": "bird"},
    ]
    (one,) = interfaces.foreign_routes(routes, "203.0.113.0/24", "172.31.0.0/16")
    assert one.code is Code.RANGE_ROUTED
    assert one.cause.endswith("leads to 203.0.113.128/25 by tun0, made by bird")


def test_a_network_of_the_host_may_have_the_public_range_in_it_and_no_other() -> None:
    wire = {"dst": "192.0.0.0/16", "dev": "eth0", "protocol": "kernel", "scope": "link"}
    assert interfaces.foreign_routes([wire], "192.0.2.0/24", "172.31.0.0/16") == []
    for route in (wire | {"dst": "192.0.2.0/24"}, wire | {"gateway": "192.0.0.1"}):
        (one,) = interfaces.foreign_routes([route], "192.0.2.0/24", "172.31.0.0/16")
        assert one.code is Code.RANGE_ROUTED
    assert interfaces.foreign_routes([wire], "203.0.113.0/24", "192.0.2.0/24") != []


def test_the_card_of_the_network_mode_is_there_on_and_leads_somewhere() -> None:
    def codes(*links: dict[str, Any]) -> list[Code]:
        return [one.code for one in interfaces.mode_troubles("br0", links, is_lan=True)]

    bridge = link("br0", "UP", **kind("bridge"))
    assert codes(link("eth0", "UP")) == [Code.DEVICE_MISSING]
    assert codes(link("br0", **kind("bridge"))) == [Code.LINK_OFF]
    assert codes(bridge, link("eth0", "UP")) == [Code.BRIDGE_EMPTY]
    assert codes(bridge, link("eth0", "UP", master="br0")) == []
    # Instances' own ports lead nobody out.
    assert codes(bridge, link("mjbox0123456789", "UP", master="br0")) == [Code.BRIDGE_EMPTY]


@pytest.mark.parametrize("name", ["ovs0", "mtu-lab", "mirror0", "mgmt0", "ml", "overlay0"])
def test_a_card_that_is_named_nearly_like_ours_is_its_owners(name: str) -> None:
    assert not interfaces.is_ours(name)
