"""What the answers of several hosts mean together: findings about the network between them; pure.

A *pair* of hosts has a trouble in either direction or in both. A trouble that one host has with
all others, while these have none among themselves, is told as that host's. Called by `rounds`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import pairwise
from typing import Any

from mallee.model.hosts.ailments import Ailment, Code
from mallee.model.hosts.checks import TUNNEL_PORT, Finding, numbers_of_bits
from mallee.model.network import addressspans
from mallee.model.network.modes import Mode
from mallee.node.checks import sayings

LOST_PERCENT_MAX = 2
TOOK_MS_MAX = 20.0
SKEW_S_MAX = 5.0

Answer = Mapping[str, Any]
"""A result of CheckHost."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A host that was asked, and what it is."""

    id: str
    name: str
    address: str


def clocks(hosts: Sequence[Asked], answers: Mapping[str, Answer]) -> list[Finding]:
    """Compare the hosts' clocks with the cloud's."""
    found: list[Finding] = []
    for host in hosts:
        answer = answers[host.id]
        skew_s = answer["Now"] - answer["CloudNow"]
        if abs(skew_s) > SKEW_S_MAX:
            ahead = "ahead of" if skew_s > 0 else "behind"
            found.append(
                trouble(
                    f"{host.name}: clock",
                    Ailment(
                        Code.CLOCK_SKEW,
                        f"its clock is {abs(skew_s):.0f} s {ahead} the cloud's",
                        "let both machines ask the same time service: apt-get install chrony",
                    ),
                )
            )
    return found or [well("clocks", f"within {SKEW_S_MAX:g} s of the cloud's")]


def own(host: Asked, answer: Answer) -> list[Finding]:
    """Return what a host found of itself."""
    return [
        Finding(
            subject=f"{host.name}: {one['Subject']}",
            ok=one["IsWell"],
            text=one["Text"],
            code=one.get("Code", ""),
            cause=one.get("Cause", ""),
            cure=one.get("Cure", ""),
        )
        for one in answer["Findings"]
    ]


def ways(hosts: Sequence[Asked], answers: Mapping[str, Answer]) -> list[Finding]:
    """Judge the ways between hosts: reached at all, losses, time, size of packets."""
    by_address = {host.address: host for host in hosts}
    bad: dict[Code, dict[frozenset[str], str]] = {}
    looked: set[frozenset[str]] = set()
    for host in hosts:
        for path in answers[host.id]["Paths"]:
            other = by_address[path["Address"]]
            looked.add(frozenset((host.name, other.name)))
            for what, words in _ailments(path):
                bad.setdefault(what, {})[frozenset((host.name, other.name))] = words
    found = [
        trouble(f"way between {between}", Ailment(what, words, _CURES[what]))
        for what, pairs in bad.items()
        for between, words in _by_host(pairs, looked).items()
    ]
    said = f"between {len(hosts)} hosts nothing is lost, and large packets pass"
    return found or [well("ways between hosts", said)]


_CURES = {
    Code.WAY_SILENT: "see cables and the switch's ports; on both: ip neigh, and whether rules "
    "stop ICMP",
    Code.WAY_LOSSY: "change the cable or the port; see errors: ip -s link",
    Code.WAY_SLOW: "see what else uses the way, and where it leads: ip route get ADDRESS",
    Code.WAY_NARROW: "let the switch's ports carry the hosts' MTU, or give all hosts a smaller "
    "one: ip link set CARD mtu BYTES",
}


def _ailments(path: Answer) -> list[tuple[Code, str]]:
    sent, answered = path["Sent"], path["Answered"]
    if not answered:
        return [(Code.WAY_SILENT, f"nothing answers at {path['Address']}")]
    found: list[tuple[Code, str]] = []
    lost_percent = (sent - answered) * 100 / max(sent, 1)
    if lost_percent > LOST_PERCENT_MAX:
        found.append((Code.WAY_LOSSY, f"{lost_percent:.0f} % of packets are lost, there and back"))
    if path["TookMilliseconds"] > TOOK_MS_MAX:
        found.append(
            (Code.WAY_SLOW, f"packets take {path['TookMilliseconds']:.0f} ms there and back")
        )
    largest, mtu = path["PacketBytesMax"], path["Mtu"]
    if largest < mtu:
        found.append(
            (
                Code.WAY_NARROW,
                f"packets larger than {largest} bytes vanish, and the cards send {mtu}",
            )
        )
    return found


def _by_host(
    pairs: Mapping[frozenset[str], str], looked: Collection[frozenset[str]]
) -> dict[str, str]:
    """Return troubles by the ways that have them, as one host's where it has them with all others,
    and some of these were looked at among themselves."""
    names = sorted({name for pair in looked for name in pair})
    for name in names:
        its = [pair for pair in pairs if name in pair]
        is_seen = any(name not in pair for pair in looked)
        if is_seen and len(its) == len(pairs) == len(names) - 1:
            return {f"{name} and all others": f"{pairs[its[0]]}: look at {name}'s cable first"}
    return {" and ".join(sorted(pair)): words for pair, words in pairs.items()}


Lost = Mapping[tuple[str, str], int]
"""By names of a sender and a receiver: the VLANs, as bits, in which the one was not heard."""


def tags(vlans: Sequence[int], lost: Lost) -> list[Finding]:
    """Judge which frames that each host sent with tags were not heard by the others."""
    bad: dict[frozenset[str], str] = {}
    for (sender, receiver), bits in lost.items():
        missing = numbers_of_bits(bits)
        if missing and lost.get((receiver, sender)) == bits:
            bad[frozenset((sender, receiver))] = f"frames of {_vlans(missing)} do not pass"
        elif missing:
            words = f"frames of {_vlans(missing)} that {sender} sends do not reach {receiver}"
            bad[frozenset((sender, receiver))] = words
    cure = "let the ports of both carry the VLANs tagged (a trunk), and the switches between them"
    found = [
        trouble(f"VLANs between {between}", Ailment(Code.VLAN_LOST, words, cure))
        for between, words in _by_host(bad, {frozenset(pair) for pair in lost}).items()
    ]
    return found or [well("VLANs", f"frames of {_vlans(sorted(vlans))} pass between hosts")]


def twins(found: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Judge which hosts speak under one hardware address: machines copied from one disk."""
    cure = "give each its own: ip link set CARD address 02:…; a copied machine also has the same "
    cure += "/etc/machine-id, of which bridges' and DHCP clients' names are made "
    cure += "(rm it, then systemd-machine-id-setup), and the same SSH host keys"
    return [
        trouble(
            f"hosts {' and '.join(names)}",
            Ailment(Code.HOSTS_ALIKE, f"their cards have the same hardware address {mac}", cure),
        )
        for mac, names in sorted(found.items())
    ]


def tunnels(came: Mapping[tuple[str, str], bool]) -> list[Finding]:
    """Judge whether packets of tunnels pass between hosts."""
    bad: dict[frozenset[str], str] = {}
    for (sender, receiver), passes in came.items():
        if passes:
            continue
        if came.get((receiver, sender)):
            words = f"UDP {TUNNEL_PORT} from {sender} does not reach {receiver}"
        else:
            words = f"UDP {TUNNEL_PORT} does not pass, by which VPCs reach from host to host"
        bad[frozenset((sender, receiver))] = words
    cure = f"let a firewall between them, or on them, pass udp dport {TUNNEL_PORT} both ways"
    found = [
        trouble(f"tunnels between {between}", Ailment(Code.TUNNEL_BLOCKED, words, cure))
        for between, words in _by_host(bad, {frozenset(pair) for pair in came}).items()
    ]
    return found or [well("tunnels", f"UDP {TUNNEL_PORT} passes between hosts")]


def announced(answers: Mapping[str, Answer], ours: Collection[str]) -> list[Finding]:
    """Judge who speaks of the cloud's ranges on the networks of hosts, by their names."""
    found: dict[str, Finding] = {}
    for name, answer in answers.items():
        for one in answer["Announced"]:
            if one["By"] in ours:
                continue
            cause = f"{_who(one['By'])} says so by {one['How']} on the network of {name}"
            cure = "another cloud or router uses it: take it from there, or take another range"
            subject = f"range {one['Network']}"
            found[subject] = trouble(subject, Ailment(Code.RANGE_ANNOUNCED, cause, cure))
    return list(found.values()) or [well("ranges", "nobody else speaks of the cloud's ranges")]


def _vlans(numbers: Sequence[int]) -> str:
    """Return numbers in words, those in a row together."""
    runs: list[list[int]] = [[numbers[0]]]
    for one, other in pairwise(numbers):
        if other == one + 1:
            runs[-1].append(other)
        else:
            runs.append([other])
    said = [f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return f"VLAN {', '.join(said)}"


def strangers(
    hosts: Sequence[Asked],
    answers: Mapping[str, Answer],
    known: Collection[Answer],
    silent: Sequence[str] = (),
) -> list[Finding]:
    """Judge who answers to the cloud's addresses: hosts of the cloud may, and their instances.

    `known` is what all hosts say of themselves, those too that were not asked who answers; who is
    `silent` says nothing, and its instances may answer all the same.
    """
    told = (*known, *answers.values())
    ours = {mac for one in told for mac in one.get("Macs", ())}
    own = [addressspans.parse(span) for one in told for span in one.get("Own", ())]
    found: dict[str, tuple[str, str]] = {}
    for host in hosts:
        for one in answers[host.id]["Neighbours"]:
            if one.get("Mac") not in ours and not _is_within(one["Address"], own):
                found[one["Address"]] = one.get("Mac", ""), host.name
    unless = f", or it is an instance of {', '.join(silent)}, which is silent" if silent else ""
    return [
        trouble(
            f"address {address}",
            Ailment(
                Code.ADDRESS_TAKEN,
                f"{_who(mac)} on the network of {name} has it already{unless}",
                "take it from that machine, or leave it out of the cloud's ranges (mallee.toml)",
            ),
        )
        for address, (mac, name) in sorted(found.items())
    ] or [well("addresses", "nobody else on the hosts' networks has one of the cloud's")]


def _who(by: str) -> str:
    """Name who speaks, with what his hardware address gives away."""
    name = sayings.maker(by)
    return f"{by} (as {name} names its machines)" if name else by


def _is_within(address: str, spans: Collection[range]) -> bool:
    return any(int(IPv4Address(address)) in span for span in spans)


def dhcp(hosts: Sequence[Asked], answers: Mapping[str, Answer]) -> list[Finding]:
    """Judge which servers offer addresses: two on one network contradict each other."""
    found: list[Finding] = []
    known: set[str] = set()
    for host in hosts:
        servers = [one["Address"] for one in answers[host.id]["Neighbours"]]
        known.update(servers)
        if len(servers) > 1:
            found.append(
                trouble(
                    f"{host.name}: DHCP",
                    Ailment(
                        Code.DHCP_TWICE,
                        f"{len(servers)} servers offer addresses on its network: "
                        f"{', '.join(servers)}",
                        "switch all but one off, or keep them on networks of their own",
                    ),
                )
            )
    said = f"offered by {', '.join(sorted(known))}" if known else "nobody offers addresses"
    return found or [well("DHCP", said)]


def dhcp_of_mode(host: Asked, answer: Answer, mode: Mode) -> list[Finding]:
    """Judge who offers addresses where instances stand: in `system` somebody has to, in the VLANs
    of `managed` nobody else may."""
    found = [(one["Address"], one.get("Vlan", 0)) for one in answer["Neighbours"]]
    subject = f"{host.name}: DHCP of the network mode"
    if mode == "system" and not found:
        cause = "no server offers addresses on the network in which instances stand"
        cure = (
            f"see whether a server runs there, and whether {answer.get('Device', '')} leads to it"
        )
        return [trouble(subject, Ailment(Code.DHCP_NONE, cause, cure))]
    if mode == "managed" and found:
        cause = f"addresses are offered in VLANs of the cloud: {_offers(found)}"
        cure = "take the server away, or leave those VLANs out: [network.classic] vlans"
        return [trouble(subject, Ailment(Code.DHCP_FOREIGN, cause, cure))]
    if len(found) > 1:
        cause = f"{len(found)} servers offer addresses on one network: {_offers(found)}"
        cure = "switch all but one off, or keep them on networks of their own"
        return [trouble(subject, Ailment(Code.DHCP_TWICE, cause, cure))]
    said = f"offered by {_offers(found)}" if found else "nobody else offers addresses"
    return [well(subject, said)]


def _offers(found: Sequence[tuple[str, int]]) -> str:
    said = [f"{by} (VLAN {vlan})" if vlan else by for by, vlan in found[:_OFFERS_SHOWN]]
    more = len(found) - _OFFERS_SHOWN
    return ", ".join(said) + (f" and {more} more" if more > 0 else "")


_OFFERS_SHOWN = 4


def well(subject: str, text: str) -> Finding:
    """Return what is well as a finding."""
    return Finding(subject=subject, ok=True, text=text)


def trouble(subject: str, one: Ailment) -> Finding:
    """Return what is wrong as a finding."""
    return Finding(
        subject=subject,
        ok=False,
        text="not well",
        code=one.code.value,
        cause=one.cause,
        cure=one.cure,
    )
