"""What a host's switch has for the cloud's legs, and what has to be done until it has it.

Two kinds behind one seam. *Linux*: a port with a tag is in a bridge of its VLAN, together with a
VLAN device of the trunk; a port without is in the bridge that is named. *Open vSwitch*: all are
ports of the bridge that is named, those with a VLAN with that tag. Of the machine's own devices
none is changed: the one that is named gets a VLAN device above it, or another port.

Called by `switching`, which looks and does. Pure.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from mallee.model.network.modes import Switch

MTU_MAX = 1500
"""Of legs: guests are told of no other cable."""
_QUIET = "stp_state 0 forward_delay 0 mcast_snooping 0"
_MARK = "mallee"
"""By which of `external_ids` a port of Open vSwitch is known to be a cloud's."""


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """A leg's end on the host, as it shall be plugged in."""

    name: str
    vlan: int
    """0: without a tag."""
    namespace: str
    """Where the other end is."""
    peer: str
    """What the other end is called there."""
    peer_mac: str = ""
    """Of the other end; empty: as the kernel has it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that the cloud has of the host's switch."""

    tag: str
    """The letters of this cloud in the names of its devices."""
    switch: Switch
    device: str
    """A trunk, or a bridge: the machine's own, which is there."""
    ports: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the host."""

    name: str
    kind: str = ""
    """`bridge`, `vlan`, `veth`, …; empty: a card."""
    master: str = ""
    """The bridge that it is a port of."""
    below: str = ""
    """The device that it is a VLAN of."""
    vlan: int = 0
    is_up: bool = False
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Plugged:
    """A port of an Open vSwitch that is this cloud's."""

    bridge: str
    tag: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands on the host."""

    devices: dict[str, Device] = field(default_factory=dict[str, Device])
    bridges: dict[str, str] = field(default_factory=dict[str, str])
    """The bridges of Open vSwitch, with the kind of their datapath."""
    plugged: dict[str, Plugged] = field(default_factory=dict[str, Plugged])


@dataclass(frozen=True, slots=True)
class Piece:
    """What is made together or not at all."""

    what: str
    """In words."""
    lines: tuple[str, ...]
    """For `ip -batch`."""
    made: tuple[str, ...] = ()
    """Devices that it makes, or takes away."""


# Names


def bridge(tag: str, vlan: int) -> str:
    """The bridge of a VLAN."""
    return f"mb{tag}{vlan}"


def trunk_end(tag: str, vlan: int) -> str:
    """The VLAN device of the trunk."""
    return f"mw{tag}{vlan}"


def is_ours(tag: str, name: str) -> bool:
    """Whether a device of the host is the cloud's own part of the switch."""
    if name.startswith(f"mj{tag}"):
        return True
    return any(
        name.startswith(kind + tag) and name.removeprefix(kind + tag).isdecimal()
        for kind in ("mb", "mw")
    )


# What stands


LOOK = ("ip", "-details", "-json", "link", "show")
VSCTL = ("ovs-vsctl", "--timeout=10")
LOOK_AT_BRIDGES = (
    *(*VSCTL, "--format=json"),
    *("--", "--columns=name,ports,datapath_type", "list", "Bridge"),
    *("--", "--columns=_uuid,name,tag,external_ids", "list", "Port"),
)


def parse_devices(text: str) -> dict[str, Device]:
    """Read what `LOOK` says."""
    found: list[dict[str, Any]] = json.loads(text)
    devices: dict[str, Device] = {}
    for one in found:
        info = one.get("linkinfo", {})
        kind = info.get("info_kind", "")
        devices[one["ifname"]] = Device(
            name=one["ifname"],
            kind=kind,
            master=one.get("master", ""),
            below=one.get("link", "") if kind == "vlan" else "",
            vlan=info.get("info_data", {}).get("id", 0) if kind == "vlan" else 0,
            is_up="UP" in one["flags"],
            mtu=one.get("mtu", 0),
        )
    return devices


def parse_bridges(text: str, tag: str) -> tuple[dict[str, str], dict[str, Plugged]]:
    """Read what `LOOK_AT_BRIDGES` says: all bridges, and the cloud's ports of them."""
    decoder = json.JSONDecoder()
    tables: list[Any] = []
    rest = text.strip()
    while rest:
        table, end = decoder.raw_decode(rest)
        tables.append(table)
        rest = rest[end:].strip()
    bridges: dict[str, str] = {}
    homes: dict[str, str] = {}
    name: str
    for name, ports, datapath in tables[0]["data"]:
        bridges[name] = datapath
        for uuid in _uuids(ports):
            homes[uuid] = name
    plugged: dict[str, Plugged] = {}
    for uuid, name, vlan, ids in tables[1]["data"]:
        if dict(ids[1]).get(_MARK) == tag:
            number = vlan if isinstance(vlan, int) else 0
            plugged[name] = Plugged(homes.get(uuid[1], ""), number)
    return bridges, plugged


def _uuids(value: list[Any]) -> list[str]:
    """One is told as itself, several as a set."""
    return [value[1]] if value[0] == "uuid" else [one[1] for one in value[1]]


# What stands against it


def find_fault(wanted: Wanted, seen: Seen) -> str:
    """Say why nothing can be plugged in, with the cure; empty: nothing is known to stand so."""
    if not wanted.device:
        return (
            "no bridge or trunk is named for instances' network; set network.classic.device in "
            "mallee.toml, or in node.toml for this host alone"
        )
    if wanted.switch == "openvswitch":
        if wanted.device not in seen.bridges:
            return (
                f"this host's Open vSwitch has no bridge {wanted.device}; make it (ovs-vsctl "
                f"add-br {wanted.device}) and add the card with the VLANs to it, or name another "
                "one in network.classic.device"
            )
        return ""
    device = seen.devices.get(wanted.device)
    if device is None:
        return (
            f"this host has no device {wanted.device}, which network.classic.device names; make "
            "it, or name in node.toml what this host has"
        )
    is_tagged = any(port.vlan for port in wanted.ports)
    if not is_tagged and device.kind != "bridge":
        return (
            f"{wanted.device} is {device.kind or 'a card'} and no bridge, so that no instance can "
            "be plugged into it; make a bridge with it as a port, and name that in "
            "network.classic.device"
        )
    return ""


def find_vlan_faults(wanted: Wanted, seen: Seen) -> dict[int, str]:
    """Say of each VLAN of the trunk that somebody else has who that is."""
    return {
        one.vlan: f"VLAN {one.vlan} of {wanted.device} is {one.name}'s on this host, so that it "
        "cannot be a block's; remove that device, or leave its VLAN out of network.classic.vlans"
        for one in seen.devices.values()
        if one.below == wanted.device and one.name != trunk_end(wanted.tag, one.vlan)
    }


def mtu(wanted: Wanted, seen: Seen) -> int:
    """How long a packet may be that leaves by the switch."""
    device = seen.devices.get(wanted.device)
    return min(device.mtu, MTU_MAX) if device and device.mtu else MTU_MAX


# Linux


def plan_removal(wanted: Wanted, seen: Seen, lost: frozenset[str] = frozenset()) -> Piece:
    """What takes away that of the cloud's which is wanted no more, or has lost its other end."""
    kept = {port.name for port in wanted.ports} - lost
    if wanted.switch == "linux":
        for vlan in {port.vlan for port in wanted.ports} - {0}:
            kept |= {bridge(wanted.tag, vlan), trunk_end(wanted.tag, vlan)}
    gone = sorted(name for name in seen.devices if is_ours(wanted.tag, name) and name not in kept)
    lines = tuple(f"link delete {one}" for one in gone)
    return Piece("what is wanted no more", lines, tuple(gone))


def plan_vlan(wanted: Wanted, seen: Seen, vlan: int) -> Piece:
    """What is to be done of the bridge of a VLAN."""
    above, within = trunk_end(wanted.tag, vlan), bridge(wanted.tag, vlan)
    stands, room = seen.devices.get(above), seen.devices.get(within)
    lines: list[str] = []
    made: list[str] = []
    if stands is not None and (stands.kind, stands.below, stands.vlan) != (
        *("vlan", wanted.device),
        vlan,
    ):
        lines.append(f"link delete {above}")
        stands = None
    if stands is None:
        lines.append(f"link add link {wanted.device} name {above} type vlan id {vlan}")
        made.append(above)
    if room is None:
        lines.append(f"link add {within} type bridge {_QUIET}")
        made.append(within)
    if stands is None or stands.master != within:
        lines.append(f"link set {above} master {within}")
    lines += [
        f"link set {name} up"
        for name, device in ((above, stands), (within, room))
        if device is None or not device.is_up
    ]
    return Piece(f"VLAN {vlan} of {wanted.device}", tuple(lines), tuple(made))


# Ports


def plan_port(wanted: Wanted, seen: Seen, port: Port) -> Piece:
    """What is to be done of one leg and its port, but for a port of Open vSwitch being one."""
    stands = seen.devices.get(port.name)
    lines: list[str] = []
    if stands is None:
        mac = f" address {port.peer_mac}" if port.peer_mac else ""
        peer = f"peer name {port.peer}{mac} netns {port.namespace}"
        lines.append(f"link add {port.name} type veth {peer}")
    if wanted.switch == "linux":
        master = bridge(wanted.tag, port.vlan) if port.vlan else wanted.device
        if stands is None or stands.master != master:
            lines.append(f"link set {port.name} master {master}")
    if stands is None or not stands.is_up:
        lines.append(f"link set {port.name} up")
    made = (port.name,) if stands is None else ()
    return Piece(f"{port.peer} of {port.namespace}", tuple(lines), made)


# Open vSwitch


def plan_plugging(wanted: Wanted, seen: Seen) -> tuple[str, ...]:
    """The words for `ovs-vsctl`, in one transaction, that make its ports those that are wanted."""
    words: list[str] = []
    is_used = wanted.switch == "openvswitch"
    ports = {port.name: port for port in wanted.ports} if is_used else {}
    for name, stands in sorted(seen.plugged.items()):
        if name not in ports or stands.bridge != wanted.device:
            words += ["--", "--if-exists", "del-port", name]
    for name, port in sorted(ports.items()):
        stands = seen.plugged.get(name)
        if stands is None or stands.bridge != wanted.device:
            tag = (f"tag={port.vlan}",) if port.vlan else ()
            ids = f"external_ids:{_MARK}={wanted.tag}"
            words += ["--", "--may-exist", "add-port", wanted.device, name, *tag]
            words += ["--", "set", "Port", name, ids]
        elif stands.tag != port.vlan:
            value = [f"tag={port.vlan}"] if port.vlan else []
            words += ["--", *(["set"] if value else ["clear"]), "Port", name, *(value or ["tag"])]
    return tuple(words[1:])
