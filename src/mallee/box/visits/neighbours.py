"""Who else speaks on the hosts' wires: switches, routers, other clouds.

Each host that is asked listens for some seconds and judges by itself (`node.checks.company`); what
several tell alike is told once, with all their names. Called by `rounds`, beside what else is
looked at.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, ip_address

from msgspec.structs import replace

from mallee.box import diagnosis
from mallee.box.diagnosis import Answer, Asked
from mallee.box.visits.asking import Asking
from mallee.model.hosts.checks import Finding, Kind, Place, spans_of

_ASKED_MAX = 6
"""So many hosts listen, of as many networks as there are: the others hear the same."""
_WIRE_BITS = 24


def see(
    asking: Asking, hosts: Sequence[Asked], vlans: Mapping[Place, Iterable[int]]
) -> list[Finding]:
    """Return what is around the hosts, by place one after the other; `vlans` are those in which
    nobody but the cloud should speak."""
    found: list[Finding] = []
    for place, own in vlans.items():
        more = {"Place": place.value, "Vlans": list(spans_of(own))}
        got = asking.ask(choose(hosts), Kind.AROUND, **more)
        found += [*got.troubles, *together(got.hosts, got.answers)]
    return found


def choose(hosts: Sequence[Asked]) -> list[Asked]:
    """Return who listens: first one of each network, as far as addresses show these."""
    met: set[int | str] = set()
    first: list[Asked] = []
    rest: list[Asked] = []
    for host in hosts:
        wire = _wire(host.address)
        (rest if wire in met else first).append(host)
        met.add(wire)
    return [*first, *rest][:_ASKED_MAX]


def _wire(address: str) -> int | str:
    at = ip_address(address)
    return int(at) >> (32 - _WIRE_BITS) if isinstance(at, IPv4Address) else str(at)


def together(hosts: Sequence[Asked], answers: Mapping[str, Answer]) -> list[Finding]:
    """Return what hosts have found, that which is alike once."""
    names: dict[Finding, list[str]] = {}
    for host in hosts:
        for one in diagnosis.own(host, answers[host.id]):
            bare = replace(one, subject=one.subject.removeprefix(f"{host.name}: "))
            names.setdefault(bare, []).append(host.name)
    return [
        replace(one, subject=f"{', '.join(sorted(those))}: {one.subject}")
        for one, those in names.items()
    ]
