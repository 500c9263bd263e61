"""What ails a host's network cards, bridges and bonds, by what the kernel tells of them; pure.

`ip -json -details address show` is read by `checks.host`. Links of our own making are not looked
at: the agent sets them right by itself.
"""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any

from mallee.model.hosts.ailments import Ailment, Code
from mallee.model.hosts.hosts import HostWanted
from mallee.model.network.classic import HostClassic

Link = Mapping[str, Any]
_OURS = re.compile(
    r"ml-([0-9a-f]{5}|box)|mj([0-9a-f]{5}|box)[0-9a-f]+|m[tgip][0-9a-f]{13}|mpx[0-9a-f]{12}|overlay"
)
"""As `Layout`, `modes.legs` and `overlay` name links, and nothing that only begins so: a bridge may
be called `ovs0`."""
_VIRTUAL = frozenset({"bridge", "vxlan", "tun", "dummy", "ifb", "macvlan", "veth"})


def is_ours(name: str) -> bool:
    """Tell whether a link is one that the agent makes."""
    return _OURS.fullmatch(name) is not None


def kind_of(link: Link) -> str:
    """Return the kind of a link; empty: hardware."""
    return link.get("linkinfo", {}).get("info_kind", "")


def addresses_of(link: Link) -> list[str]:
    """Return a link's IPv4 addresses."""
    return [one["local"] for one in link.get("addr_info", ()) if one.get("family") == "inet"]


def device_of(links: Iterable[Link], address: str) -> str:
    """Return the link that has an address; empty: none."""
    return next((one["ifname"] for one in links if address in addresses_of(one)), "")


def device_of_mode(own: HostClassic, wanted: HostWanted | None) -> str:
    """Return in which card or bridge instances stand by the cloud's network mode; empty: in none.

    What the host calls its own goes before what its cloud says.
    """
    if wanted is None or wanted.mode is None:
        return ""
    return own.device or wanted.mode.device


def mode_troubles(device: str, links: Iterable[Link], *, is_lan: bool) -> list[Ailment]:
    """Return what ails the card or bridge of the network mode."""
    known = list(links)
    link = next((one for one in known if one["ifname"] == device), None)
    if link is None:
        cure = "make it, or name another one: [network.classic] device, in the cloud's mallee.toml "
        cure += "or this host's node.toml"
        return [Ailment(Code.DEVICE_MISSING, f"there is no {device!r} on this host", cure)]
    if "UP" not in link.get("flags", ()):
        return [Ailment(Code.LINK_OFF, f"{device} is switched off", f"ip link set {device} up")]
    ports = [it for it in known if it.get("master") == device and not is_ours(it["ifname"])]
    if is_lan and kind_of(link) == "bridge" and not ports:
        cure = f"put the host's own card into it: ip link set CARD master {device}"
        return [Ailment(Code.BRIDGE_EMPTY, f"the bridge {device} has no port", cure)]
    return []


def foreign_routes(routes: Iterable[Link], lent: str, *others: str) -> list[Ailment]:
    """Return which routes of others overlap the range of public addresses, which may be a part of
    a network that the host stands in, or other ranges; the default route is about none of them."""
    public = IPv4Network(lent)
    own = [public, *map(IPv4Network, others)]
    found: list[Ailment] = []
    for route in routes:
        is_ours_or_whole = is_ours(route.get("dev", "")) or route["dst"] == "default"
        if is_ours_or_whole or route.get("type", "unicast") != "unicast":
            continue
        network = IPv4Network(route["dst"], strict=False)
        is_wire = route.get("scope") == "link" and "gateway" not in route
        met = [one for one in own if network.overlaps(one)]
        if is_wire and public != network and public.subnet_of(network):
            met.remove(public)
        if met:
            by = f"by {route.get('dev', 'somewhere')}, made by {route.get('protocol', 'somebody')}"
            cure = f"take it away, or another range: ip route del {route['dst']}"
            cause = f"a route of this host leads to {network} {by}"
            found.append(Ailment(Code.RANGE_ROUTED, cause, cure))
    return found


def macs(links: Iterable[Link]) -> tuple[str, ...]:
    """Return the hardware addresses of the links that are no loopback."""
    return tuple(sorted({one["address"] for one in links if one.get("link_type") == "ether"}))


def troubles(links: Iterable[Link]) -> list[Ailment]:
    """Return what ails links, with cures."""
    found: list[Ailment] = []
    known = [one for one in links if one.get("link_type") == "ether" and not is_ours(one["ifname"])]
    for link in known:
        name, flags = link["ifname"], link.get("flags", ())
        is_used = bool(addresses_of(link)) or "master" in link
        if "UP" not in flags:
            if is_used:
                found.append(
                    Ailment(Code.LINK_OFF, f"{name} is switched off", f"ip link set {name} up")
                )
        elif "NO-CARRIER" in flags and (kind_of(link) != "bridge" and is_used):
            found.append(
                Ailment(
                    Code.LINK_UNPLUGGED,
                    f"{name} has no carrier",
                    "plug its cable in, and see the switch's port",
                )
            )
        found += _bond_troubles(link, known)
        found += _blocked_bridge(link, known)
    return found


def _blocked_bridge(link: Link, links: Iterable[Link]) -> list[Ailment]:
    """Tell of a bridge whose spanning tree lets nothing out: one card that is blocked beside
    another that carries is what it is for."""
    told = link.get("linkinfo", {}).get("info_data", {})
    if kind_of(link) != "bridge" or not told.get("stp_state"):
        return []
    name = link["ifname"]
    states = {
        one["ifname"]: one["linkinfo"].get("info_slave_data", {}).get("state", "")
        for one in links
        if one.get("master") == name and "LOWER_UP" in one.get("flags", ())
    }
    if not states or "forwarding" in states.values():
        return []
    said = ", ".join(f"{port} is {state}" for port, state in sorted(states.items()))
    cause = f"the spanning tree of the bridge {name} lets nothing pass: {said}"
    cure = "wait half a minute after a change; then look for a loop, and for what the switch's "
    cure += f"ports do: bridge -d link; a bridge with one card needs no tree: ip link set {name} "
    cure += "type bridge stp_state 0"
    return [Ailment(Code.BRIDGE_BLOCKED, cause, cure)]


def _bond_troubles(link: Link, links: Iterable[Link]) -> list[Ailment]:
    if kind_of(link) != "bond":
        return []
    name = link["ifname"]
    members = [one for one in links if one.get("master") == name]
    if not members:
        cure = f"ip link set CARD master {name}"
        return [Ailment(Code.BOND_EMPTY, f"the bond {name} has no member", cure)]
    dead = [
        one["ifname"]
        for one in members
        if one.get("linkinfo", {}).get("info_slave_data", {}).get("mii_status") == "DOWN"
        or "NO-CARRIER" in one.get("flags", ())
    ]
    return [
        *_lonely(link),
        *(
            Ailment(
                Code.BOND_DEGRADED,
                f"{one} of the bond {name} is down: it carries on with "
                f"{len(members) - len(dead)} of {len(members)}",
                f"plug its cable in, and see the switch's port; cat /proc/net/bonding/{name}",
            )
            for one in dead
        ),
    ]


def _lonely(bond: Link) -> list[Ailment]:
    """Tell of a bond of 802.3ad whose switch has not said a word of LACP."""
    told = bond["linkinfo"].get("info_data", {})
    partner = told.get("ad_info", {}).get("partner_mac", "")
    if told.get("mode") != "802.3ad" or partner.strip("0:"):
        return []
    name = bond["ifname"]
    return [
        Ailment(
            Code.BOND_ALONE,
            f"the switch does not speak LACP with the bond {name}",
            f"make its ports one group of LACP (802.3ad), or take mode active-backup: cat "
            f"/proc/net/bonding/{name}",
        )
    ]


def summary(links: Iterable[Link]) -> str:
    """Return the links and their addresses in words."""
    said = [
        f"{one['ifname']} {' '.join(addresses_of(one)) or 'without address'} (MTU {one['mtu']})"
        for one in links
        if one.get("link_type") == "ether"
        and not is_ours(one["ifname"])
        and (kind_of(one) not in _VIRTUAL or addresses_of(one))
        and "UP" in one.get("flags", ())
    ]
    return ", ".join(said) or "no network card is up"
