"""Has a running QEMU wait for the block server when that is being restarted, with no error seen.

Called by `libvirt` and `livedisks` with a domain of their connection, wherever a volume comes to a
guest; its errors are libvirt's own. QEMU can wait so, and libvirt 9.0 cannot tell it to: so the
connection that libvirt made is exchanged, by QEMU's own protocol, for one that waits, below a node
that libvirt goes on to know. Nothing is read before that. Twice is once.
"""

from typing import Any

from mallee.kit import logs
from mallee.node.do.guests import monitor
from mallee.node.plan.guests import disks
from mallee.node.plan.guests.disks import Served

WAIT_S = 60
_PREFIX = "patient-"

log = logs.get(__name__)


def have(domain: Any) -> None:
    """Have all that a domain reads from block servers be waited for."""
    served = disks.decode_served(domain.XMLDesc())
    if not served:
        return
    try:
        there = monitor.nodes(domain)
        _forget_unused(domain, there)
        for one in served:
            name = f"{_PREFIX}{one.node}"
            if name not in there:
                _exchange(domain, one, name)
    except monitor.QemuRefused as error:
        # A volume that errors while its server is being restarted is better than none.
        log.warning("QEMU will not wait", domain=domain.name(), error=str(error))


def _exchange(domain: Any, one: Served, name: str) -> None:
    server = {"type": "unix", "path": one.socket}
    wanted = {"driver": "nbd", "node-name": name, "read-only": True, "export": one.name}
    monitor.ask(domain, "blockdev-add", server=server, **wanted, **{"reconnect-delay": WAIT_S})
    node = {"driver": "raw", "node-name": one.node, "read-only": True, "file": name}
    monitor.ask(domain, "blockdev-reopen", options=[node])


def _forget_unused(domain: Any, there: frozenset[str]) -> None:
    """Close connections below nodes that are gone: of volumes that were filled, or let go."""
    for name in there:
        if name.startswith(_PREFIX) and name.removeprefix(_PREFIX) not in there:
            monitor.ask(domain, "blockdev-del", **{"node-name": name})
