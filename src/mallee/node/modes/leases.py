"""What a DHCP server of the LAN gives, and which of it can be a guest's.

A server may be anybody on the LAN: an address that is not of the range in the settings, or is the
router's, is taken from none. Called by `dhcpclient`. Pure.
"""

from ipaddress import IPv4Address, IPv4Network

import msgspec

from mallee.node.modes.dhcpwire import Answer

LEASE_S_MIN = 30
"""A shorter lease is kept for so long: who gives such ones would be asked without end."""
_MASK_MIN, _MASK_MAX = 8, 30


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """What a server gave. Times are seconds since the epoch."""

    address: str
    server: str
    server_mac: str = ""
    """By whom the answer came: the server, or the relay before it."""
    prefix_length: int
    router: str = ""
    name_servers: tuple[str, ...] = ()
    domain: str = ""
    mtu: int = 0
    renew_at: float
    rebind_at: float
    ends_at: float


def lease_of(network: str, answer: Answer, came_by: str, now: float) -> Lease:
    """Return the lease that an answer is, which has no fault."""
    lan, length_s = IPv4Network(network), max(answer.lease_s, LEASE_S_MIN)
    renew_s, rebind_s = answer.renew_s, answer.rebind_s
    if not 0 < renew_s < rebind_s < length_s:
        renew_s, rebind_s = length_s // 2, length_s * 7 // 8
    on_lan = (one for one in answer.routers if IPv4Address(one) in lan)
    has_mask = _MASK_MIN <= answer.prefix_length <= _MASK_MAX
    return Lease(
        address=answer.address,
        server=answer.server,
        server_mac=came_by,
        prefix_length=answer.prefix_length if has_mask else lan.prefixlen,
        router=next(on_lan, ""),
        name_servers=answer.name_servers,
        domain=answer.domain,
        mtu=answer.mtu,
        renew_at=now + renew_s,
        rebind_at=now + rebind_s,
        ends_at=now + length_s,
    )


def fault(network: str, answer: Answer) -> str:
    """Return why the address cannot be a guest's, of the LAN's range; empty: it can."""
    lan, said = IPv4Network(network), answer.address or "no address"
    who = f"the DHCP server {answer.server or 'without a name'}"
    if not (answer.address and answer.server and answer.lease_s):
        return f"{who} offers {said} without all that belongs to a lease"
    address = IPv4Address(answer.address)
    if address not in lan:
        return f"{who} offers {said}, which is not of {lan}, the LAN's range in the settings"
    if address in (lan.network_address, lan.broadcast_address):
        return f"{who} offers {said}, which no machine of {lan} can have"
    if answer.address == answer.server or answer.address in answer.routers:
        return f"{who} offers {said}, which is its own or the router's"
    return ""


def refused(answer: Answer) -> str:
    """Return in words that a server refuses."""
    why = f": {answer.words}" if answer.words else ""
    return f"the DHCP server {answer.server or 'of the LAN'} refused{why}"
