"""What front ends may ask of each other, and machines that become one: at the agents' endpoint.

Strangers may come with a token; with the certificate that they get for it they may have the
secrets. Every step of it is in the log with who came from where. A front end shows a certificate in
its own name (`fellows`), and may then bring what is S3's.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiohttp import web

from mallee.cloud import http
from mallee.cloud.frontends import authorities, holdings, joining, keys
from mallee.cloud.hosts import flowinbox, refusals
from mallee.cloud.hosts.doors import callers, streams
from mallee.cloud.hosts.doors.joining import Registry
from mallee.cloud.state.store import Store
from mallee.cloud.trail import search, together
from mallee.kit import clock, logs, sealedto, secretbox
from mallee.model.hosts.frontends import FrontEnd, Joining, KeyAsked, KeyTold
from mallee.model.layout import Layout
from mallee.walrus import usages

MAX_BYTES = 64 << 10
MAX_FLOW_BYTES = 64 << 20

_log = logs.get(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FellowHandler = Callable[[web.Request, FrontEnd], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What answering front ends needs."""

    layout: Layout
    store: Store
    registry: Registry
    clock: clock.Clock
    streams: streams.Streams
    flow_inbox: flowinbox.Inbox
    serves_objects: Callable[[], bool]
    """Tells whether S3's objects are served here."""
    objects: Path
    """Where they are then."""


class Door:
    """The calls of front ends, and of machines that join as such."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._store = means.store

    def routes(self) -> tuple[web.RouteDef, ...]:
        """Return what is asked where."""
        return (
            web.post("/v1/frontends", self._join),
            web.get("/v1/frontends/secrets", self._secrets),
            web.get("/v1/frontends/objects", self._for_fellow(self._objects)),
            web.post("/v1/frontends/flows/{name}", self._for_fellow(self._flows)),
            web.post("/v1/frontends/trail", self._for_fellow(self._trail)),
            web.post(keys.PATH, self._for_fellow(self._key)),
            web.post(authorities.PATH, self._for_fellow(self._authority)),
            web.post(holdings.PATH, self._for_fellow(self._holdings)),
        )

    def _for_fellow(self, handle: FellowHandler) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            shown = callers.read_certificate(request, self._means.registry)
            if shown.name.startswith("fe-"):
                # It may have become one a moment ago, at another.
                await self._store.catch_up()
            now = self._means.clock.now()
            return await handle(request, joining.check_fellow(self._store.view, shown, now))

        return handler

    async def _join(self, request: web.Request) -> web.StreamResponse:
        self._check_shared()
        body = await request.clone(client_max_size=MAX_BYTES).read()
        asked = msgspec.json.decode(body, type=Joining)
        registry = self._means.registry
        joined = await self._store.run(lambda tx: joining.join(tx, registry, asked))
        _log.warning("front end joined", id=joined.id, name=asked.name, peer=request.remote)
        return web.json_response(body=msgspec.json.encode(joined))

    async def _secrets(self, request: web.Request) -> web.StreamResponse:
        shown = callers.read_certificate(request, self._means.registry)
        await self._store.catch_up()
        who = joining.check_caller(self._store.view, shown, self._means.clock.now())
        secrets = await asyncio.to_thread(joining.read_secrets, self._means.layout)
        _log.warning("secrets given to a front end", id=who.id, peer=request.remote)
        return web.json_response(body=msgspec.json.encode(secrets))

    async def _objects(self, request: web.Request, who: FrontEnd) -> web.StreamResponse:
        """Take a connection of a client of the other's to S3."""
        self._check_serves(who)
        sender = msgspec.json.decode(request.query.get("sender", ""), type=http.Sender)
        return await self._means.streams.pass_on(request, sender)

    async def _flows(self, request: web.Request, who: FrontEnd) -> web.StreamResponse:
        """Take lines of flow logs that a host has brought to the other."""
        self._check_serves(who)
        lines = await request.clone(client_max_size=MAX_FLOW_BYTES).read()
        host_id, parcel = flowinbox.parse_brought(request.match_info["name"])
        await asyncio.to_thread(self._means.flow_inbox.keep, host_id, parcel, lines)
        return web.Response(status=204)

    async def _trail(self, request: web.Request, who: FrontEnd) -> web.StreamResponse:
        """Tell what this front end's trail has, to one that looks at all of them."""
        asked = msgspec.json.decode(await request.read(), type=together.Asked)
        try:
            piece = await asyncio.to_thread(together.answer, self._means.layout.trail, asked)
        except search.BadPosition as error:
            raise refusals.Refused(400, "this is no position in this trail") from error
        return web.json_response(body=msgspec.json.encode(piece))

    async def _key(self, request: web.Request, who: FrontEnd) -> web.StreamResponse:
        """Give a master key to a front end that has not got it yet."""
        asked = msgspec.json.decode(await request.read(), type=KeyAsked)
        path = self._means.layout.master_key
        key = await asyncio.to_thread(secretbox.read_key, path, asked.key_id)
        _log.warning("master key given", key=asked.key_id, id=who.id, peer=request.remote)
        return _sealed(who, asked, key)

    async def _authority(self, request: web.Request, who: FrontEnd) -> web.StreamResponse:
        """Give a new authority to a front end that has not got it yet."""
        asked = msgspec.json.decode(await request.read(), type=KeyAsked)
        text = self._means.registry.authorities.text_of(asked.key_id)
        _log.warning("authority given", authority=asked.key_id, id=who.id, peer=request.remote)
        return _sealed(who, asked, text)

    async def _holdings(self, request: web.Request, who: FrontEnd) -> web.StreamResponse:
        """Tell what buckets hold."""
        self._check_serves(who)
        held = await asyncio.to_thread(usages.read, self._means.objects)
        return web.json_response(body=msgspec.json.encode(held))

    def _check_serves(self, who: FrontEnd) -> None:
        # What is not here is not brought on either: two that take each other for it would go on.
        if not self._means.serves_objects():
            raise refusals.Refused(503, f"S3's objects are not here, {who.name}")

    def _check_shared(self) -> None:
        if not self._store.is_shared:
            raise refusals.Refused(
                409,
                "this cloud's memory is a file of its machine; several front ends need PostgreSQL",
            )


def _sealed(who: FrontEnd, asked: KeyAsked, key: bytes | None) -> web.Response:
    """Answer with a key that only that front end can open, whoever shows its certificate."""
    if key is None:
        raise refusals.Refused(404, "this front end has no such key")
    if not who.public_key:
        raise refusals.Refused(409, f"{who.name} has not said its own key: start it again")
    told = KeyTold(sealed=sealedto.seal(who.public_key, key, asked.key_id))
    return web.json_response(body=msgspec.json.encode(told))
