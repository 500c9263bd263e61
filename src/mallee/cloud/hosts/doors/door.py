"""What the agents of hosts may ask: the second socket, HTTPS with mutual TLS.

An agent joins with a token and receives a certificate; from then on the certificate says which
host calls, and a host is told of itself only: its slice of the cloud, questions about its
instances, the blobs they need. One call, `/v1/sync`, brings what the agent sees and is held until
there is something newer to want. aiohttp is known here and in `server`.
Not its business: what a slice holds (`slices`), how hosts join (`joining`), what becomes of reports
(`hearing`).
"""

import asyncio
import functools
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
from aiohttp import web

from mallee.cloud import server
from mallee.cloud.frontends import door as frontends
from mallee.cloud.gateways import leases
from mallee.cloud.hosts import flowinbox, hearing, refusals
from mallee.cloud.hosts.doors import asks, callers, guests, held, joining, lines, streams
from mallee.cloud.hosts.moves import passes, transferring, volumekeys
from mallee.cloud.hosts.slices import slices
from mallee.cloud.state import records, store
from mallee.cloud.state.records import HostSeen, Record
from mallee.kit import clock as clocks
from mallee.kit import logs
from mallee.model.compute.guestrequests import GuestRequest, Whence
from mallee.model.hosts.hosts import (
    CredentialsRequest,
    Host,
    SyncRequest,
)
from mallee.model.layout import Layout
from mallee.model.network.gateways import LeaseAsked, LeaseTold
from mallee.model.storage.passes import PassRequest
from mallee.model.storage.transfers import KeyAsked, TransferSeen

SENT_AT_ONCE = 16
"""So many hosts are told all of their slices at once: after a start a thousand come together, and
what waits to be sent to all of them would be a GiB."""
SENT_WITHIN_S = 30.0
MAX_BODY_BYTES = 16 << 20
MAX_JOIN_BYTES = 64 << 10
MAX_WORDS_BYTES = 4 << 10
_SHA256 = re.compile(r"[0-9a-f]{64}")

_log = logs.get(__name__)

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HostHandler = Callable[[web.Request, Record[Host, HostSeen]], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """What answering agents needs."""

    layout: Layout
    store: store.Store
    slices: slices.Slices
    asks: asks.Asks
    hearing: hearing.Hearing
    registry: joining.Registry
    guests: guests.Guests
    passes: passes.Passes
    transfers: transferring.Transfers
    volume_keys: volumekeys.VolumeKeys
    streams: streams.Streams
    lines: lines.Lines
    objects: Path
    """Where S3's objects are, if they are served here."""
    serves_objects: Callable[[], bool] = lambda: True
    """Tells whether they are."""
    clock: clocks.Clock = clocks.SYSTEM


class Endpoint:
    """The agents' socket."""

    def __init__(self, cloud: Cloud, tls: ssl.SSLContext) -> None:
        self._cloud = cloud
        self._tls = tls
        self._callers = callers.Callers(cloud.store, cloud.registry, cloud.clock)
        self._calls = held.Calls(cloud.store, cloud.slices, cloud.asks)
        self._flow_inbox = flowinbox.Inbox(cloud.layout.flow_inbox)
        self._sending_whole = asyncio.Semaphore(SENT_AT_ONCE)
        application = web.Application(middlewares=[_explain], client_max_size=MAX_BODY_BYTES)
        front_ends = frontends.Door(_for_front_ends(cloud, self._flow_inbox))
        application.add_routes(front_ends.routes())
        application.add_routes(
            [
                web.get("/v1/authority", self._authority),
                web.post("/v1/join", self._join),
                web.post("/v1/renew", self._for_host(self._renew)),
                web.post("/v1/sync", self._for_host(self._sync)),
                web.post("/v1/asks", self._for_host(self._ask)),
                web.post("/v1/gateway", self._for_host(self._lease)),
                web.post("/v1/answers/{id}", self._for_host(self._answer)),
                web.post("/v1/refusals/{id}", self._for_host(self._refusal)),
                web.post("/v1/credentials", self._for_host(self._credentials)),
                web.post("/v1/passes", self._for_host(self._pass)),
                web.post("/v1/transfers/{id}/pass", self._for_host(self._transfer_pass)),
                web.post("/v1/transfers/{id}/seen", self._for_host(self._transfer_seen)),
                web.post("/v1/transfers/{id}/key", self._for_host(self._transfer_key)),
                web.put("/v1/transfers/{id}/files/{sha256}", self._for_host(self._transfer_file)),
                web.post("/v1/volumekeys/{id}", self._for_host(self._volume_key)),
                web.post("/v1/flowlogs/{name}", self._for_host(self._flows)),
                web.post("/v1/requests", self._for_host(self._request)),
                web.get("/v1/streams", self._for_host(self._stream)),
                web.get("/v1/lines/{id}", self._for_host(self._line)),
                web.get("/v1/blobs/{sha256}", self._for_host(self._blob)),
            ]
        )
        # A held call whose agent has gone is ended at once, so that it takes no question along.
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=server.complaints(),
            max_field_size=server.MAX_FIELD_BYTES,
            max_headers=server.MAX_HEADERS,
            handler_cancellation=True,
            shutdown_timeout=1.0,
        )

    async def listen(self, host: str, port: int) -> int:
        """Listen on the address; return the port. Raises `server.CannotListen`."""
        return await server.listen(self._runner, (host, port), self._tls)

    async def watch(self) -> None:
        """Let calls go, or end, when a change concerns their hosts; runs until cancelled."""
        await asyncio.gather(self._calls.watch(), self._callers.watch())

    async def close(self) -> None:
        """Stop listening and let held calls go; their agents call again."""
        self._calls.close()
        await self._runner.cleanup()

    def _for_host(self, handle: HostHandler) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            host = await self._callers.known(request)
            with self._callers.serving(host.id):
                shown = callers.read_certificate(request, self._cloud.registry).serial
                if host.doc.former_serial and shown != host.doc.former_serial:
                    # It has its newest certificate: whoever shows the former is somebody else.
                    forget = functools.partial(joining.forget_former, host_id=host.id, serial=shown)
                    await self._cloud.store.run(forget)
                return await handle(request, host)

        return handler

    async def _authority(self, request: web.Request) -> web.StreamResponse:
        """Tell anybody whose certificates are this cloud's: an invitation has its fingerprint."""
        return web.Response(text=self._cloud.registry.authorities.bundle_pem)

    async def _join(self, request: web.Request) -> web.StreamResponse:
        # Strangers may come here: they are not read for as long as agents are.
        small = request.clone(client_max_size=MAX_JOIN_BYTES)
        asked = await _decode(small, joining.JoinRequest)
        registry = self._cloud.registry
        certified = await self._cloud.store.run(lambda tx: joining.join(tx, registry, asked))
        _log.info("host joined", host=certified.host_id, name=asked.name, peer=request.remote)
        return _json(certified)

    async def _renew(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        asked = await _decode(request, joining.RenewRequest)
        registry = self._cloud.registry
        return _json(
            await self._cloud.store.run(lambda tx: joining.renew(tx, registry, host.id, asked))
        )

    async def _sync(self, request: web.Request, host: Record[Host, HostSeen]) -> web.StreamResponse:
        report = await _decode(request, SyncRequest)
        await self._cloud.hearing.observe(host, report)
        answer = await self._calls.answer(host.id, report)
        if answer.wanted is None or answer.kept is not None:
            return _json(answer)
        async with self._sending_whole:
            return await _sent(request, msgspec.json.encode(answer))

    async def _ask(self, request: web.Request, host: Record[Host, HostSeen]) -> web.StreamResponse:
        self._cloud.hearing.note(host.id)
        return _json(await self._calls.asks(host.id))

    async def _lease(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        """Tell the host in charge whether it may go on leading to the world."""
        asked, heard = await _decode(request, LeaseAsked), self._cloud.hearing
        # From now on it counts as heard, so that its lease ends before it is silent.
        heard.note(host.id)
        if why := heard.why_no_promise():
            raise refusals.Refused(503, why)
        granted = await self._cloud.store.run(lambda tx: leases.ask(tx, host.id, heard.own, asked))
        return _json(LeaseTold(granted and heard.may_promise()))

    async def _answer(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        answer = await request.read()
        if not self._cloud.asks.answer(host.id, request.match_info["id"], answer):
            raise refusals.Refused(404, "nobody waits for this answer (any more)")
        return web.Response(status=204)

    async def _refusal(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        words = await request.clone(client_max_size=MAX_WORDS_BYTES).read()
        if not self._cloud.asks.refuse(host.id, request.match_info["id"], asks.read_words(words)):
            raise refusals.Refused(404, "nobody waits for this answer (any more)")
        return web.Response(status=204)

    async def _credentials(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        asked = await _decode(request, CredentialsRequest)
        return _json(self._cloud.guests.credentials(host.id, asked))

    async def _pass(self, request: web.Request, host: Record[Host, HostSeen]) -> web.StreamResponse:
        return _json(await self._cloud.passes.give(host.id, await _decode(request, PassRequest)))

    async def _transfer_key(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        asked = await _decode(request, KeyAsked)
        carried, id = self._cloud.transfers, request.match_info["id"]
        return _json(await carried.unlock(host.id, id, asked))

    async def _transfer_file(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        carried, id = self._cloud.transfers, request.match_info["id"]
        carried.check_bundle(host.id, id)
        # It is as long as an image is: it goes to the disk as it comes.
        body = request.clone(client_max_size=0).content.iter_chunked(1 << 20)
        await carried.files.keep(id, request.match_info["sha256"], body)
        return web.Response(status=204)

    async def _volume_key(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        return _json(self._cloud.volume_keys.open(host.id, request.match_info["id"]))

    async def _transfer_pass(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        return _json(self._cloud.transfers.give(host.id, request.match_info["id"]))

    async def _transfer_seen(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        seen = await _decode(request, TransferSeen)
        await self._cloud.transfers.hear(host.id, request.match_info["id"], seen)
        return web.Response(status=204)

    async def _flows(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        inbox, wanted = self._flow_inbox, self._calls.wanted(host.id)
        parcel = inbox.check(wanted, host.id, request.match_info["name"], self._cloud.clock.now())
        await asyncio.to_thread(inbox.keep, host.id, parcel, await request.read())
        return web.Response(status=204)

    async def _request(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        small = request.clone(client_max_size=guests.MAX_BYTES)
        asked = await _decode(small, GuestRequest)
        return _json(await self._cloud.guests.answer(host.id, asked))

    async def _stream(
        self, request: web.Request, host: Record[Host, HostSeen]
    ) -> web.StreamResponse:
        whence = msgspec.convert(dict(request.query), Whence)
        return await self._cloud.streams.carry(request, host.id, whence)

    async def _line(self, request: web.Request, host: Record[Host, HostSeen]) -> web.StreamResponse:
        return await self._cloud.lines.bring(request, host.id, request.match_info["id"])

    async def _blob(self, request: web.Request, host: Record[Host, HostSeen]) -> web.StreamResponse:
        sha256 = request.match_info["sha256"]
        path = self._cloud.layout.blobs / sha256
        if not _SHA256.fullmatch(sha256) or not self._may_fetch(host.id, sha256):
            raise refusals.Refused(403, f"no image of host {host.id} has the blob {sha256[:64]}")
        if not path.is_file():
            raise refusals.Refused(404, f"the blob {sha256} is not there; register its image anew")
        return web.FileResponse(path, chunk_size=1 << 20)

    def _may_fetch(self, host_id: str, sha256: str) -> bool:
        """Tell whether the blob belongs to an instance of the host, or to a public image."""
        wanted = self._calls.wanted(host_id)
        for instance in wanted.instances:
            boot = instance.boot
            blobs = (instance.disk, boot.kernel if boot else None, boot.ramdisk if boot else None)
            if any(blob is not None and blob.sha256 == sha256 for blob in blobs):
                return True
        going_out = (one.out for one in wanted.transfers if one.out is not None)
        if any(out.blob is not None and out.blob.sha256 == sha256 for out in going_out):
            return True
        if any(one.blob is not None and one.blob.sha256 == sha256 for one in wanted.volumes):
            return True
        return any(
            image.doc.blob is not None and image.doc.blob.sha256 == sha256
            for image in self._cloud.store.view.list(records.IMAGE)
            if image.doc.is_public
        )


def _for_front_ends(cloud: Cloud, flow_inbox: flowinbox.Inbox) -> frontends.Means:
    return frontends.Means(
        layout=cloud.layout,
        store=cloud.store,
        registry=cloud.registry,
        clock=cloud.clock,
        streams=cloud.streams,
        flow_inbox=flow_inbox,
        serves_objects=cloud.serves_objects,
        objects=cloud.objects,
    )


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what goes wrong as `{"error": sentence}`."""
    try:
        return await handler(request)
    except refusals.Refused as error:
        _log.warning("agent refused", path=request.path, peer=request.remote, why=str(error))
        return _json({"error": str(error)}, error.status)
    except web.HTTPRequestEntityTooLarge as error:
        return _json({"error": error.text or error.reason}, error.status)
    except msgspec.DecodeError as error:
        return _json({"error": f"the request cannot be read: {error}"}, 400)
    except store.Unavailable as error:
        return _json({"error": str(error)}, 503)


async def _decode(request: web.BaseRequest, type: type[T]) -> T:
    return msgspec.json.decode(await request.read(), type=type)


async def _sent(request: web.Request, body: bytes) -> web.StreamResponse:
    """Send an answer, and return it when the agent has it: whoever does not take it is left."""
    response = web.StreamResponse()
    response.content_type, response.content_length = "application/json", len(body)
    async with asyncio.timeout(SENT_WITHIN_S):
        await response.prepare(request)
        await response.write(body)
        await response.write_eof()
    return response


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json"
    )
