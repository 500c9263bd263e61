"""What ails the Open vSwitch in whose bridge instances stand: does it run, where does it lead.

The bridge's *members* are its ports that are no cloud's: the cards by which frames leave the host.
`ovs-vsctl` is asked by `find`; all else is pure. The cloud's own ports are not looked at: the agent
sets them right by itself. Called by `checks.host` where the network mode has such a switch.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mallee.kit import process
from mallee.model.hosts.ailments import Ailment, Code
from mallee.model.hosts.checks import spans_of
from mallee.node.checks.troubles import Trouble

_DAEMON = "ovs-vswitchd"
_START = "systemctl start openvswitch-switch; its log: /var/log/openvswitch/ovs-vswitchd.log"
_LOOK = (
    *("ovs-vsctl", "--timeout=5", "--format=json"),
    *("--", "--columns=name,ports", "list", "Bridge"),
    *("--", "--columns=_uuid,name,tag,trunks,external_ids,interfaces", "list", "Port"),
    *("--", "--columns=_uuid,name,type,admin_state,link_state,error", "list", "Interface"),
)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge of Open vSwitch."""

    members: Sequence[Row]
    """Ports that are no cloud's, each with its `interfaces`."""
    vlans: frozenset[int]
    """Those in which the cloud has ports."""


def find(device: str) -> str:
    """See that the switch works, and that its bridge leads out of the host."""
    try:
        text = process.run(_LOOK, timeout_s=10).text
    except (process.Failed, process.TimedOut) as error:
        cause = f"its database does not answer: {error}"
        raise Trouble(Ailment(Code.SWITCH_SILENT, cause, _START)) from error
    if not is_running():
        cause = f"{_DAEMON} does not run: frames of instances go nowhere"
        raise Trouble(Ailment(Code.SWITCH_SILENT, cause, _START))
    bridge = parse(text, device)
    if bridge is None:
        cure = f"make it: ovs-vsctl add-br {device}; or name another one: [network.classic] device"
        cause = f"Open vSwitch has no bridge {device!r}"
        raise Trouble(Ailment(Code.DEVICE_MISSING, cause, cure))
    if found := [*troubles(device, bridge)]:
        raise Trouble(*found)
    names = ", ".join(sorted(port["name"] for port in bridge.members))
    return f"instances stand in {device}, which leads out by {names}"


def is_running(processes: Path = Path("/proc")) -> bool:
    """Tell whether a switch's daemon runs in this network, and is not stopped."""
    here = os.readlink(processes / "thread-self/ns/net")
    for one in processes.glob("[0-9]*"):
        try:
            if (one / "comm").read_text().strip() != _DAEMON:
                continue
            state = (one / "stat").read_text().rpartition(") ")[2][:1]
            if os.readlink(one / "ns/net") == here and state not in "ZTt":
                return True
        except OSError:
            continue
    return False


def parse(text: str, device: str) -> Bridge | None:
    """Read what the database says of a bridge; None: there is none of that name."""
    bridges, ports, links = (list(_rows(table)) for table in _tables(text))
    found = next((one for one in bridges if one["name"] == device), None)
    if found is None:
        return None
    by_id = {one["_uuid"][1]: one for one in links}
    held = [one for one in ports if one["_uuid"][1] in _set(found["ports"])]
    ours = [one for one in held if "mallee" in dict(one["external_ids"][1])]
    members = [
        {**one, "interfaces": [by_id[id] for id in _set(one["interfaces"]) if id in by_id]}
        for one in held
        if one not in ours and one["name"] != device
    ]
    return Bridge(members, frozenset(one["tag"] for one in ours if isinstance(one["tag"], int)))


def _tables(text: str) -> Iterator[Mapping[str, Any]]:
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        table, end = decoder.raw_decode(rest)
        yield table
        rest = rest[end:].strip()


def _rows(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in table["data"]:
        yield dict(zip(table["headings"], row, strict=True))


def _set(value: Any) -> tuple[Any, ...]:
    """Read a set of the database's, which writes one of a single element without being asked."""
    if not isinstance(value, list):
        return (value,)
    kind, told = cast(list[Any], value)
    if kind != "set":
        return (told,)
    return tuple(cast(list[Any], one)[1] if isinstance(one, list) else one for one in told)


def troubles(device: str, bridge: Bridge) -> Iterable[Ailment]:
    """Tell what ails a bridge's members."""
    cards = [one for one in bridge.members if not _is_internal(one)]
    if not cards:
        cure = f"put the host's own card into it: ovs-vsctl add-port {device} CARD"
        yield Ailment(Code.BRIDGE_EMPTY, f"the bridge {device} has no card", cure)
    for port in cards:
        for link in port["interfaces"]:
            yield from _link_troubles(device, link)
        yield from _vlan_troubles(port, bridge.vlans)


def _is_internal(port: Row) -> bool:
    return all(link["type"] == "internal" for link in port["interfaces"])


def _link_troubles(device: str, link: Row) -> Iterator[Ailment]:
    name = link["name"]
    if isinstance(link["error"], str) and link["error"]:
        cure = f"make that card, or take it out: ovs-vsctl del-port {device} {name}"
        yield Ailment(Code.SWITCH_PORT, f"{name} of {device}: {link['error']}", cure)
    elif link["admin_state"] == "down":
        cure = f"ip link set {name} up"
        yield Ailment(Code.LINK_OFF, f"{name} of {device} is switched off", cure)
    elif link["link_state"] == "down":
        cure = "plug its cable in, and see the switch's port"
        yield Ailment(Code.LINK_UNPLUGGED, f"{name} of {device} has no carrier", cure)


def _vlan_troubles(port: Row, vlans: frozenset[int]) -> Iterator[Ailment]:
    """Tell which VLANs of the cloud's a card does not carry. Without a tag and a list it does all;
    with a tag it is a port for one machine."""
    name, tags = port["name"], _set(port["tag"])
    trunks = frozenset(_set(port["trunks"]))
    lost = vlans - trunks if tags or trunks else frozenset[int]()
    if lost:
        said = ", ".join(spans_of(lost))
        cure = f"let it carry all: ovs-vsctl clear Port {name} tag trunks"
        yield Ailment(Code.SWITCH_PORT, f"{name} does not carry VLAN {said} of the cloud's", cure)
