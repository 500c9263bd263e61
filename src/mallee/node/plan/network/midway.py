"""Conversations with the world that this host comes to lead in their middle, for another one led
them before and does not any more.

Connection tracking here knows nothing of them. What the world says comes in by its public address
as at the beginning. What a guest says is an answer, and goes on under that address, if the world
began; if the guest did, the world knows it by the address of the host that led before, and hears
it no more. Which of the two it is only the guest's own host knows, and tells with each packet
(`ANSWER`, a bit of the mark between hosts). A segment of TCP that neither begins a conversation nor
is such an answer is ended by a reset. Datagrams need no more than to be said again.

Invariant: a segment that leaves the VPC untranslated any further, and is not held to the networks
that guests may speak to, answers somebody who was let in.

IPv4, for IPv6 is not translated; without appliances between the guest and the world, for what they
send has to bear a mark that is nothing but its subnet's.
Part of `afar`, `vpcfirewall` and `firewall`. Pure.
"""

from collections.abc import Iterator

from mallee.model.hosts.hosts import HostWanted, VpcWanted
from mallee.node.modes.legs import Legs
from mallee.node.plan.network import network, nft, overlay

ANSWER = 0x400000
"""Bit of a packet's mark that VXLAN takes along ("don't learn", which our devices never do), and of
its connection's. The other such bit ("policy applied") means a way of its own to hosts that have
Tailscale, and packets between hosts are routed by their mark."""
_LINK = f'iifname "{overlay.DEVICE}"'
_EDGE = f'oifname "{network.EDGE}"'
_GOING_ON = "tcp flags & syn == 0x0"
IS_ANSWER = f"ct mark & {ANSWER:#x} == {ANSWER:#x}"
"""What matches the first segment of an answer that is seen here."""


def marks_taken(vpc: VpcWanted) -> int:
    """Return the bits of the mark that are taken from packets of other hosts."""
    return overlay.MARKS | ANSWER if _takes_answers(vpc) else overlay.MARKS


def chains(vpc: VpcWanted) -> Iterator[nft.Chain]:
    """Return the chain that says what is an answer, or the one that takes it to heart."""
    if _takes_answers(vpc):
        yield nft.base(
            "answered",
            "filter hook prerouting priority mangle",
            "accept",
            (
                f"{_LINK} meta mark & {ANSWER:#x} == {ANSWER:#x} ct state new "
                f"ct mark set {ANSWER:#x}",
                f"{_LINK} meta mark set meta mark & {overlay.MARKS:#x}",
            ),
        )
    elif vpc.far and vpc.gateway_host_id and not vpc.gateway_table_id:
        yield nft.base(
            "answers",
            "filter hook postrouting priority mangle",
            "accept",
            (
                f'oifname "{overlay.DEVICE}" meta l4proto tcp ct direction reply '
                f"meta mark set meta mark | {ANSWER:#x}",
            ),
        )


def _takes_answers(vpc: VpcWanted) -> bool:
    return bool(vpc.far) and _is_led_here(vpc) and not vpc.gateway_table_id


def _is_led_here(vpc: VpcWanted) -> bool:
    return vpc.has_internet_gateway and not vpc.gateway_host_id


def known_rules(vpc: VpcWanted, legs: Legs | None) -> Iterator[str]:
    """Return what a known connection may not do: before any passes."""
    if legs is None and _is_led_here(vpc):
        # One that another host translated is put right (`bygone`) a moment after the routes.
        yield f"{_EDGE} meta nfproto ipv4 ct state established ct status & (snat|dnat) == 0x0 drop"


def rules(vpc: VpcWanted, legs: Legs | None) -> Iterator[str]:
    """Return what becomes of what no connection is known of: before anybody may begin one."""
    if legs is not None or not _is_led_here(vpc):
        return
    if _takes_answers(vpc):
        yield f"{_LINK} {_EDGE} {IS_ANSWER} goto arrive"
    yield f"{_EDGE} ip saddr @published {_GOING_ON} reject with tcp reset"


def answers(wanted: HostWanted) -> Iterator[str]:
    """Return what matches, beyond the VPCs, an answer that `rules` let pass."""
    if wanted.mode is None:
        yield f"ip saddr {wanted.public_range} {_GOING_ON}"
