"""Settings like those of a `eucalyptus.conf`, and for each of its lines what became of it.

Pure. The file is a list of shell assignments; nothing in it is carried out or expanded. Of what
has no counterpart it is said why none is needed, or that it is not there. Names and defaults are
those of Eucalyptus 3.4 (`VNET_*`, cluster and node controllers) and of eucanetd after it.
Called by `mallee config import`.
"""

import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, ip_address

from msgspec.structs import replace

from mallee.model import addressspans, eucalyptuswords, settings
from mallee.model.settings import Settings

_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)$")
_LONGEST_PRIVATE, _SHORTEST_PRIVATE = 20, 16
_LONGEST_PUBLIC = 29


@dataclass(frozen=True, slots=True)
class Line:
    """One assignment."""

    number: int
    name: str
    value: str
    became: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What was made of a file."""

    settings: Settings | None
    """None: what it says cannot be settings of a cloud; `troubles` tell why."""
    lines: tuple[Line, ...]
    troubles: tuple[str, ...]
    """What is not as it was, and what no line says."""


@dataclass(slots=True)
class _Draft:
    """What is gathered while the lines are read."""

    values: dict[str, str]
    settings: Settings = field(default_factory=Settings)
    troubles: list[str] = field(default_factory=list[str])


def read(text: str) -> Imported:
    """Read a file."""
    lines, troubles = _assignments(text)
    draft = _Draft({line.name: line.value for line in lines}, troubles=troubles)
    last = {line.name: line.number for line in lines}
    told: list[Line] = []
    for line in lines:
        if line.number < last[line.name]:
            became = f"line {last[line.name]} says it again, and that counts"
        else:
            became = _become(line.name, draft)
        told.append(Line(line.number, line.name, line.value, became))
    try:
        made = settings.parse(settings.encode(draft.settings))
    except settings.InvalidSettings as error:
        return Imported(None, tuple(told), (*draft.troubles, str(error)))
    return Imported(made, tuple(told), tuple(draft.troubles))


def _assignments(text: str) -> tuple[list[Line], list[str]]:
    lines: list[Line] = []
    troubles: list[str] = []
    for number, raw in enumerate(text.splitlines(), 1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        found = _LINE.match(raw)
        try:
            words = shlex.split(found["value"], comments=True) if found else None
        except ValueError as error:
            troubles.append(f"line {number} is not understood ({error}): {raw.strip()[:80]}")
            continue
        if found is None or words is None or len(words) > 1:
            troubles.append(f"line {number} is no assignment: {raw.strip()[:80]}")
            continue
        lines.append(Line(number, found["name"], words[0] if words else "", ""))
    return lines, troubles


def _become(name: str, draft: _Draft) -> str:
    value = draft.values[name]
    if "$" in value:
        return "has a variable in it, which is not expanded: nothing comes of it"
    maker = _MAKERS.get(name)
    if maker is not None:
        try:
            return maker(value, draft)
        except ValueError as error:
            draft.troubles.append(f"{name}: {error}")
            return f"is not understood: {error}"
    return eucalyptuswords.of(name)


# --- lines of which settings are made ---


def _mode(value: str, draft: _Draft) -> str:
    mode = value.upper()
    if mode not in eucalyptuswords.MODES:
        raise ValueError(f"{value!r} is none of {', '.join(eucalyptuswords.MODES)}")
    if mode in ("SYSTEM", "STATIC"):
        draft.troubles.append(
            f"{mode}: instances do not stand in the LAN itself here; give them public addresses of "
            "a range that is routed to this machine"
        )
    return eucalyptuswords.MODES[mode]


def _subnet(value: str, draft: _Draft) -> str:
    mask = draft.values.get("VNET_NETMASK", "255.255.0.0")
    whole = IPv4Network(f"{value}/{mask}")
    if whole.prefixlen > _LONGEST_PRIVATE:
        raise ValueError(
            f"{whole} is too small for a default VPC, which has between /{_SHORTEST_PRIVATE} and "
            f"/{_LONGEST_PRIVATE}"
        )
    private = next(whole.subnets(new_prefix=max(whole.prefixlen, _SHORTEST_PRIVATE)))
    network = replace(draft.settings.network, private_range=str(private))
    draft.settings = replace(draft.settings, network=network)
    if private != whole:
        draft.troubles.append(f"of {whole} the first /{private.prefixlen} is used: {private}")
    return f"network.private_range = {private}: each account's default VPC has all of it"


def _netmask(value: str, draft: _Draft) -> str:
    if "VNET_SUBNET" not in draft.values:
        return "nothing: there is no VNET_SUBNET"
    IPv4Network(f"0.0.0.0/{value}")
    return "goes with VNET_SUBNET"


def _per_network(value: str, draft: _Draft) -> str:
    count = int(value)
    if count < 1:
        raise ValueError(f"{value} addresses per network")
    if "VNET_SUBNET" not in draft.values:
        return "nothing: there is no VNET_SUBNET"
    mask = draft.values.get("VNET_NETMASK", "255.255.0.0")
    whole = IPv4Network(f"{draft.values['VNET_SUBNET']}/{mask}")
    return (
        f"{whole.num_addresses // count} groups of {count} addresses there; here a security group "
        "has no range of its own and no such limit"
    )


def _public(value: str, draft: _Draft) -> str:
    texts = tuple(value.split())
    if not texts:
        return "nothing: it is empty"
    spans = addressspans.merge(addressspans.parse(text) for text in texts)
    public = _smallest(spans)
    network = replace(draft.settings.network, public_range=str(public), public_addresses=texts)
    draft.settings = replace(draft.settings, network=network)
    beyond = public.num_addresses - sum(map(len, spans))
    if beyond:
        draft.troubles.append(
            f"{beyond} addresses of {public} are not in VNET_PUBLICIPS: they are not lent, but "
            "this machine leads them to its edge too, so no other machine may have them"
        )
    return (
        f"network.public_range = {public}, network.public_addresses: {sum(map(len, spans))} of them"
    )


def _smallest(spans: Iterable[range]) -> IPv4Network:
    """Return the smallest network that has them all, and is not too small for a cloud."""
    listed = tuple(spans)
    first, last = IPv4Address(listed[0][0]), IPv4Address(listed[-1][-1])
    network = IPv4Network((int(first), 32))
    while last not in network or network.prefixlen > _LONGEST_PUBLIC:
        network = network.supernet()
    return network


def _local_address(value: str, draft: _Draft) -> str:
    if not value:
        return "nothing: it is empty"
    address = str(ip_address(value))
    draft.settings = replace(draft.settings, address=address, listen="0.0.0.0")
    return f"address = {address}, at which other hosts reach this one; listen = 0.0.0.0"


def _options(value: str, draft: _Draft) -> str:
    bound = re.search(r"--bind-addr=(\S+)", value)
    if bound is None:
        return "nothing: options of the Java process"
    address = str(ip_address(bound[1]))
    draft.settings = replace(draft.settings, listen=address)
    return f"listen = {address}"


def _agents_port(value: str, draft: _Draft) -> str:
    port = int(value)
    if not 0 < port < 1 << 16 or port == draft.settings.ports.services:
        raise ValueError(f"{value} is no port for it")
    ports = replace(draft.settings.ports, agents=port)
    draft.settings = replace(draft.settings, ports=ports)
    return f"ports.agents = {port}: there hosts call the cloud"


def _nodes(value: str, draft: _Draft) -> str:
    count = len(value.split())
    if not count:
        return "nothing: it is empty"
    draft.troubles.append(f"each of the {count} nodes joins by itself: mallee node invite")
    return "nothing: hosts are not listed, each joins by an invitation"


def _hypervisor(value: str, draft: _Draft) -> str:
    if value.lower() == "kvm":
        return "nothing: whether KVM works is proved on each host; else guests are emulated"
    draft.troubles.append(f"HYPERVISOR={value}: guests run on QEMU, with KVM or emulated")
    return "is not there: guests run on QEMU"


def _addresses_by_mac(value: str, draft: _Draft) -> str:
    if value:
        draft.troubles.append("VNET_MACMAP: fixed pairs of MAC and IP addresses are not there")
    return "is not there: addresses are those of interfaces, which may be chosen at launch"


_MAKERS: dict[str, Callable[[str, _Draft], str]] = {
    "VNET_MODE": _mode,
    "VNET_SUBNET": _subnet,
    "VNET_NETMASK": _netmask,
    "VNET_ADDRSPERNET": _per_network,
    "VNET_PUBLICIPS": _public,
    "VNET_LOCALIP": _local_address,
    "VNET_CLOUDIP": _local_address,
    "VNET_MACMAP": _addresses_by_mac,
    "CLOUD_OPTS": _options,
    "CC_PORT": _agents_port,
    "NODES": _nodes,
    "HYPERVISOR": _hypervisor,
}
