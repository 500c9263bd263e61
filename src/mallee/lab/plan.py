"""Which links a lab has, and the commands that make them; pure, from the document alone.

A NIC's cable is a *wire*: a pair of veths from the host into the keeper's namespace, a bridge of
two ports, and a pair from there into the switch. What ails a cable is done to frames on that
bridge, where neither the host nor the switch can see it or undo it. Applied by `lab.links`.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from mallee.lab.document import Cable, Host, Lab, Nic

NAMES_PID = "/run/lab-names.pid"
Commands = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Wire:
    """A cable between a host's NIC and a port of a switch."""

    number: int
    """From 1, as the document names them."""
    host: str
    nic: str
    """The NIC's name in its host."""
    switch: str
    address: str
    """With the length of its prefix."""
    vlan: int
    trunk: tuple[int, ...]
    cable: Cable
    """As the document has it."""
    host_bridge: str = ""
    """The host's bridge that the NIC is a port of; empty: it has the address itself."""
    is_open: bool = False
    """Whether that bridge is Open vSwitch's."""

    @property
    def name(self) -> str:
        """How people name it: `n1`, or `n1.eth1`."""
        return f"{self.host}.{self.nic}"

    @property
    def host_end(self) -> str:
        """The end towards the host."""
        return f"w{self.number}a"

    @property
    def switch_end(self) -> str:
        """The end towards the switch."""
        return f"w{self.number}b"

    @property
    def bridge(self) -> str:
        """The bridge between both ends."""
        return f"w{self.number}"

    @property
    def port(self) -> str:
        """The switch's port."""
        return f"p{self.number}"

    @property
    def mac(self) -> str:
        """The NIC's, which outlives its host's power cuts."""
        return f"02:6c:61:62:{self.number >> 8:02x}:{self.number & 255:02x}"


def here_nic(tag: str, number: int) -> str:
    """Return what a NIC is called in the namespace of whoever made the lab."""
    return f"lab{tag}{number or ''}"


def wires(lab: Lab, tag: str) -> tuple[Wire, ...]:
    """Return the wires of a complete lab."""
    return tuple(
        Wire(
            number=number,
            host=name,
            nic=here_nic(tag, at) if host.role == "here" else f"eth{at}",
            switch=nic.switch,
            address=f"{nic.address}/{lab.switches[nic.switch].range.partition('/')[2]}",
            vlan=nic.vlan,
            trunk=nic.trunk,
            cable=nic.cable,
            host_bridge=nic.bridge,
            is_open=nic.bridge_kind == "openvswitch",
        )
        for number, (name, host, at, nic) in enumerate(_nics(lab), 1)
    )


def _nics(lab: Lab) -> Iterator[tuple[str, Host, int, Nic]]:
    for name, host in lab.hosts.items():
        for at, nic in enumerate(host.nics):
            yield name, host, at, nic


def switch_device(lab: Lab, switch: str) -> str:
    """Return the name of a switch in the keeper's namespace."""
    return f"sw{list(lab.switches).index(switch)}"


def bridge_commands(device: str) -> Commands:
    """Return what makes a switch that is a Linux bridge."""
    return (("ip", "link", "add", device, "type", "bridge"), ("ip", "link", "set", device, "up"))


def wire_commands(wire: Wire, host_pid: int) -> Commands:
    """Return what makes a wire up to the switch's port, in the keeper's namespace."""
    peer = ("peer", "name", wire.nic, "address", wire.mac, "netns", str(host_pid))
    return (
        ("ip", "link", "add", wire.bridge, "type", "bridge"),
        ("ip", "link", "add", wire.switch_end, "type", "veth", "peer", "name", wire.port),
        ("ip", "link", "set", wire.switch_end, "master", wire.bridge, "up"),
        ("ip", "link", "set", wire.bridge, "up"),
        ("ip", "link", "set", wire.port, "up"),
        # The host's end comes last: by it the wire is known to be whole.
        ("ip", "link", "add", wire.host_end, "type", "veth", *peer),
        ("ip", "link", "set", wire.host_end, "master", wire.bridge, "up"),
    )


def nic_commands(wire: Wire, gateway: str) -> Commands:
    """Return what gives a NIC its address, in its host; with a way to the world if it has one."""
    route = (("ip", "route", "replace", "default", "via", gateway),) if gateway else ()
    device = wire.host_bridge or wire.nic
    made = (
        ("ip", "link", "add", device, "type", "bridge"),
        ("ip", "link", "set", wire.nic, "master", device),
    )
    return (
        *(made if wire.host_bridge and not wire.is_open else ()),
        ("ip", "address", "replace", wire.address, "dev", device),
        ("ip", "link", "set", wire.nic, "up"),
        *((("ip", "link", "set", device, "up"),) if wire.host_bridge else ()),
        *route,
    )


def gateway_of(lab: Lab, wire: Wire) -> str:
    """Return by which address of the world a host's first NIC reaches what it does not know."""
    host = lab.hosts[wire.host]
    if host.role in ("world", "here") or not wire.nic.endswith("0"):
        return ""
    return next((one.address for one in _world(lab).nics if one.switch == wire.switch), "")


def _world(lab: Lab) -> Host:
    return next(host for host in lab.hosts.values() if host.role == "world")


def world_routes(lab: Lab) -> Commands:
    """Return what leads the world to the cloud's public addresses: by the wire, where the host in
    charge answers for them; where guests have no way out, by the front end."""
    front = next((host for host in lab.hosts.values() if host.role == "front"), None)
    wires = {nic.switch: f"eth{at}" for at, nic in enumerate(_world(lab).nics)}
    if front is None:
        return ()
    ways = ((wires[nic.switch], nic.address) for nic in front.nics if nic.switch in wires)
    wire, way = next(ways, ("", ""))
    public = ipaddress.IPv4Network(lab.cloud.network.public_range)
    inside = (ipaddress.IPv4Network(lab.switches[name].range) for name in wires)
    if not way or any(public.overlaps(one) for one in inside):
        return ()
    by = ("dev", wire) if lab.cloud.network.egress else ("via", way)
    return (("ip", "route", "replace", str(public), *by),)


def names_text(lab: Lab) -> str:
    """Return the lab's resolv.conf: whom hosts ask for names, which is the world."""
    return f"# Written by mallee lab up.\nnameserver {_world(lab).nics[0].address}\n"


def hosts_text(lab: Lab) -> str:
    """Return the addresses of all hosts with their names, as in /etc/hosts."""
    return "".join(f"{host.nics[0].address} {name}\n" for name, host in lab.hosts.items())


def names_command(path: str) -> tuple[str, ...]:
    """Return the command that answers questions for names in the world, from a file of hosts."""
    return (
        *("dnsmasq", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"),
        *(f"--addn-hosts={path}", "--bind-interfaces", "--except-interface=lo"),
        f"--pid-file={NAMES_PID}",
    )
