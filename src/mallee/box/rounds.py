"""The doctor's rounds: what all hosts of a cloud find when they look at themselves and each other.

Hosts are asked through the administration service, several at a time; what their answers mean is
`diagnosis`'. A host that cannot be asked is a finding, and the others are asked all the same.
Called by `mallee doctor` where the cloud runs. Only looks; nothing is put right here.
"""

import ipaddress
import secrets
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from mallee.box import client, diagnosis
from mallee.box.diagnosis import Answer, Asked
from mallee.model.ailments import Ailment, Code
from mallee.model.checks import PATHS_MAX, Finding, Kind
from mallee.model.settings import Network

AT_ONCE = 14
"""The cloud takes 16 questions of an account at the same time."""
_GROUP = 7
"""So many hosts listen while as many call."""
_TRIES = 2
"""A frame that was not heard is sent once more: a busy host may have begun to listen late."""
_ALL_WITH_ALL_MAX = 28
"""Among more hosts each group calls for itself and the next one alone."""
_HEARD = frozenset({"ENABLED", "DISABLED", "BROKEN", "STOPPED"})
_PUBLIC_MAX, _PRIVATE_MAX = 192, 64
"""So many addresses of each range are asked for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be looked at."""

    zone: str = ""
    """Empty: all zones."""
    vlans: tuple[int, ...] = ()
    """Which tagged frames shall pass between all hosts, besides untagged ones."""


def examine(access: client.Access, network: Network, wish: Wish) -> list[Finding]:
    """Ask all hosts of the zone, and judge what they say."""
    listed = client.call(access, "mallee", "DescribeHosts")["Hosts"]
    wanted = [one for one in listed if wish.zone in ("", one["Zone"])]
    if not wanted:
        none = Ailment(Code.HOSTS_NONE, "there is no host", "mallee hosts list")
        return [diagnosis.trouble(wish.zone or "the cloud", none)]
    away = [one for one in wanted if one["State"] not in _HEARD]
    found = [_silent(one) for one in away]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rounds = _Rounds(access, pool)
        there = [_asked(one) for one in wanted if one["State"] in _HEARD]
        own = rounds.ask(there, Kind.HOST)
        found += own.troubles
        found += [it for host in own.hosts for it in diagnosis.own(host, own.answers[host.id])]
        found += diagnosis.clocks(own.hosts, own.answers) if own.hosts else []
        reached = [host for host in own.hosts if host.address]
        if len(wanted) > 1:
            found += [_without_address(host) for host in own.hosts if not host.address]
        silent = [_asked(one) for one in away if one.get("Address")]
        with ThreadPoolExecutor() as beside:
            # Servers are waited for while packets go to and fro.
            dhcp = beside.submit(rounds.see_dhcp, reached)
            found += rounds.see_ways(reached, silent)
            found += dhcp.result()
        found += rounds.see_tags(reached, wish.vlans, own.answers)
        # The longest question comes last: where large packets vanish, it holds up all others.
        found += rounds.see_addresses(reached, network, own.answers)
    return found


@dataclass(frozen=True, slots=True)
class _Round:
    """One question to several hosts: who answered what, and who did not."""

    hosts: list[Asked]
    answers: Mapping[str, Answer]
    troubles: list[Finding]


@dataclass(frozen=True, slots=True)
class _Rounds:
    """Asks hosts, all at the same time."""

    access: client.Access
    pool: ThreadPoolExecutor

    def ask(self, hosts: Sequence[Asked], kind: Kind, **more: Any) -> _Round:
        """Ask the same of all."""
        return self._gather(hosts, kind, [self._begin(host, kind, more) for host in hosts])

    def _begin(self, host: Asked, kind: Kind, more: dict[str, Any]) -> Future[dict[str, Any]]:
        asked = {"HostId": host.id, "Kind": kind.value, **more}
        return self.pool.submit(client.call, self.access, "mallee", "CheckHost", asked)

    def _gather(
        self, hosts: Sequence[Asked], kind: Kind, begun: Sequence[Future[dict[str, Any]]]
    ) -> _Round:
        answers: dict[str, Answer] = {}
        troubles: list[Finding] = []
        for host, one in zip(hosts, begun, strict=True):
            try:
                answers[host.id] = one.result()
            except (client.Refused, client.Unreachable) as error:
                cure = f"on {host.name}: mallee logs node"
                unasked = Ailment(Code.HOST_UNASKED, str(error), cure)
                troubles.append(diagnosis.trouble(f"{host.name}: {kind.value}", unasked))
        return _Round([host for host in hosts if host.id in answers], answers, troubles)

    def see_ways(self, hosts: Sequence[Asked], silent: Sequence[Asked]) -> list[Finding]:
        """See how packets pass between the hosts, and to those whose agents are silent."""
        everybody = (*hosts, *silent)
        if len(everybody) < 2 or not hosts:
            return []
        begun = [
            self._begin(
                host,
                Kind.PATHS,
                {"Addresses": _others(everybody, host)},
            )
            for host in hosts
        ]
        got = self._gather(hosts, Kind.PATHS, begun)
        answers = {**{one.id: {"Paths": ()} for one in everybody}, **got.answers}
        return [*got.troubles, *diagnosis.ways(everybody, answers)]

    def see_tags(
        self, hosts: Sequence[Asked], vlans: Sequence[int], own: Mapping[str, Answer]
    ) -> list[Finding]:
        """See which frames pass between the hosts, untagged and with the tags."""
        if len(hosts) < 2 or not vlans:
            return []
        macs = {host.id: own[host.id]["Macs"] for host in hosts}
        heard: dict[tuple[str, str], set[int]] = {}
        troubles: list[Finding] = []
        for _ in range(_TRIES):
            troubles.clear()
            for receivers, senders in _meetings(hosts):
                told = {"Nonce": secrets.token_hex(8)}
                listening = [self._begin(host, Kind.HEAR, told) for host in receivers]
                called = self.ask(senders, Kind.CALL, Vlans=list(vlans), **told)
                got = self._gather(receivers, Kind.HEAR, listening)
                troubles += [*called.troubles, *got.troubles]
                came = diagnosis.hearings(called.hosts, got.hosts, got.answers, macs)
                heard |= {pair: heard.get(pair, set()) | those for pair, those in came.items()}
            if all(those.issuperset(vlans) for those in heard.values()):
                break
        return [*troubles, *diagnosis.tags(vlans, heard)]

    def see_addresses(
        self, hosts: Sequence[Asked], network: Network, own: Mapping[str, Answer]
    ) -> list[Finding]:
        """See whether somebody else has addresses of the cloud's ranges."""
        mine = {host.address for host in hosts}
        asked = [one for one in _addresses(network) if one not in mine]
        got = self.ask(hosts, Kind.NEIGHBOURS, Addresses=asked)
        ours = {mac for answer in own.values() for mac in answer["Macs"]}
        return [*got.troubles, *diagnosis.strangers(got.hosts, got.answers, ours)]

    def see_dhcp(self, hosts: Sequence[Asked]) -> list[Finding]:
        """See who offers addresses."""
        got = self.ask(hosts, Kind.DHCP)
        return [*got.troubles, *diagnosis.dhcp(got.hosts, got.answers)]


def _others(everybody: Sequence[Asked], host: Asked) -> list[str]:
    """Return the addresses of those that come after a host, as many as may be asked about."""
    at = next(number for number, one in enumerate(everybody) if one is host)
    after = [*everybody[at + 1 :], *everybody[:at]]
    return [one.address for one in after[:PATHS_MAX]]


def _meetings(hosts: Sequence[Asked]) -> list[tuple[Sequence[Asked], Sequence[Asked]]]:
    """Return who listens while who calls, group by group."""
    groups = [hosts[at : at + _GROUP] for at in range(0, len(hosts), _GROUP)]
    if len(hosts) <= _ALL_WITH_ALL_MAX:
        return list(product(groups, groups))
    nexts = [*groups[1:], groups[0]]
    return [*zip(groups, groups, strict=True), *zip(nexts, groups, strict=True)]


def _addresses(network: Network) -> Iterable[str]:
    for text, most in (
        (network.public_range, _PUBLIC_MAX),
        (network.private_range, _PRIVATE_MAX),
    ):
        yield from map(str, islice(ipaddress.IPv4Network(text).hosts(), most))


def _asked(host: Mapping[str, Any]) -> Asked:
    return Asked(host["HostId"], host["Name"], host.get("Address", ""))


def _silent(host: Mapping[str, Any]) -> Finding:
    causes = "; ".join(host.get("Causes", ())) or f"it is {host['State']}"
    cure = "see its power, its cable and its way to the cloud; on that host: mallee status"
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
