"""libvirt's event loop: one per process, in a thread of its own, before the first connection.

Called by `connections` alone.
"""
# libvirt's Python module is generated and carries no types.
# pyright: reportUnknownMemberType=false, reportMissingImports=false
# pyright: reportAttributeAccessIssue=false, reportMissingTypeStubs=false

import threading
from typing import Any

import libvirt

_lock = threading.Lock()
_thread: threading.Thread | None = None


def start() -> None:
    """Start the loop unless it runs."""
    global _thread
    with _lock:
        if _thread is not None:
            return
        # Errors are raised; libvirt need not print them too.
        libvirt.registerErrorHandler(_ignore_error, None)
        libvirt.virEventRegisterDefaultImpl()
        _thread = threading.Thread(target=_run, name="libvirt events", daemon=True)
        _thread.start()


def _run() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


def _ignore_error(_: Any, __: Any) -> None:
    """Every error is raised by the call that met it."""
