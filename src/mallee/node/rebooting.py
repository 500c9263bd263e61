"""Has a guest reboot, and waits for the moment at which its machine is reset.

At that moment it has shut down and not begun again: its disks have all that it had to write. Called
by `volumes` before a cut that asks for it. RebootInstances is the plan's business.
"""

import asyncio
import time

from mallee.node.do.guests.hypervisor import Hypervisor
from mallee.node.plan.guests.instances import PRESS_AGAIN_S

PATIENCE_S = 6.0
"""A guest that has not shut down by then is reset: who asked waits for the answer."""
_LOOK_S = 0.02


async def reboot(hypervisor: Hypervisor, uuid: str) -> None:
    """Return when an active guest's machine has been reset; at once when it is off.

    Raises `HypervisorFailed`.
    """
    found = await asyncio.to_thread(hypervisor.read, uuid)
    if found is None or not found.is_active:
        return
    began_at = pressed_at = time.monotonic()
    await asyncio.to_thread(hypervisor.reboot, uuid)
    while time.monotonic() < began_at + PATIENCE_S:
        await asyncio.sleep(_LOOK_S)
        now = await asyncio.to_thread(hypervisor.read, uuid)
        if now is None or not now.is_active or now.resets != found.resets:
            return
        if time.monotonic() > pressed_at + PRESS_AGAIN_S:
            pressed_at = time.monotonic()
            await asyncio.to_thread(hypervisor.reboot, uuid)
    await asyncio.to_thread(hypervisor.reset, uuid)
