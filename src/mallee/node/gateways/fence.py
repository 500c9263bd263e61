"""The fence: what stops a host from leading to the world when its lease has run out.

Two tables of the host's own namespace drop what goes between guests' public addresses and the
world, and answers to who asks for these by ARP, unless a set says that this host *holds* the world.
What is in the set has a time by which the kernel takes it out: a host whose agent is dead, or
stopped, ends by itself. The tables stand on hosts that can be in charge, where more than one can.
Called by `keeper`, and by `do.network` at the end of all.
"""

import math

from mallee.kit import logs, process
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout

log = logs.get(__name__)

_FAMILIES = ("inet", "arp")


def text(layout: Layout, wanted: HostWanted, held_s: float) -> str:
    """Return the text of the fence, open for so long; 0: shut."""
    return "".join((_inet(layout, wanted, held_s), _arp(layout, wanted, held_s)))


def without_arp(layout: Layout, wanted: HostWanted, held_s: float) -> str:
    """Return the same for a kernel that has no tables for ARP."""
    return _inet(layout, wanted, held_s)


def _inet(layout: Layout, wanted: HostWanted, held_s: float) -> str:
    link = f'"{layout.host_link}"'
    ranges = [("ip", wanted.public_range), ("ip6", wanted.ipv6_range)]
    rules = "".join(
        f"    iifname {link} {family} saddr {cidr} iifname != @holding drop\n"
        f"    oifname {link} {family} daddr {cidr} oifname != @holding drop\n"
        for family, cidr in ranges
        if cidr
    )
    return _table(layout, "inet", (link, "type ifname; flags timeout", held_s)) + (
        f"  chain fence {{\n    type filter hook forward priority -10; policy accept\n{rules}"
        "  }\n}\n"
    )


def _arp(layout: Layout, wanted: HostWanted, held_s: float) -> str:
    cidr = wanted.public_range
    form = "type ipv4_addr; flags interval,timeout"
    return _table(layout, "arp", (cidr, form, held_s)) + (
        "  chain fence {\n    type filter hook output priority 0; policy accept\n"
        f"    arp operation reply arp saddr ip {cidr} arp saddr ip != @holding drop\n  }}\n}}\n"
    )


def _table(layout: Layout, family: str, holding: tuple[str, str, float]) -> str:
    name, (element, form, held_s) = f"{family} {_name(layout)}", holding
    each = ", ".join(f"{one} timeout {_ms(held_s)}" for one in element.split(", "))
    held = f"    elements = {{ {each} }}\n" if held_s > 0 else ""
    return (
        f"table {name}\ndelete table {name}\ntable {name} {{\n"
        f"  set holding {{\n    {form}\n{held}  }}\n"
    )


def within(layout: Layout, held_s: float) -> str:
    """Return the text of a fence around all that a namespace forwards, and answers by ARP; open for
    so long. 0: shut; infinite: there is none."""
    name = _name(layout)
    if held_s == math.inf:
        return "".join(f"table {one} {name}\ndelete table {one} {name}\n" for one in _FAMILIES)
    inet = _table(layout, "inet", ("ipv4, ipv6", "type nf_proto; flags timeout", held_s))
    arp = _table(layout, "arp", ("reply", "type arp_op; flags timeout", held_s))
    return (
        f"{inet}  chain fence {{\n    type filter hook forward priority -10; policy accept\n"
        "    meta nfproto != @holding drop\n  }\n}\n"
        f"{arp}  chain fence {{\n    type filter hook output priority 0; policy accept\n"
        "    arp operation reply arp operation != @holding drop\n  }\n}\n"
    )


def renewal(layout: Layout, wanted: HostWanted, held_s: float, *, has_arp: bool) -> str:
    """Return what opens a fence that stands for so long from now on, or shuts it."""
    lines: list[str] = []
    for family, element in (
        ("inet", f'"{layout.host_link}"'),
        *((("arp", wanted.public_range),) if has_arp else ()),
    ):
        where = f"{family} {_name(layout)} holding"
        lines.append(f"flush set {where}")
        if held_s > 0:
            lines.append(f"add element {where} {{ {element} timeout {_ms(held_s)} }}")
    return "".join(f"{line}\n" for line in lines)


def load(lines: str) -> None:
    """Load a text in one transaction; raises `process.Failed`."""
    process.run(("nft", "-f", "-"), lines.encode())


class HostFence:
    """The fence of a host. Lives in the keeper's hands: its methods block, one at a time."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._ranges: tuple[str, str] | None = None
        """For which it was made; None: it is to be made anew, if it is to stand."""
        self._stands: bool | None = None
        """Whether there is one; None: it is not known."""
        self._has_arp = True

    def open(self, wanted: HostWanted, held_s: float) -> None:
        """Have it stand, open for so long; 0: shut. Infinite: there is none."""
        ranges = (wanted.public_range, wanted.ipv6_range)
        if held_s == math.inf:
            if self._stands is not False:
                remove(self._layout)
            self._ranges, self._stands = None, False
        elif not (self._ranges == ranges and self._is_renewed(wanted, held_s)):
            self._make(wanted, held_s)
            self._ranges, self._stands = ranges, True

    def forget(self) -> None:
        """Know nothing of what stands: something has failed."""
        self._ranges, self._stands = None, None

    def _is_renewed(self, wanted: HostWanted, held_s: float) -> bool:
        try:
            load(renewal(self._layout, wanted, held_s, has_arp=self._has_arp))
        except process.Failed:
            log.warning("the fence had been taken away; it is made anew")
            return False
        return True

    def _make(self, wanted: HostWanted, held_s: float) -> None:
        try:
            load(text(self._layout, wanted, held_s))
            self._has_arp = True
        except process.Failed:
            # A kernel without tables for ARP, or one that takes neither: then this fails too.
            load(without_arp(self._layout, wanted, held_s))
            self._has_arp = False


def remove(layout: Layout) -> None:
    """Take the fence away; nothing happens where there is none."""
    found = process.run(("nft", "list", "tables")).text.splitlines()
    for family in _FAMILIES:
        if f"table {family} {_name(layout)}" in found:
            load(f"delete table {family} {_name(layout)}\n")


def _name(layout: Layout) -> str:
    return f"mallee-{layout.tag}-world"


def _ms(seconds: float) -> str:
    return f"{max(1, int(seconds * 1000))}ms"
