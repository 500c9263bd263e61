"""Looks at and changes links, addresses, routes and switches of the namespace that the calling
thread is in (`namespaces.run_inside`).

Called by `network`. What is to stand is decided by `plan/network`, the difference by `plan/links`.
"""

from collections.abc import Mapping
from pathlib import Path

from mallee.kit import process
from mallee.node.plan import links

_SWITCHES = Path("/proc/sys")


def fetch() -> links.Seen:
    """Look at the namespace's devices, IPv4 addresses and routes."""
    found = process.run(("ip", "-json", "-batch", "-"), links.LOOK.encode())
    return links.parse_seen(found.text)


def apply(wanted: links.Wiring, seen: links.Seen) -> bool:
    """Make the wiring stand; tell whether anything was missing."""
    lines = links.plan_batch(wanted, seen)
    apply_batch(lines)
    return bool(lines)


def apply_batch(lines: tuple[str, ...]) -> None:
    """Run lines of `ip -batch`, in one process; none: nothing is run."""
    if lines:
        process.run(("ip", "-batch", "-"), "".join(f"{line}\n" for line in lines).encode())


def apply_switches(wanted: Mapping[str, str]) -> bool:
    """Set switches (paths below `/proc/sys`); tell whether any had another value.

    Those of an IPv6 that the kernel does not have need no setting.
    """
    changed = False
    for name, value in wanted.items():
        path = _SWITCHES / name
        if name.startswith("net/ipv6/") and not path.exists():
            continue
        if path.read_text().strip() != value:
            path.write_text(value)
            changed = True
    return changed


def read_switch(name: str) -> str | None:
    """Return a switch's value, None when there is none (its device is gone)."""
    try:
        return (_SWITCHES / name).read_text().strip()
    except FileNotFoundError:
        return None
