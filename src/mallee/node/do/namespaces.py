"""Network namespaces by name (`/run/netns/NAME`, as `ip netns` keeps them), and work inside them.

Called by `network`, `dhcp`, the metadata service and whoever starts a process inside one.
"""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def ensure(name: str) -> bool:
    """Make the namespace, with loopback up, unless it exists; tell whether it was made."""
    raise NotImplementedError


def remove(name: str) -> None:
    """Remove the namespace's name; processes and sockets inside keep the rest alive."""
    raise NotImplementedError


def names(prefix: str) -> frozenset[str]:
    """Fetch the names of existing namespaces that begin with `prefix`."""
    raise NotImplementedError


def command(name: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command line that runs `argv` inside the namespace."""
    raise NotImplementedError


def run_inside(name: str, work: Callable[[], T]) -> T:
    """Run `work` in a thread of its own that has entered the namespace; return what it returns."""
    raise NotImplementedError
