"""Answers the question `check`: what this host looks like, and what it finds on its network.

What is asked is not taken for true: it must be about an address that this host has, or the card of
its network mode, and be small enough to harm nobody. What is put right is what the agent knows to
be safe, whatever the cloud says. Called by `questions` in a worker thread.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from msgspec.structs import replace

from mallee.model.hosts.checks import (
    ADDRESSES_MAX,
    FIXES_MAX,
    PATHS_MAX,
    SPANS_MAX,
    CheckAsk,
    CheckTold,
    Finding,
    Kind,
    Place,
    address_spans,
    addresses_of,
    numbers_of,
)
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import AddressWanted
from mallee.node.checks import (
    around,
    company,
    echoes,
    frames,
    host,
    interfaces,
    lan,
    listening,
    mending,
    paths,
    surroundings,
    voice,
    voices,
)
from mallee.node.checks.interfaces import Link

_NONCE = re.compile(r"[0-9a-f]{8,32}")
_CODE = re.compile(r"[a-z][a-z-]{2,40}")
_ADDRESSES_MAX = {
    Kind.PATHS: PATHS_MAX,
    Kind.CALL: ADDRESSES_MAX,
    Kind.HEAR: ADDRESSES_MAX,
    Kind.REACH: ADDRESSES_MAX,
    Kind.NEIGHBOURS: ADDRESSES_MAX,
}
_WITH_NONCE = frozenset({Kind.HEAR, Kind.HEARD, Kind.CALL, Kind.REACH})
_WITHOUT_DEVICE = frozenset({Kind.HOST, Kind.FIX, Kind.HEARD})


class NotAsked(Exception):
    """The question is none that this host answers; in words."""


@dataclass(frozen=True, slots=True)
class Here:
    """The host that is asked."""

    layout: Layout
    wanted: HostWanted | None
    """What was last wanted of it."""
    ears: listening.Ears = field(default_factory=listening.Ears)


def tell(here: Here, asked: CheckAsk) -> CheckTold:
    """Return what is found; blocks for seconds. Raises `NotAsked` and `OSError`."""
    asked = check(asked)
    links = host.fetch_links()
    macs = interfaces.macs(links)
    match asked.kind:
        case Kind.HOST:
            found = host.examine(here.layout, here.wanted)
            return _told(macs, findings=found, own=_own(here.wanted))
        case Kind.FIX:
            mending.mend(here.layout, here.wanted, asked.codes)
            return _told(macs, findings=host.examine(here.layout, here.wanted))
        case Kind.HEARD:
            return _heard(here, asked, macs)
        case _:
            return _look(here, asked, links)


def _look(here: Here, asked: CheckAsk, links: Sequence[Link]) -> CheckTold:
    link = _link(here, asked, links)
    device, vlans = link["ifname"], numbers_of(asked.vlans)
    found: dict[str, Any] = {"device": device}
    match asked.kind:
        case Kind.PATHS:
            found["paths"] = paths.look(asked.addresses, link["mtu"])
        case Kind.HEAR:
            _listen(here, asked, device)
        case Kind.CALL:
            frames.call(device, asked.nonce, vlans, asked.addresses)
        case Kind.REACH:
            seen = _reach(asked, link)
            found["tried"] = address_spans(one.address for one in seen if one.sent)
            found["answered"] = address_spans(one.address for one in seen if one.answered)
        case Kind.NEIGHBOURS:
            found["neighbours"] = lan.neighbours(device, asked.addresses)
            found["own"] = _own(here.wanted)
        case Kind.AROUND:
            found["findings"] = _around(here, device, vlans)
        case _:
            found["neighbours"] = lan.servers(device, vlans or {0})
    return _told(interfaces.macs(links), **found)


def _link(here: Here, asked: CheckAsk, links: Sequence[Link]) -> Link:
    """Return the network card that is meant."""
    if asked.place is Place.MODE:
        device = host.fetch_device_of_mode(here.layout, here.wanted)
        known = [one["ifname"] for one in links if not interfaces.is_ours(one["ifname"])]
        if device not in known:
            raise NotAsked(f"the network mode's card {device[:15]!r} is not there")
    else:
        device = interfaces.device_of(links, asked.address)
        if not device:
            raise NotAsked(f"no network card of this host has the address {asked.address}")
    return next(one for one in links if one["ifname"] == device)


def _listen(here: Here, asked: CheckAsk, device: str) -> None:
    wanted = here.wanted
    public = IPv4Network(wanted.public_range) if wanted else None
    if any(public is None or IPv4Address(one) not in public for one in asked.addresses):
        raise NotAsked("addresses that are not of the public range")
    mode = wanted.mode if wanted else None
    ranges: tuple[IPv4Network, ...] = ()
    if wanted is not None and mode is None:
        ranges = IPv4Network(wanted.public_range), IPv4Network(wanted.private_range)
    try:
        here.ears.begin(
            listening.Wish(
                nonce=asked.nonce,
                device=device,
                held=frozenset(asked.addresses),
                uplink=_uplink(wanted) if wanted else "",
                ranges=ranges,
            )
        )
    except listening.Busy as busy:
        raise NotAsked(str(busy)) from busy


def _uplink(wanted: HostWanted) -> str:
    """Return the card by which the world asks for public addresses, of the host in charge of the
    gateway: it answers there for those in use (`do.network`), so for the others while they are
    tried. Empty: another host would answer."""
    own, charged = wanted.own, wanted.gateway
    if own is not None and charged is not None and charged.host_id != own.id:
        return ""
    if wanted.mode is not None:
        return wanted.mode.uplink if wanted.mode.is_gateway else ""
    best, _ = surroundings.world_devices() if wanted.egress else ((), ())
    return next(iter(best), "")


def _around(here: Here, device: str, vlans: frozenset[int]) -> tuple[Finding, ...]:
    wanted = here.wanted
    of_mode = host.fetch_device_of_mode(here.layout, wanted)
    own = company.Own(
        device=device,
        clouds=frozenset(voice.clouds(here.layout)),
        has=voices.belongings(wanted, device, of_mode) if wanted else (),
        vlans=vlans - {0},
        routers6=host.fetch_routers6(),
    )
    return tuple(company.judge(own, around.listen(device)))


def _heard(here: Here, asked: CheckAsk, macs: tuple[str, ...]) -> CheckTold:
    ear = here.ears.end(asked.nonce)
    if ear is None:
        raise NotAsked("nobody listens for that nonce any more")
    return _told(
        macs,
        heard=ear.heard,
        tunnels=tuple(sorted(ear.tunnels)),
        arrived=address_spans(ear.arrived),
        announced=tuple(sorted(ear.announced, key=lambda one: (one.network, one.by))),
    )


def _own(wanted: HostWanted | None) -> tuple[str, ...]:
    """Return the addresses to which this host may answer for its instances."""
    if wanted is None:
        return ()
    held: list[AddressWanted] = []
    for one in (one for vpc in wanted.vpcs for one in vpc.interfaces):
        held += [AddressWanted(private_ip=one.private_ip, public_ip=one.public_ip), *one.secondary]
    held += [it for vpc in wanted.vpcs for one in vpc.nat_gateways for it in one.addresses]
    found = {one.private_ip for one in held} | {one.public_ip or "" for one in held}
    if wanted.mode is not None:
        found |= {one.public_ip or "" for one in wanted.mode.publics}
    return address_spans(found - {""})


def _reach(asked: CheckAsk, link: Link) -> tuple[paths.Path, ...]:
    """Send echoes to who answers to the addresses, else to the network's router."""
    device = link["ifname"]
    router = host.fetch_router(device)
    neighbours = lan.neighbours(device, (*asked.addresses, *([router] if router else [])))
    macs: Mapping[str, str] = {one.address: one.mac for one in neighbours}
    by = {
        one: mac
        for one in asked.addresses
        if (mac := macs.get(one) or macs.get(router)) is not None
    }
    door = echoes.Door(device, asked.address, by)
    return echoes.ask_by(door, asked.addresses, asked.nonce)


def _told(macs: tuple[str, ...], **found: Any) -> CheckTold:
    return CheckTold(now=time.time(), macs=macs, **found)


def check(asked: CheckAsk) -> CheckAsk:
    """Return a question with all of its addresses; raise `NotAsked` when it is more than a host
    should do for anybody."""
    needs_address = asked.kind not in _WITHOUT_DEVICE
    try:
        addresses = addresses_of(asked.addresses, _ADDRESSES_MAX.get(asked.kind, 0))
        numbers_of(asked.vlans[: SPANS_MAX + 1])
    except ValueError as error:
        raise NotAsked(str(error)) from error
    for text in (asked.address, *addresses):
        _check_address(text, is_needed=text != "" or needs_address)
    if len(asked.vlans) > SPANS_MAX:
        raise NotAsked(f"{len(asked.vlans)} spans of VLANs at once")
    if asked.kind in _WITH_NONCE and not _NONCE.fullmatch(asked.nonce):
        raise NotAsked("a nonce like that")
    is_odd = not all(_CODE.fullmatch(one) for one in asked.codes)
    if is_odd or len(asked.codes) > (FIXES_MAX if asked.kind is Kind.FIX else 0):
        raise NotAsked("codes like that")
    return replace(asked, addresses=addresses)


def _check_address(text: str, *, is_needed: bool) -> None:
    if not is_needed:
        return
    try:
        found = IPv4Address(text)
    except ValueError as error:
        raise NotAsked(f"the address {text[:40]!r}") from error
    is_odd = found.is_multicast or found.is_loopback or found.is_link_local
    if is_odd or found.is_unspecified or found.is_reserved:
        raise NotAsked(f"the address {found}")
