"""Finds out whether a machine of the LAN has an address that a guest shall have (RFC 5227).

A guest with somebody else's address would take its packets, or lose its own: so it does not start.
Called by `addresses` in a worker thread; in `system` the client of DHCP asks the same by itself.
"""

import selectors
from ipaddress import ip_interface

from mallee.kit import clock
from mallee.node.do.network import links, namespaces
from mallee.node.modes import lanframes
from mallee.node.modes.lanlinks import Link

PROBES = 3
PROBE_EVERY_S = 0.3


class AddressTaken(Exception):
    """A machine of the LAN has the address of a guest."""


def find(device: str, address: str) -> str:
    """Return who has the address on the device's network, in words; empty: nobody says so.

    Raises `OSError` where the device cannot be used.
    """
    own = (name for name, cidr in links.fetch().addresses if str(ip_interface(cidr).ip) == address)
    mine = next(own, "")
    if mine:
        return f"this host itself has it, at {mine}"
    link = Link(namespaces.HOST, device)
    try:
        mac = next(iter(_asked(link, address)), "")
    finally:
        link.close()
    return f"the machine {mac} has it" if mac else ""


def fetch_own() -> frozenset[str]:
    """Return the addresses of this host itself."""
    return frozenset(str(ip_interface(cidr).ip) for _, cidr in links.fetch().addresses)


def _asked(link: Link, address: str) -> set[str]:
    """Return the MACs of those who answer."""
    with selectors.DefaultSelector() as ready:
        ready.register(link.fileno(), selectors.EVENT_READ)
        for _ in range(PROBES):
            link.send(lanframes.probe(link.mac, address))
            for left_s in clock.looks(PROBE_EVERY_S):
                for _ in ready.select(left_s):
                    heard = list(link.received())
                    claims = (one for one in heard if isinstance(one, lanframes.Claim))
                    macs = {one.mac for one in claims if one.address == address}
                    if macs:
                        return macs
    return set()
