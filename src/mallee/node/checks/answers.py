"""Answers the question `check`: what this host looks like, and what it finds on its network.

What is asked is not taken for true: it must be about an address that this host has, and be small
enough to harm nobody. Called by `questions` in a worker thread.
"""

import re
import time
from ipaddress import IPv4Address
from typing import Any

from mallee.model.checks import (
    ADDRESSES_MAX,
    PATHS_MAX,
    VLAN_MAX,
    VLANS_MAX,
    CheckAsk,
    CheckTold,
    Kind,
)
from mallee.model.layout import Layout
from mallee.node.checks import frames, host, interfaces, lan, paths

_NONCE = re.compile(r"[0-9a-f]{8,32}")
_ADDRESSES_MAX = {Kind.PATHS: PATHS_MAX, Kind.NEIGHBOURS: ADDRESSES_MAX}


class NotAsked(Exception):
    """The question is none that this host answers; in words."""


def tell(layout: Layout, asked: CheckAsk) -> CheckTold:
    """Return what is found; blocks for seconds. Raises `NotAsked` and `OSError`."""
    check(asked)
    links = host.fetch_links()
    macs = interfaces.macs(links)
    if asked.kind is Kind.HOST:
        return _told(macs, findings=host.examine(layout))
    device = interfaces.device_of(links, asked.address)
    if not device:
        raise NotAsked(f"no network card of this host has the address {asked.address}")
    link = next(one for one in links if one["ifname"] == device)
    match asked.kind:
        case Kind.PATHS:
            return _told(macs, paths=paths.look(asked.addresses, link["mtu"]))
        case Kind.HEAR:
            return _told(macs, heard=frames.hear(device, asked.nonce))
        case Kind.CALL:
            frames.call(device, asked.nonce, asked.vlans)
            return _told(macs)
        case Kind.NEIGHBOURS:
            return _told(macs, neighbours=lan.neighbours(device, asked.addresses))
        case Kind.DHCP:
            return _told(macs, neighbours=lan.servers(device, link["address"]))


def _told(macs: tuple[str, ...], **found: Any) -> CheckTold:
    return CheckTold(now=time.time(), macs=macs, **found)


def check(asked: CheckAsk) -> None:
    """Raise `NotAsked` when a question is more than a host should do for anybody."""
    for text in (asked.address, *asked.addresses):
        _check_address(text, is_needed=text != "" or asked.kind is not Kind.HOST)
    if len(asked.addresses) > _ADDRESSES_MAX.get(asked.kind, 0):
        raise NotAsked(f"{len(asked.addresses)} addresses at once")
    if len(asked.vlans) > VLANS_MAX or any(not 0 <= one <= VLAN_MAX for one in asked.vlans):
        raise NotAsked("those VLANs")
    if asked.kind in (Kind.HEAR, Kind.CALL) and not _NONCE.fullmatch(asked.nonce):
        raise NotAsked("a nonce like that")


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
