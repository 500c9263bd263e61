"""The doctor's rounds: what all hosts of a cloud find when they look at themselves and each other.

Hosts are asked through the administration service (`visits.asking`); what their answers mean is
`diagnosis`'s. Called by `mallee doctor` where the cloud runs, or from outside. Only looks; `fix`
has hosts put right what they know to be safe.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mallee.box import client, diagnosis
from mallee.box.diagnosis import Answer, Asked
from mallee.box.visits import neighbours, publics, trunks
from mallee.box.visits.asking import AT_ONCE, Asking
from mallee.box.visits.trunks import Trunks
from mallee.model.configuration.settings import Network
from mallee.model.hosts.ailments import Ailment, Code
from mallee.model.hosts.checks import (
    FIXES_MAX,
    PATHS_MAX,
    Finding,
    Kind,
    Place,
    address_spans,
    spans_of,
)
from mallee.model.network import classic

_HEARD = frozenset({"ENABLED", "DISABLED", "BROKEN", "STOPPED"})
_PUBLIC_MAX, _PRIVATE_MAX = 192, 64
"""So many addresses of each range are asked for."""
_NEIGHBOURS_MAX = 14
"""So many hosts ask who has the cloud's addresses, and who offers some."""
_GATEWAY = "gateway"
_IN_CHARGE = "in charge"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be looked at."""

    zone: str = ""
    """Empty: all zones."""
    vlans: tuple[int, ...] = ()
    """Which tagged frames shall pass between all hosts, besides those of the network mode."""


@dataclass(frozen=True, slots=True)
class _Hosts:
    """Who is asked."""

    listed: Sequence[Mapping[str, Any]]
    there: list[Asked]
    away: list[Mapping[str, Any]]
    beyond: list[Asked]
    """Of other zones: the gateway host of all, which answers for public addresses, may be there."""

    @property
    def gateways(self) -> list[Asked]:
        """Those by which the world may reach instances: one is in charge, where several might."""
        ids = {one["HostId"] for one in self.listed if one.get("Gateway") == _IN_CHARGE}
        may = {one["HostId"] for one in self.listed if _GATEWAY in one.get("Roles", ())}
        return [host for host in self.there if host.id in (ids or may) and host.address]


def examine(access: client.Access, network: Network, wish: Wish) -> list[Finding]:
    """Ask all hosts of the zone, and judge what they say."""
    hosts = _fetch(access, wish.zone)
    if not hosts.listed:
        none = Ailment(Code.HOSTS_NONE, "there is no host", "mallee hosts list")
        return [diagnosis.trouble(wish.zone or "the cloud", none)]
    found = [silent(one) for one in hosts.away]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asking = Asking(access, pool)
        own = asking.ask(hosts.there, Kind.HOST)
        found += own.troubles
        found += [it for host in own.hosts for it in diagnosis.own(host, own.answers[host.id])]
        found += diagnosis.clocks(own.hosts, own.answers) if own.hosts else []
        reached = [host for host in own.hosts if host.address]
        if len(hosts.listed) > 1:
            found += [_without_address(host) for host in own.hosts if not host.address]
        if reached:
            beyond = asking.ask(hosts.beyond, Kind.HOST).answers
            rounds = _Rounds(asking, network, own.answers, reached, beyond)
            found += rounds.go(hosts, wish)
    return found


@dataclass(frozen=True, slots=True)
class _Rounds:
    """What is looked at between hosts that have answered of themselves."""

    asking: Asking
    network: Network
    own: Mapping[str, Answer]
    hosts: list[Asked]
    beyond: Mapping[str, Answer]
    """What hosts of other zones say of themselves."""

    def go(self, hosts: _Hosts, wish: Wish) -> list[Finding]:
        """Look at everything that is between hosts."""
        found: list[Finding] = []
        silent = [_asked(one) for one in hosts.away if one.get("Address")]
        with ThreadPoolExecutor() as beside:
            # Servers are waited for while packets go to and fro.
            dhcp = beside.submit(self._see_dhcp)
            around = beside.submit(self._see_around)
            found += self._see_ways(silent)
            found += dhcp.result()
            passing, came = trunks.see(self.asking, self.hosts, self.own, self._trunks(wish))
            found += [*passing, *around.result()]
        known = (*self.own.values(), *self.beyond.values())
        ours = {mac for answer in known for mac in answer["Macs"]}
        found += diagnosis.announced(came.announced, ours)
        spans = self._public_spans()
        if spans:
            found += publics.see(self.asking, self.hosts, hosts.gateways, spans)
        return [*found, *self._see_addresses(known, [one["Name"] for one in hosts.away])]

    def _trunks(self, wish: Wish) -> Trunks:
        network = self.network
        planned = classic.vlans(network.classic) if network.mode == "managed" else None
        vlans = frozenset((*wish.vlans, *(planned or ())))
        place = Place.MODE if network.mode == "managed" else Place.ADDRESS
        return Trunks(vlans, place, has_tunnels=network.mode == "vpc")

    def _public_spans(self) -> tuple[str, ...]:
        """Return which public addresses are lent; none where instances have the LAN's."""
        if self.network.mode in classic.LAN:
            return ()
        return self.network.public_addresses or (self.network.public_range,)

    def _see_ways(self, silent: Sequence[Asked]) -> list[Finding]:
        """See how packets pass between the hosts, and to those whose agents are silent."""
        everybody = (*self.hosts, *silent)
        if len(everybody) < 2:
            return []
        got = self.asking.ask_each(
            {
                host: (Kind.PATHS, {"Addresses": list(address_spans(_others(everybody, host)))})
                for host in self.hosts
            }
        )
        answers = {**{one.id: {"Paths": ()} for one in everybody}, **got.answers}
        return [*got.troubles, *diagnosis.ways(everybody, answers)]

    def _see_addresses(self, known: Sequence[Answer], silent: Sequence[str]) -> list[Finding]:
        """See whether somebody else has addresses of the cloud's ranges."""
        mine = {host.address for host in self.hosts}
        asked = [one for one in _addresses(self.network) if one not in mine]
        if not asked:
            return []
        got = self.asking.ask(
            self.hosts[:_NEIGHBOURS_MAX], Kind.NEIGHBOURS, Addresses=list(address_spans(asked))
        )
        return [*got.troubles, *diagnosis.strangers(got.hosts, got.answers, known, silent)]

    def _see_around(self) -> list[Finding]:
        """See who else speaks on the hosts' wires."""
        if self.network.mode == "vpc":
            return neighbours.see(self.asking, self.hosts, {Place.ADDRESS: ()})
        planned = classic.vlans(self.network.classic) if self.network.mode == "managed" else None
        where = {Place.ADDRESS: range(0), Place.MODE: planned or range(0)}
        return neighbours.see(self.asking, self.hosts, where)

    def _see_dhcp(self) -> list[Finding]:
        """See who offers addresses."""
        got = self.asking.ask(self.hosts[:_NEIGHBOURS_MAX], Kind.DHCP)
        found = [*got.troubles, *diagnosis.dhcp(got.hosts, got.answers)]
        if self.network.mode == "vpc":
            return found
        planned = classic.vlans(self.network.classic) or range(0)
        vlans = spans_of(planned) if self.network.mode == "managed" else ("0",)
        got = self.asking.ask(self.hosts[:1], Kind.DHCP, Place=Place.MODE.value, Vlans=list(vlans))
        for host in got.hosts:
            found += diagnosis.dhcp_of_mode(host, got.answers[host.id], self.network.mode)
        return [*found, *got.troubles]


def examine_from_outside(access: client.Access, zone: str) -> list[Finding]:
    """See from this machine, outside the cloud, whether its public addresses work."""
    hosts = _fetch(access, zone)
    if not hosts.gateways:
        none = Ailment(Code.HOSTS_NONE, "no gateway host can be asked", "mallee hosts list")
        return [diagnosis.trouble("public addresses", none)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asking = Asking(access, pool)
        own = asking.ask(hosts.gateways, Kind.HOST)
        told = (one for answer in own.answers.values() for one in answer["PublicAddresses"])
        spans = tuple(dict.fromkeys(told))
        # Where no host says which they are, none was tried, and nothing is well.
        seen = publics.see_from_outside(asking, own.hosts, spans) if spans else []
        return [*own.troubles, *seen]


def fix(access: client.Access, zone: str, say: Say) -> str:
    """Have all hosts of the zone put right what they find and know to be safe."""
    hosts = _fetch(access, zone)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asking = Asking(access, pool)
        own = asking.ask(hosts.there, Kind.HOST)
        ill = {
            host: [one["Code"] for one in own.answers[host.id]["Findings"] if one.get("Code")]
            for host in own.hosts
        }
        sick = {host: frozenset(codes) for host, codes in ill.items() if codes}
        said = [_put_right(asking, host, codes, say) for host, codes in sick.items()]
    return "; ".join(said) or f"{len(ill)} hosts were asked, and all are well"


def _put_right(asking: Asking, host: Asked, codes: frozenset[str], say: Say) -> str:
    """Have one host put right what it can, and tell what it did and what it left."""
    say(f"{host.name}: {', '.join(sorted(codes))}")
    try:
        left = asking.fix(host, sorted(codes)[:FIXES_MAX])
    except (client.Refused, client.Unreachable) as error:
        return f"{host.name} did not: {error}"
    done = [f"{', '.join(sorted(codes - left))} put right"] if codes - left else []
    kept = [f"{', '.join(sorted(left))} left to you"] if left else []
    return f"{host.name}: {', '.join([*done, *kept])}"


def _fetch(access: client.Access, zone: str) -> _Hosts:
    listed = client.call(access, "mallee", "DescribeHosts")["Hosts"]
    wanted = [one for one in listed if zone in ("", one["Zone"])]
    there = [_asked(one) for one in wanted if one["State"] in _HEARD]
    away = [one for one in wanted if one["State"] not in _HEARD]
    others = [one for one in listed if zone not in ("", one["Zone"])]
    beyond = [_asked(one) for one in others if one["State"] in _HEARD]
    return _Hosts(wanted, there, away, beyond)


def _others(everybody: Sequence[Asked], host: Asked) -> list[str]:
    """Return the addresses of those that come after a host, as many as may be asked about."""
    at = next(number for number, one in enumerate(everybody) if one is host)
    after = [*everybody[at + 1 :], *everybody[:at]]
    return [one.address for one in after[:PATHS_MAX]]


def _addresses(network: Network) -> Iterable[str]:
    """Return whose owners are looked for, by mode: what may be on the hosts' own network."""
    if network.mode == "static":
        spans = classic.lendable(network.classic)
        listed = (ipaddress.IPv4Address(one) for span in spans for one in span)
        yield from map(str, islice(listed, _PUBLIC_MAX))
    elif network.mode != "system":
        private = network.private_range if network.mode == "vpc" else network.classic.subnet
        for text, most in ((network.public_range, _PUBLIC_MAX), (private, _PRIVATE_MAX)):
            yield from map(str, islice(ipaddress.IPv4Network(text).hosts(), most))


def _asked(host: Mapping[str, Any]) -> Asked:
    return Asked(host["HostId"], host["Name"], host.get("Address", ""))


def silent(host: Mapping[str, Any]) -> Finding:
    """Return what is told of a host, as `DescribeHosts` has it, of which nothing can be asked."""
    causes = "; ".join(host.get("Causes", ())) or f"it is {host['State']}"
    cure = "see its power, its cable and its way to the cloud; on that host: mallee status"
    if host.get("Gateway") == _IN_CHARGE:
        causes += f" It is in charge of the way to the world. {host['GatewayReason']}"
    return diagnosis.trouble(host["Name"], Ailment(Code.HOST_SILENT, causes, cure))


def _without_address(host: Asked) -> Finding:
    return diagnosis.trouble(
        f"{host.name}: address",
        Ailment(
            Code.HOST_ADDRESSLESS,
            "nobody has told at which address other hosts reach it",
            f"mallee hosts change {host.name} --address ADDRESS",
        ),
    )
