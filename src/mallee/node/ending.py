"""Ends the agent's process when it is told to, in order, and within seconds in any case.

A step under way in a thread (a call to libvirt, a program) cannot be broken off. Nor need it
be waited for: every step may be done twice, and the ledger says where to go on.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Coroutine

from mallee.kit import logs

END_WITHIN_S = 4.0

log = logs.get(__name__)


async def run_until_told(work: Coroutine[None, None, None]) -> None:
    """Do the work until SIGTERM or SIGINT; when the work fails, log why and raise it."""
    loop = asyncio.get_running_loop()
    running = loop.create_task(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, running)
    await asyncio.wait((running,))
    error = None if running.cancelled() else running.exception()
    if error is None:
        log.info("told to end")
    else:
        log.error("ended by a fault", exc_info=error)
        _end(running)
        raise error


def _end(running: asyncio.Task[None]) -> None:
    running.cancel()
    last_resort = threading.Timer(END_WITHIN_S, os._exit, (1,))
    last_resort.daemon = True
    last_resort.start()
