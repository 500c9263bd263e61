"""What a lab shall be: one typed TOML document, checked whole before anything is made.

A *lab* has *switches*, and *hosts* whose network cards (*NICs*) hang on them by *cables*, good ones
or bad ones. One host may be the front end of a cloud, others join it; the *world* is a host outside
the cloud. What the document leaves open is chosen here, in the order in which it names things.
Called by `lab.up` and by tests. Not its business: making any of it.
"""

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import structs

from mallee.lab import keeper
from mallee.model.configuration import settings

POOL = ipaddress.IPv4Network("198.18.0.0/15")
"""For trying out networks (RFC 2544): nobody's on the Internet."""
PUBLIC_RANGE = "198.19.0.0/24"
WORLD = "world"
_NAME = re.compile(r"[a-z][a-z0-9]{0,9}")
_BRIDGE = re.compile(r"[a-z][a-z0-9-]{0,14}")
_ROOT_BYTES_MAX = 40
_VLAN_MAX = 4094

Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
Vlan = Annotated[int, msgspec.Meta(ge=1, le=_VLAN_MAX)]


Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class InvalidLab(Exception):
    """The document is wrong: the message says where, why, and what would do."""


class Cable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ails a cable; a good one has nothing."""

    cut: bool = False
    """Taken out: both ends see that nothing is there."""
    loss_percent: Percent = 0
    """So many frames of a hundred are lost, each way."""
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    """Each way."""
    mtu: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    """Larger packets vanish; 0: none does."""
    drop_vlans: tuple[Vlan, ...] = ()
    """Frames with these tags vanish."""
    drop_udp: tuple[Port, ...] = ()
    """Packets of UDP to these ports vanish, as by a firewall in between."""


GOOD = Cable()
FAULTS = (*Cable.__struct_fields__, "power")
"""What can be wrong in a lab: with a cable, or a host without power."""


class Nic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network card, and the port of the switch at the other end of its cable."""

    switch: str = ""
    """Empty: the first one."""
    address: str = ""
    """Empty: the next free one of the switch's range."""
    vlan: Annotated[int, msgspec.Meta(ge=0, le=_VLAN_MAX)] = 0
    """The port is in this VLAN, without tags (an access port); 0: it is not."""
    trunk: tuple[Vlan, ...] = ()
    """The tagged VLANs that the port lets through besides frames without a tag; empty: all."""
    cable: Cable = GOOD
    bridge: str = ""
    """The host's own bridge that the card is a port of, and that has its address; empty: none."""
    bridge_kind: Literal["bridge", "openvswitch"] = "bridge"


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A switch: a Linux bridge, or Open vSwitch, which knows VLANs."""

    kind: Literal["bridge", "openvswitch"] = "bridge"
    range: str = ""
    """Of its hosts' addresses; empty: a /24 of 198.18.0.0/15."""


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A machine, or what stands for one."""

    role: Literal["front", "node", "bare", "world", "here"] = "node"
    """`front`: the cloud's own machine; `node`: joins it; `bare`: has nothing of Mallee yet;
    `world`: outside the cloud, for clients; `here`: the network namespace of whoever makes the
    lab."""
    nics: tuple[Nic, ...] = (Nic(),)
    zone: str = ""
    """In which a node is; empty: the cloud's first."""


class Lab(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole document."""

    hosts: dict[str, Host]
    switches: dict[str, Switch] = msgspec.field(default_factory=lambda: {"lan": Switch()})
    cloud: settings.Settings = settings.Settings(
        listen="0.0.0.0", network=settings.Network(public_range=PUBLIC_RANGE)
    )
    """The settings of the front end's cloud."""
    image: bool = True
    """Whether the cloud has the tiny guest's image."""
    alike: bool = False
    """Whether all hosts call their root by one path, as machines of their own do; else each knows
    it by the path that it has on this machine."""


def parse(text: str) -> Lab:
    """Decode and check a document, and fill in what it leaves open; raise `InvalidLab`."""
    try:
        lab = msgspec.convert(_with_cloud(tomllib.loads(text)), Lab)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InvalidLab(f"{error}; docs/lab.md has every word of the document") from error
    return complete(lab)


def _with_cloud(given: dict[str, Any]) -> dict[str, Any]:
    """Fill in what a lab's cloud has unless its settings say otherwise."""
    cloud, network = given.get("cloud", {}), None
    if isinstance(cloud, dict):
        cloud = cast(dict[str, Any], cloud)
        network = cloud.get("network", {})
    if not isinstance(cloud, dict) or not isinstance(network, dict):
        return given
    filled = {"public_range": PUBLIC_RANGE, **cast(dict[str, Any], network)}
    return {**given, "cloud": {"listen": "0.0.0.0", **cloud, "network": filled}}


def complete(lab: Lab) -> Lab:
    """Check a lab, and fill in what it leaves open; raise `InvalidLab`."""
    _check_names(lab)
    lab = _with_ranges(_with_world(lab))
    _check_roles(lab)
    _check_ports(lab)
    _check_cloud(lab.cloud)
    return _with_addresses(lab)


def check_directory(lab: Lab, directory: Path) -> None:
    """Raise `InvalidLab` when a host's root below the directory would have too long a path."""
    alike = (keeper.own_root(directory).name,) if lab.alike else ()
    for name in (*lab.hosts, *alike):
        long = len(str(directory / name))
        if long > _ROOT_BYTES_MAX:
            raise InvalidLab(
                f"{directory / name} has {long} characters, and a host's root at most "
                f"{_ROOT_BYTES_MAX}; give the lab or its hosts shorter names"
            )


def host_of(lab: Lab, role: str) -> str | None:
    """Return the first host of that role."""
    return next((name for name, host in lab.hosts.items() if host.role == role), None)


def encode(lab: Lab) -> bytes:
    """Return a complete lab as it is kept."""
    return msgspec.json.format(msgspec.json.encode(lab))


def decode(data: bytes) -> Lab:
    """Read a lab that was kept."""
    return msgspec.json.decode(data, type=Lab)


def _check_names(lab: Lab) -> None:
    for what, names in (("switch", lab.switches), ("host", lab.hosts)):
        if not names:
            raise InvalidLab(f"there is no {what}; name at least one: [{what}s.NAME]")
        for name in names:
            if not _NAME.fullmatch(name):
                raise InvalidLab(
                    f"{what}s.{name}: a name is a small letter and up to nine small letters or "
                    "digits after it; give it such a one"
                )


def _with_world(lab: Lab) -> Lab:
    if host_of(lab, WORLD) is not None:
        return lab
    if WORLD in lab.hosts:
        raise InvalidLab(f'hosts.{WORLD} is no world; give it role = "world", or another name')
    return structs.replace(lab, hosts={**lab.hosts, WORLD: Host(role="world")})


def _check_roles(lab: Lab) -> None:
    for role in ("front", "world", "here"):
        found = [name for name, host in lab.hosts.items() if host.role == role]
        if len(found) > 1:
            raise InvalidLab(
                f'{" and ".join(found)} have the role "{role}", and a lab has one at most; '
                "give the others another role"
            )
    joining = [name for name, host in lab.hosts.items() if host.role == "node"]
    if joining and host_of(lab, "front") is None:
        raise InvalidLab(
            f'{joining[0]} shall join a cloud, and no host has one; give one role = "front", or '
            'all role = "bare"'
        )
    for name, host in lab.hosts.items():
        if host.zone and host.role != "node":
            raise InvalidLab(f"hosts.{name}.zone: only nodes are told a zone; leave it out")


def _with_ranges(lab: Lab) -> Lab:
    taken: dict[str, ipaddress.IPv4Network] = {}
    for name, switch in lab.switches.items():
        if switch.range:
            taken[name] = _range(f"switches.{name}.range", switch.range)
    free = (one for one in POOL.subnets(new_prefix=24) if str(one) != PUBLIC_RANGE)
    for name in lab.switches:
        if name not in taken:
            taken[name] = next(
                one for one in free if not any(one.overlaps(other) for other in taken.values())
            )
    _check_apart(taken, lab.cloud.network)
    switches = {
        name: structs.replace(switch, range=str(taken[name]))
        for name, switch in lab.switches.items()
    }
    return structs.replace(lab, switches=switches)


def _range(where: str, text: str) -> ipaddress.IPv4Network:
    try:
        found = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise InvalidLab(f"{where}: {error}; give a range such as 198.18.7.0/24") from error
    if found.prefixlen > 29:
        raise InvalidLab(f"{where}: {text} has too few addresses; give a /29 or wider")
    return found


def _check_apart(ranges: dict[str, ipaddress.IPv4Network], network: settings.Network) -> None:
    clouds = {
        "cloud.network.private_range": network.private_range,
    }
    named = {f"switches.{name}.range": one for name, one in ranges.items()}
    named |= {name: ipaddress.IPv4Network(text) for name, text in clouds.items()}
    listed = list(named.items())
    for at, (name, one) in enumerate(listed):
        for other_name, other in listed[at + 1 :]:
            if one.overlaps(other):
                raise InvalidLab(
                    f"{name} {one} overlaps {other_name} {other}; give one of them another range"
                )


def _check_ports(lab: Lab) -> None:
    for name, host in lab.hosts.items():
        if not host.nics:
            raise InvalidLab(f"hosts.{name} has no NIC; leave `nics` out, or give it one")
        for number, nic in enumerate(host.nics):
            where = f"hosts.{name}.nics[{number}]"
            if nic.switch and nic.switch not in lab.switches:
                known = ", ".join(lab.switches)
                raise InvalidLab(f"{where}.switch: there is no {nic.switch}; there is {known}")
            switch = lab.switches[nic.switch or next(iter(lab.switches))]
            if (nic.vlan or nic.trunk) and switch.kind == "bridge":
                raise InvalidLab(
                    f"{where}: a bridge knows no VLANs, it lets all frames through; give the "
                    'switch kind = "openvswitch"'
                )
            if nic.bridge and not _BRIDGE.fullmatch(nic.bridge):
                raise InvalidLab(f"{where}.bridge: {nic.bridge!r} is no name such as br0")
            if nic.vlan and nic.trunk:
                raise InvalidLab(f"{where} has a vlan and a trunk; a port has one of them")


def _check_cloud(cloud: settings.Settings) -> None:
    try:
        settings.parse(settings.encode(cloud))
    except settings.InvalidSettings as error:
        raise InvalidLab(f"cloud.{error}") from error
    if cloud.listen in ("127.0.0.1", "::1", "localhost"):
        raise InvalidLab(
            f"cloud.listen: nobody could join a cloud that listens at {cloud.listen}; "
            'give "0.0.0.0"'
        )


def _with_addresses(lab: Lab) -> Lab:
    first = next(iter(lab.switches))
    nics = [
        (host, number, structs.replace(nic, switch=nic.switch or first))
        for host, found in lab.hosts.items()
        for number, nic in enumerate(found.nics)
    ]
    taken: dict[str, str] = {}
    for host, number, nic in nics:
        if nic.address:
            _check_address(f"hosts.{host}.nics[{number}].address", nic, lab)
            if nic.address in taken:
                raise InvalidLab(
                    f"hosts.{host} and hosts.{taken[nic.address]} have both {nic.address}; give "
                    "one of them another address"
                )
            taken[nic.address] = host
    free = {
        name: (str(one) for one in ipaddress.IPv4Network(switch.range).hosts())
        for name, switch in lab.switches.items()
    }
    done: dict[str, list[Nic]] = {name: [] for name in lab.hosts}
    for host, number, nic in nics:
        address = nic.address or next((one for one in free[nic.switch] if one not in taken), "")
        if not address:
            raise InvalidLab(
                f"hosts.{host}.nics[{number}]: switches.{nic.switch}.range has no address left; "
                "give it a wider one"
            )
        taken[address] = host
        done[host].append(structs.replace(nic, address=address))
    hosts = {
        name: structs.replace(host, nics=tuple(done[name])) for name, host in lab.hosts.items()
    }
    return structs.replace(lab, hosts=hosts)


def _check_address(where: str, nic: Nic, lab: Lab) -> None:
    switch = lab.switches[nic.switch]
    inside = ipaddress.IPv4Network(switch.range)
    try:
        found = ipaddress.IPv4Address(nic.address)
    except ValueError as error:
        raise InvalidLab(f"{where}: {error}; give one of {inside}, or none") from error
    if found not in inside or found in (inside.network_address, inside.broadcast_address):
        raise InvalidLab(f"{where}: {found} is no host's address in {inside}; give one, or none")
