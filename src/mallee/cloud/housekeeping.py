"""What nobody waits for: forgetting what has served its time.

One loop of the cloud process. A transaction forgets little at once, so that writers never wait
behind it for long. Not its business: what users made, and logs.
"""

import asyncio

from mallee.cloud import idempotency
from mallee.cloud.state import store
from mallee.kit import logs

EVERY_S = 600.0

_log = logs.get(__name__)


async def run(opened: store.Store) -> None:
    """Run until cancelled."""
    while True:
        try:
            while await opened.run(idempotency.sweep) == idempotency.SWEPT_AT_ONCE:
                pass
        except store.Unavailable as error:
            _log.error("nothing forgotten", problem=str(error))
        await asyncio.sleep(EVERY_S)
