"""Public addresses as the world sees them: do packets come to the gateway host, and answers back.

While the gateway host answers for addresses that are nobody's yet, others send echoes to them: a
few hosts as neighbours of the network, and a machine outside the cloud (`mallee doctor --outside`)
as any user. No address is put anywhere. Called by `rounds` and by the command line.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from mallee.box import diagnosis
from mallee.box.diagnosis import Asked
from mallee.box.visits.asking import Asking
from mallee.model.hosts.ailments import Ailment, Code
from mallee.model.hosts.checks import ADDRESSES_MAX, Finding, Kind, address_spans, addresses_of
from mallee.model.network import addressspans
from mallee.node.checks import echoes

PUBLIC_MAX = 4096
"""So many public addresses are tried."""
_ASKERS_MAX = 3
_SHOWN = 4

Sent = Mapping[str, tuple[Sequence[str], Sequence[str]]]
"""By who sent echoes: to which addresses they could go, and of which answers came."""
Look = Callable[[Sequence[str], str], Sent]
"""Sends echoes to addresses, with a nonce."""


@dataclass(slots=True)
class Came:
    """What became of echoes, by address."""

    arrived: set[str] = field(default_factory=set[str])
    tried: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """From whom echoes went."""
    answered: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    troubles: list[Finding] = field(default_factory=list[Finding])


def addresses(spans: Sequence[str]) -> list[str]:
    """Return the addresses that the cloud lends, as many as are tried; of a network neither its own
    nor its broadcast address."""
    found: list[str] = []
    for text in spans:
        span = addressspans.parse(text)
        if "/" in text and len(span) > 2:
            span = span[1:-1]
        found += [str(IPv4Address(one)) for one in span[: PUBLIC_MAX - len(found)]]
    return found


def see(
    asking: Asking, hosts: Sequence[Asked], gateways: Sequence[Asked], spans: Sequence[str]
) -> list[Finding]:
    """See from other hosts whether public addresses work."""
    askers = [host for host in hosts if host not in gateways][:_ASKERS_MAX]
    if not askers or not gateways:
        return [_untried("no other host, or no gateway host, can be asked")]

    def look(tried: Sequence[str], nonce: str) -> Sent:
        got = asking.ask(askers, Kind.REACH, Addresses=list(address_spans(tried)), Nonce=nonce)
        return {
            host.name: (
                addresses_of(got.answers[host.id]["Tried"], ADDRESSES_MAX),
                addresses_of(got.answers[host.id]["Answered"], ADDRESSES_MAX),
            )
            for host in got.hosts
        }

    came = _try(asking, gateways, addresses(spans), look)
    if not any(came.tried.values()):
        return [*came.troubles, _untried("no host is their neighbour, or has a router")]
    if not came.arrived:
        # Routers between hosts need not know where the cloud's addresses are; those outside do.
        return [*came.troubles, _untried("the hosts' own router leads them elsewhere")]
    return [*came.troubles, *judge(came)]


def see_from_outside(
    asking: Asking, gateways: Sequence[Asked], spans: Sequence[str]
) -> list[Finding]:
    """See from this machine, outside the cloud, whether public addresses work."""

    def look(tried: Sequence[str], nonce: str) -> Sent:
        found = echoes.ask(tried, nonce)
        # What cannot even leave is as lost to a user as what is lost on its way.
        return {"here": (tried, [one.address for one in found if one.answered])}

    came = _try(asking, gateways, addresses(spans), look)
    return [*came.troubles, *judge(came)]


def _try(asking: Asking, gateways: Sequence[Asked], tried: Sequence[str], look: Look) -> Came:
    came = Came(tried={one: set() for one in tried}, answered={one: set() for one in tried})
    for some in _some(tried):
        nonce = secrets.token_hex(8)
        listening = asking.ask(
            gateways, Kind.HEAR, Nonce=nonce, Addresses=list(address_spans(some))
        )
        seen: Sent = look(some, nonce) if listening.hosts else {}
        heard = asking.ask(listening.hosts, Kind.HEARD, Nonce=nonce)
        for answer in heard.answers.values():
            came.arrived.update(addresses_of(answer["Arrived"], PUBLIC_MAX))
        for asker, (sent, answered) in seen.items():
            for one in set(sent) & came.tried.keys():
                came.tried[one].add(asker)
            for one in set(answered) & came.tried.keys():
                came.answered[one].add(asker)
        came.troubles += [*listening.troubles, *heard.troubles]
        if came.troubles:
            break
    return came


def _some(tried: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(tried), ADDRESSES_MAX):
        yield tried[at : at + ADDRESSES_MAX]


def judge(came: Came) -> list[Finding]:
    """Judge which public addresses do not work, and why; those that are alike together."""
    lost = [one for one, by in came.tried.items() if by and one not in came.arrived]
    # One answer shows that they leave the gateway: what one asker misses is his way's fault.
    mute = [
        one
        for one, by in came.tried.items()
        if by and one in came.arrived and not came.answered[one]
    ]
    found: list[Finding] = []
    if lost:
        found.append(
            diagnosis.trouble(
                f"public addresses {_spans(lost)}",
                Ailment(
                    Code.ADDRESS_UNREACHED,
                    "packets for them do not come to the gateway host",
                    "lead them there on the router before it (ip route add RANGE via GATEWAY), "
                    "or let [network.classic] uplink name the card of their network",
                ),
            )
        )
    if mute:
        found.append(
            diagnosis.trouble(
                f"public addresses {_spans(mute)}",
                Ailment(
                    Code.ADDRESS_UNANSWERED,
                    "packets for them come to the gateway host, and its answers are lost",
                    "on the gateway host: ip route get CLIENT; nft list ruleset; and see whether a "
                    "router drops senders that it does not expect there",
                ),
            )
        )
    tried = [one for one, by in came.tried.items() if by]
    return found or [
        diagnosis.well("public addresses", f"{_spans(tried)} lead to the gateway host and back")
    ]


def _untried(why: str) -> Finding:
    said = f"not looked at from outside ({why}): on a machine outside, mallee doctor --outside"
    return diagnosis.well("public addresses", said)


def _spans(listed: Sequence[str]) -> str:
    spans = address_spans(listed)
    more = f" and {len(spans) - _SHOWN} more" if len(spans) > _SHOWN else ""
    return ", ".join(spans[:_SHOWN]) + more
