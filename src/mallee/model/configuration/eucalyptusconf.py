"""Settings like those of a `eucalyptus.conf`, and for each of its lines what became of it.

Pure. The file is a list of shell assignments; nothing in it is carried out or expanded. Of what
has no counterpart it is said why none is needed, or that it is not there. Names and defaults are
those of Eucalyptus 3.4 (`VNET_*`, cluster and node controllers) and of eucanetd after it.
The network's lines are `eucalyptusnets`' share. Called by `mallee config import`.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address

from msgspec.structs import replace

from mallee.model.configuration import eucalyptusnets, eucalyptuswords, settings
from mallee.model.configuration.settings import Settings

_MISREAD = "is not understood"
_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)$")


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
    unread: tuple[int, ...] = ()
    """Numbers of lines that say something which is not understood: nothing came of them."""


@dataclass(slots=True)
class _Draft:
    """What is gathered while the lines are read."""

    values: dict[str, str]
    network: eucalyptusnets.Made
    settings: Settings
    troubles: list[str] = field(default_factory=list[str])


def read(text: str, base: Settings | None = None) -> Imported:
    """Read a file. What no line can say (all but the network and where the cloud listens) is as in
    `base`, the settings of the cloud that there is; as by default without one."""
    lines, strange = _assignments(text)
    values = {line.name: line.value for line in lines}
    made = eucalyptusnets.read(values)
    begun = replace(base or Settings(), network=made.network)
    draft = _Draft(values, made, begun, [*strange.values(), *made.troubles])
    last = {line.name: line.number for line in lines}
    told: list[Line] = []
    for line in lines:
        if line.number < last[line.name]:
            became = f"line {last[line.name]} says it again, and that counts"
        else:
            became = _become(line.name, draft)
        told.append(Line(line.number, line.name, line.value, became))
    misread = [line.number for line in told if line.became.startswith(_MISREAD)]
    unread = tuple(sorted({*strange, *misread}))
    try:
        checked = settings.parse(settings.encode(draft.settings))
    except settings.InvalidSettings as error:
        return Imported(None, tuple(told), (*draft.troubles, str(error)), unread)
    return Imported(checked, tuple(told), tuple(draft.troubles), unread)


def _assignments(text: str) -> tuple[list[Line], dict[int, str]]:
    """Return the assignments, and of other lines by number what is strange about them."""
    lines: list[Line] = []
    troubles: dict[int, str] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        found = _LINE.match(raw)
        try:
            words = shlex.split(found["value"], comments=True) if found else None
        except ValueError as error:
            troubles[number] = f"line {number} is not understood ({error}): {raw.strip()[:80]}"
            continue
        if found is None or words is None or len(words) > 1:
            troubles[number] = f"line {number} is no assignment: {raw.strip()[:80]}"
            continue
        lines.append(Line(number, found["name"], words[0] if words else "", ""))
    return lines, troubles


def _become(name: str, draft: _Draft) -> str:
    value = draft.values[name]
    if "$" in value:
        return "has a variable in it, which is not expanded: nothing comes of it"
    if name in draft.network.became:
        return draft.network.became[name]
    maker = _MAKERS.get(name)
    if maker is not None:
        try:
            return maker(value, draft)
        except ValueError as error:
            draft.troubles.append(f"{name}: {error}")
            return f"{_MISREAD}: {error}"
    return eucalyptuswords.of(name, draft.settings.network.mode)


# --- lines of which settings are made ---


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
    nodes = "the node joins" if count == 1 else f"each of the {count} nodes joins"
    draft.troubles.append(f"{nodes} by itself: mallee node invite")
    return "nothing: hosts are not listed, each joins by an invitation"


def _hypervisor(value: str, draft: _Draft) -> str:
    if value.lower() == "kvm":
        return "nothing: whether KVM works is proved on each host; else guests are emulated"
    draft.troubles.append(f"HYPERVISOR={value}: guests run on QEMU, with KVM or emulated")
    return "is not there: guests run on QEMU"


_MAKERS: dict[str, Callable[[str, _Draft], str]] = {
    "VNET_LOCALIP": _local_address,
    "VNET_CLOUDIP": _local_address,
    "CLOUD_OPTS": _options,
    "CC_PORT": _agents_port,
    "NODES": _nodes,
    "HYPERVISOR": _hypervisor,
}
