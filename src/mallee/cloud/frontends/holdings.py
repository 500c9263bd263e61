"""What buckets hold, at every front end: read from the objects' index, or asked of who has it.

A front end without the objects keeps a copy, some seconds old: whoever only looks must not wait for
another machine. While the other is away the copy stays as it was.
Called by the daemon, for the administration. Not its business: limits, which S3 enforces.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from mallee.cloud.frontends import fellows
from mallee.cloud.frontends.fellows import Fellows
from mallee.kit import logs
from mallee.walrus import usages
from mallee.walrus.records import Usage

PATH = "/v1/frontends/holdings"
EVERY_S = 5.0

_log = logs.get(__name__)
_decoder = msgspec.json.Decoder(dict[int, Usage])


class Holdings:
    """What buckets hold, by their number. Belongs to the event loop's thread."""

    def __init__(self, objects: Path, is_here: Callable[[], bool], others: Fellows) -> None:
        """`is_here` tells whether the objects are served here; `others`: who is asked else."""
        self._objects = objects
        self._is_here = is_here
        self._others = others
        self._copied: Mapping[int, Usage] = {}

    def read(self) -> Mapping[int, Usage]:
        """Return what each bucket holds; one that never held anything is not there."""
        return usages.read(self._objects) if self._is_here() else self._copied

    async def keep(self) -> None:
        """Keep the copy young, until cancelled."""
        while True:
            if not self._is_here():
                await self._copy(self._others)
            await asyncio.sleep(EVERY_S)

    async def _copy(self, others: Fellows) -> None:
        whom = others.server()
        if whom is None:
            return
        try:
            self._copied = _decoder.decode(await asyncio.to_thread(others.ask, whom, PATH))
        except (fellows.Away, fellows.Refused, msgspec.DecodeError) as error:
            _log.warning("what buckets hold is not known anew", why=str(error))
