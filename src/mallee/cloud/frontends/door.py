"""What a machine that becomes a front end may ask of one that is: at the agents' endpoint.

Strangers may come with a token; with the certificate that they get for it they may have the
secrets. Every step of it is in the log with who came from where.
"""

import asyncio

import msgspec
from aiohttp import web

from mallee.cloud.frontends import joining
from mallee.cloud.hosts import callers
from mallee.cloud.hosts.joining import Registry
from mallee.cloud.state.store import Store
from mallee.kit import clock, logs
from mallee.model.frontends import Joining
from mallee.model.layout import Layout

MAX_BYTES = 64 << 10

_log = logs.get(__name__)


class Door:
    """The calls of machines that join as front ends."""

    def __init__(
        self, layout: Layout, store: Store, registry: Registry, clock: clock.Clock
    ) -> None:
        self._layout = layout
        self._store = store
        self._registry = registry
        self._clock = clock

    def routes(self) -> tuple[web.RouteDef, ...]:
        """Return what is asked where."""
        return (
            web.post("/v1/frontends", self._join),
            web.get("/v1/frontends/secrets", self._secrets),
        )

    async def _join(self, request: web.Request) -> web.StreamResponse:
        self._check_shared()
        body = await request.clone(client_max_size=MAX_BYTES).read()
        asked = msgspec.json.decode(body, type=Joining)
        joined = await self._store.run(lambda tx: joining.join(tx, self._registry, asked))
        _log.warning("front end joined", id=joined.id, name=asked.name, peer=request.remote)
        return web.json_response(body=msgspec.json.encode(joined))

    async def _secrets(self, request: web.Request) -> web.StreamResponse:
        shown = callers.read_certificate(request)
        await self._store.catch_up()
        who = joining.check_caller(self._store.view, shown, self._clock.now())
        secrets = await asyncio.to_thread(joining.read_secrets, self._layout)
        _log.warning("secrets given to a front end", id=who.id, peer=request.remote)
        return web.json_response(body=msgspec.json.encode(secrets))

    def _check_shared(self) -> None:
        if not self._store.is_shared:
            raise joining.Refused(
                409,
                "this cloud's memory is a file of its machine; several front ends need PostgreSQL",
            )
