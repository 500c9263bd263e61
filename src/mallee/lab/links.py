"""Makes the lab's switches, wires and addresses, and spoils and mends cables.

Everything is looked for first, so that doing it again makes what is missing, such as the wires of
a host that was without power. Called by `lab.up` and the verbs of the command.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from mallee.box import steps
from mallee.kit import files, offload, process
from mallee.lab import cables, document, keeper, openvswitch, plan, relay, rooms
from mallee.lab.document import Cable, Lab
from mallee.lab.plan import Wire
from mallee.lab.rooms import Place
from mallee.model.layout import Layout

_SWITCH = "net.ipv6.conf.default.disable_ipv6=1"


def tag(place: Place) -> str:
    """Return the letters by which names outside the lab are the lab's own."""
    return Layout(place.path).tag


def wires(place: Place, lab: Lab) -> tuple[Wire, ...]:
    """Return the lab's wires."""
    return plan.wires(lab, tag(place))


def apply(place: Place, lab: Lab) -> int:
    """Make what is missing of switches, wires and addresses; return how many wires were missing."""
    there = _links(place)
    if not there & {plan.switch_device(lab, name) for name in lab.switches}:
        # A switch speaks no IPv6 of its own.
        rooms.run(place, keeper.LAB, ("sysctl", "-qw", _SWITCH))
    for name, switch in lab.switches.items():
        device = plan.switch_device(lab, name)
        if switch.kind == "openvswitch":
            openvswitch.ensure(place, keeper.LAB, device)
        elif device not in there:
            rooms.run_all(place, keeper.LAB, plan.bridge_commands(device))
    running = {one.host for one in rooms.fetch(place) if one.is_keeper}
    missing = [
        wire
        for wire in wires(place, lab)
        if wire.host_end not in there
        and (wire.host in running or lab.hosts[wire.host].role == "here")
    ]
    for wire in missing:
        _remove(place, wire, there)
        _plug(place, lab, wire)
    for host in {wire.host for wire in missing if lab.hosts[wire.host].role == "world"}:
        rooms.run_all(place, host, plan.world_routes(lab))
        _name_hosts(place, lab, host)
    return len(missing)


def _name_hosts(place: Place, lab: Lab, world: str) -> None:
    """Have the world answer whom the lab's hosts ask for names."""
    table = place.path / "names"
    files.write_atomically(table, plan.hosts_text(lab).encode(), files.READABLE)
    rooms.run(place, world, plan.names_command(str(table)))


def _links(place: Place) -> set[str]:
    text = rooms.run(place, keeper.LAB, ("ip", "-o", "link", "show"))
    return {line.split(": ")[1].partition("@")[0] for line in text.splitlines()}


def unplug(place: Place, lab: Lab) -> None:
    """Take the wires of hosts that do not run out of them.

    The kernel keeps a host's network for a while when the host has ended: as long as its wires are
    plugged in it answers for the host, and its ends would be taken for those of the next one.
    """
    running = {one.host for one in rooms.fetch(place) if one.is_keeper}
    off = {name for name, host in lab.hosts.items() if host.role != "here"} - running
    if keeper.LAB not in running or not off:
        return
    there = _links(place)
    for wire in wires(place, lab):
        if wire.host in off and wire.host_end in there:
            _delete(place, wire.host_end)


def _delete(place: Place, end: str) -> None:
    """Delete the end of a wire, which goes by itself when the kernel takes the other one down."""
    try:
        rooms.run(place, keeper.LAB, ("ip", "link", "del", end))
    except process.Failed:
        if end in _links(place):
            raise


def _remove(place: Place, wire: Wire, there: set[str]) -> None:
    """Remove the rest of a wire whose host is no more."""
    relay.stop(place, wire)
    for name in (wire.bridge, wire.switch_end):
        if name in there:
            rooms.run(place, keeper.LAB, ("ip", "link", "del", name))


def _plug(place: Place, lab: Lab, wire: Wire) -> None:
    is_here = lab.hosts[wire.host].role == "here"
    pid = os.getpid() if is_here else _pid(place, wire.host)
    found = _pid(place, keeper.LAB)
    enter = ("nsenter", "--target", str(found), "--net", "--")
    device = plan.switch_device(lab, wire.switch)
    for command in plan.wire_commands(wire, pid):
        process.run((*enter, *command))
    commands: list[tuple[str, ...]] = []
    if lab.switches[wire.switch].kind == "openvswitch":
        openvswitch.plug(place, device, wire)
        commands.append((sys.executable, "-m", offload.__name__, wire.nic))
    else:
        process.run((*enter, "ip", "link", "set", wire.port, "master", device))
    if wire.host_bridge and wire.is_open:
        openvswitch.ensure(place, wire.host, wire.host_bridge)
        openvswitch.add_nic(place, wire)
    commands += plan.nic_commands(wire, plan.gateway_of(lab, wire))
    _run_in_host(place, lab, wire, commands)


def _run_in_host(place: Place, lab: Lab, wire: Wire, commands: Iterable[Sequence[str]]) -> None:
    if lab.hosts[wire.host].role == "here":
        for command in commands:
            process.run(command)
    else:
        rooms.run_all(place, wire.host, commands)


def _pid(place: Place, host: str) -> int:
    found = rooms.find(place, host)
    if found is None:
        raise steps.Failed(f"{host} does not run", f"read {place.log}; mallee lab down, then up")
    return found.pid


def read_cables(place: Place, lab: Lab) -> dict[str, Cable]:
    """Return how each cable is to be, by the wires' names."""
    told = {wire.name: wire.cable for wire in wires(place, lab)}
    if place.cables.exists():
        kept = msgspec.json.decode(place.cables.read_bytes(), type=dict[str, Cable])
        told |= {name: cable for name, cable in kept.items() if name in told}
    return told


def write_cables(place: Place, told: dict[str, Cable]) -> None:
    """Keep how each cable is to be."""
    data = msgspec.json.format(msgspec.json.encode(told))
    files.write_atomically(place.cables, data, files.READABLE)


def apply_cables(place: Place, lab: Lab) -> str:
    """Spoil and mend cables until they are as they are to be; say which are not good."""
    told = read_cables(place, lab)
    there = _links(place)
    # The others' hosts have no power.
    plugged = [wire for wire in wires(place, lab) if wire.host_end in there]
    ruleset = cables.ruleset(plugged, told)
    rooms.run(place, keeper.LAB, ("nft", "-f", "-"), ruleset.encode())
    for wire in plugged:
        state = "down" if told[wire.name].cut else "up"
        rooms.run(place, keeper.LAB, ("ip", "link", "set", wire.host_end, state))
        if told[wire.name].mtu:
            _run_in_host(place, lab, wire, [(sys.executable, "-m", offload.__name__, wire.nic)])
    relay.apply(place, plugged, told)
    bad = [f"{name}: {cables.words(one)}" for name, one in told.items() if one != document.GOOD]
    return "; ".join(bad) or "all good"


def is_initial_namespace() -> bool:
    """Tell whether the caller is in the machine's own network namespace, or may be."""
    mine = Path("/proc/self/ns/net").stat().st_ino
    for first in ("1", "2"):
        try:
            return Path("/proc", first, "ns/net").stat().st_ino == mine
        except OSError:
            # Not even root may look at every first process; the second is the kernel's.
            continue
    return True


def check_here(lab: Lab) -> None:
    """Refuse to touch the machine's own network."""
    if document.host_of(lab, "here") is not None and is_initial_namespace():
        raise document.InvalidLab(
            'the role "here" would give this machine a link of the lab; run it in a network '
            "namespace of your own: unshare --net mallee lab up FILE"
        )
