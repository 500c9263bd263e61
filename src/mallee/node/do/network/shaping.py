"""Looks at and changes how fast devices of the namespace may send, where the calling thread is.

Called by `standing`; which rates there are is `plan/shaping`'s.
"""

from mallee.kit import process
from mallee.node.plan.network import shaping


def fetch() -> shaping.Shaping:
    """Look at the namespace's buckets."""
    return shaping.parse_seen(process.run(("tc", "-json", "qdisc", "show")).text)


def apply(wanted: shaping.Shaping, asides: dict[str, str]) -> None:
    """Make the buckets what is wanted; done twice, the second changes nothing."""
    lines = shaping.plan_batch(wanted, fetch(), asides)
    if lines:
        process.run(("tc", "-batch", "-"), "".join(f"{line}\n" for line in lines).encode())
