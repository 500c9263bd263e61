"""Which host calls: by its certificate, as long as it is part of the cloud.

Called by `door` for every call of an agent. A call that goes on (a held one, a line, a stream) ends
when its host is retired: what was true when it began is true no more. A host that has joined at
another front end a moment ago, or was given another certificate there, is looked for in the
database before it is refused: once for each certificate, and for new ones alone.
Not its business: how certificates come about (`joining`), and what hosts may ask.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from aiohttp import web

from mallee.cloud.hosts import standings
from mallee.cloud.hosts.doors.joining import Registry
from mallee.cloud.hosts.refusals import Refused
from mallee.cloud.hosts.standings import HostRecord
from mallee.cloud.state import records
from mallee.cloud.state.store import Store
from mallee.kit import clock, logs, pki

LOOK_AGAIN_S = 10.0
NEW_S = 60.0
"""A certificate that was made within it may be another front end's, of which this one has not heard
yet."""
_LOOKED_FOR_MAX = 1024

_log = logs.get(__name__)


class Callers:
    """The hosts that call, and their calls. Belongs to the event loop's thread."""

    def __init__(self, store: Store, registry: Registry, clock: clock.Clock) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._open: dict[str, set[asyncio.Task[object]]] = {}
        self._looked_for: dict[str, None] = {}
        """The serial numbers of certificates that the database does not know, the oldest first."""

    async def known(self, request: web.Request) -> HostRecord:
        """Return the host whose certificate the connection shows.

        Raises `Refused`, and `store.Unavailable` where that cannot be known now.
        """
        certificate = read_certificate(request, self._registry)
        try:
            return self._holder(certificate)
        except Refused:
            if not self._may_be_new(certificate):
                raise
        await self._store.catch_up()
        try:
            return self._holder(certificate)
        except Refused:
            self._looked_for[certificate.serial] = None
            for oldest in tuple(self._looked_for)[:-_LOOKED_FOR_MAX]:
                del self._looked_for[oldest]
            raise

    def _may_be_new(self, certificate: pki.Issued) -> bool:
        """Tell whether others may know a certificate by now that is not known here."""
        age_s = self._clock.now() - certificate.issued_at
        return abs(age_s) < NEW_S and certificate.serial not in self._looked_for

    def _holder(self, certificate: pki.Issued) -> HostRecord:
        """Return the host whose certificate it is, as it is known here; raise `Refused`."""
        host = self._store.view.get(records.HOST, certificate.name)
        if host is None:
            raise Refused(403, f"host {certificate.name} is not part of this cloud")
        if not standings.is_member(host):
            raise Refused(403, f"host {host.id} is retired: no part of this cloud any more")
        if certificate.serial not in (host.doc.certificate_serial, host.doc.former_serial):
            raise Refused(403, f"host {host.id} has newer certificates than this one")
        # The handshake looked at the end of its life, but a connection may outlive it.
        if certificate.ends_at < self._clock.now():
            raise Refused(403, f"the certificate of host {host.id} has expired")
        return host

    @contextmanager
    def serving(self, host_id: str) -> Generator[None]:
        """Let the running task end when the host is retired, until the end of the block."""
        task = asyncio.current_task()
        assert task is not None
        self._open.setdefault(host_id, set()).add(task)
        try:
            yield
        finally:
            self._open[host_id].discard(task)
            if not self._open[host_id]:
                del self._open[host_id]

    async def watch(self) -> None:
        """End the calls of hosts that are no part of the cloud any more; runs until cancelled."""
        while True:
            view = self._store.view
            for host_id in tuple(self._open):
                if not standings.is_member(view.get(records.HOST, host_id)):
                    _log.warning("calls of a retired host ended", host=host_id)
                    for task in self._open[host_id]:
                        task.cancel()
            await self._store.wait_changed(view.rev, LOOK_AGAIN_S)


def read_certificate(request: web.Request, registry: Registry) -> pki.Issued:
    """Return the certificate that the connection shows; raise `Refused`.

    A connection may be older than what is trusted now, and so may what its handshake went by.
    """
    connection = request.get_extra_info("ssl_object")
    shown = connection.getpeercert(binary_form=True) if connection else None
    if not shown:
        raise Refused(401, "show the client certificate that /v1/join gave")
    if not registry.authorities.issued(shown):
        raise Refused(
            403,
            "this certificate is of an authority that the cloud has given up: have the machine "
            "join anew (mallee node invite)",
        )
    return pki.read_certificate(shown)
