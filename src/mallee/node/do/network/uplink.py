"""The host's side of guests' way to the world: its name servers, and forwarding on its uplinks.

Forwarding is switched on per device, for the uplinks and our link only, never for the host as a
whole. Which devices were switched is written down first, so that `restore` undoes exactly that.
Called by `network`, in the host's own namespace.
"""

import ipaddress
from pathlib import Path

from mallee.kit import files
from mallee.model.layout import Layout
from mallee.node.do.network import links

_RESOLVER_FILES = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))
"""The first one that exists counts: systemd-resolved names its own upstreams in its own file."""


def fetch_resolvers() -> tuple[str, ...]:
    """Read the host's name servers that a namespace can reach: IPv4 and not on loopback."""
    for path in _RESOLVER_FILES:
        try:
            text = path.read_text(errors="replace")
        except FileNotFoundError:
            continue
        words = [line.split() for line in text.splitlines() if line.startswith("nameserver")]
        return tuple(sorted({one[1] for one in words if len(one) > 1 and _is_reachable(one[1])}))
    return ()


def _is_reachable(text: str) -> bool:
    try:
        return not ipaddress.IPv4Address(text).is_loopback
    except ValueError:
        return False


def is_router() -> bool:
    """Tell whether the host forwards between all its devices, by its owner's own choice."""
    return links.read_switch("net/ipv4/ip_forward") == "1"


def only_we_forward(layout: Layout, uplinks: tuple[str, ...]) -> bool:
    """Tell whether nobody but us wants the host to forward what comes by its uplinks."""
    opened: list[str] = files.read_json(_memory(layout)) or []
    others = [name for name in uplinks if name not in opened]
    return not is_router() and all(links.read_switch(_switch(name)) != "1" for name in others)


def open_forwarding(layout: Layout, uplinks: tuple[str, ...]) -> None:
    """Switch forwarding on for the uplinks and our link, where it is off."""
    closed = [name for name in uplinks if links.read_switch(_switch(name)) == "0"]
    if closed:
        opened: list[str] = files.read_json(_memory(layout)) or []
        _memory(layout).parent.mkdir(parents=True, exist_ok=True)
        files.write_json(_memory(layout), sorted({*opened, *closed}))
    links.apply_switches({_switch(name): "1" for name in (*closed, layout.host_link)})


def may_forward6() -> bool:
    """Tell whether guests' IPv6 can pass the host without making it another kind of machine.

    A host that forwards IPv6 on all devices listens to no router any more; so it is a router by its
    owner's choice, or its kernel can forward by device.
    """
    return is_router6() or links.read_switch(_switch6("lo")) is not None


def is_router6() -> bool:
    """Tell whether the host forwards IPv6 between all its devices, by its owner's own choice."""
    return links.read_switch("net/ipv6/conf/all/forwarding") == "1"


def only_we_forward6() -> bool:
    """Tell whether nobody but us wants the host to forward IPv6."""
    return not is_router6()


def open_forwarding6(layout: Layout, uplinks: tuple[str, ...]) -> None:
    """Switch forwarding of IPv6 on for the uplinks and our link, where it is off."""
    if is_router6():
        return
    closed = [name for name in uplinks if links.read_switch(_switch6(name)) == "0"]
    if closed:
        opened: list[str] = files.read_json(_memory6(layout)) or []
        _memory6(layout).parent.mkdir(parents=True, exist_ok=True)
        files.write_json(_memory6(layout), sorted({*opened, *closed}))
    links.apply_switches({_switch6(name): "1" for name in (*closed, layout.host_link)})


def restore(layout: Layout) -> None:
    """Switch forwarding off where we had switched it on, unless the host is a router by now."""
    opened: list[str] = files.read_json(_memory(layout)) or []
    if not is_router():
        present = [name for name in opened if links.read_switch(_switch(name)) == "1"]
        links.apply_switches({_switch(name): "0" for name in present})
    _memory(layout).unlink(missing_ok=True)
    opened6: list[str] = files.read_json(_memory6(layout)) or []
    still = [name for name in opened6 if links.read_switch(_switch6(name)) == "1"]
    links.apply_switches({_switch6(name): "0" for name in still})
    _memory6(layout).unlink(missing_ok=True)


def _memory6(layout: Layout) -> Path:
    return layout.node / "forwarding6.json"


def _switch6(device: str) -> str:
    return f"net/ipv6/conf/{device}/force_forwarding"


def _memory(layout: Layout) -> Path:
    return layout.node / "forwarding.json"


def _switch(device: str) -> str:
    return f"net/ipv4/conf/{device}/forwarding"
