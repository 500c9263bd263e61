"""What guests may have of the cloud, brought by their hosts: credentials, and the API itself.

A guest reaches no socket of the cloud. Its host knows by the tap which instance speaks, and says so
under its own certificate; here it is checked that the host carries that instance. From then on
the request is like any other: its signature must hold, and policies know the VPC that it came from
(`aws:SourceVpc`, `aws:VpcSourceIp`) in place of an address of the world.
Called by `hosts`. Not its business: what becomes of the request (`pipeline`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

from mallee.cloud import http
from mallee.cloud.hosts import refusals
from mallee.cloud.identity import rolecredentials
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import clock, secretbox
from mallee.model.compute.guestrequests import GuestRequest, GuestResponse, Whence
from mallee.model.compute.instances import Instance, InstanceSeen
from mallee.model.hosts.hosts import CredentialsAnswer, CredentialsRequest, RoleCredentials
from mallee.model.network.endpoints import Endpoint
from mallee.model.network.networks import Interface

MAX_BYTES = 1 << 20
"""Of a guest's request as its host brings it."""
MAX_INSTANCES = 1000
"""How many instances a host may ask about at once."""
MAX_IN_FLIGHT = 64
"""Requests of one host's guests that may be under way at once."""

Answer = Callable[[http.Request], Coroutine[Any, Any, http.Response]]


@dataclass(slots=True)
class Guests:
    """Answers hosts on behalf of their guests."""

    view: store.View
    box: secretbox.SecretBox
    tell: rolecredentials.Tell
    """Writes into the trail."""
    api: Answer | None = None
    """What answers requests to the API; None while the cloud is starting."""
    now: Callable[[], float] = clock.SYSTEM.now
    _in_flight: dict[str, int] = field(default_factory=dict[str, int])

    def credentials(self, host_id: str, asked: CredentialsRequest) -> CredentialsAnswer:
        """Return fresh credentials of those instances that the host carries."""
        if len(asked.instance_ids) > MAX_INSTANCES:
            raise refusals.Refused(400, f"ask about at most {MAX_INSTANCES} instances at once")
        means = rolecredentials.Means(self.view, self.box, self.tell)
        found: dict[str, RoleCredentials] = {}
        for id in asked.instance_ids:
            instance = carried(self.view, host_id, id)
            if instance is None:
                continue
            made = rolecredentials.issue(means, instance, self.now())
            if made is not None:
                found[id] = made
        return CredentialsAnswer(found)

    async def answer(self, host_id: str, asked: GuestRequest) -> GuestResponse:
        """Return what the API answers a guest; raise `Refused` when the host has no such guest."""
        guest = known(self.view, host_id, asked.whence)
        under_way = self._in_flight.get(host_id, 0)
        if self.api is None or under_way >= MAX_IN_FLIGHT:
            raise refusals.Refused(503, "the API takes no more requests of this host's guests now")
        self._in_flight[host_id] = under_way + 1
        answering = asyncio.ensure_future(self.api(_request(guest, asked)))
        answering.add_done_callback(lambda _: self._leave(host_id))
        # A host that hangs up ends its waiting, not the request: what was asked for is done, and is
        # in the trail.
        answer = await asyncio.shield(answering)
        return GuestResponse(
            status=answer.status,
            content_type=answer.content_type,
            headers=dict(answer.headers),
            body=answer.body,
        )

    def _leave(self, host_id: str) -> None:
        self._in_flight[host_id] -= 1
        if not self._in_flight[host_id]:
            del self._in_flight[host_id]


def _request(guest: http.Guest, asked: GuestRequest) -> http.Request:
    return http.Request(
        method=asked.method,
        path=asked.path,
        query=asked.query,
        headers=asked.headers,
        body=asked.body,
        peer=guest.instance_id or asked.whence.name,
        guest=guest,
    )


def known(view: store.View, host_id: str, whence: Whence) -> http.Guest:
    """Return what policies know of who asks; raise `Refused` when that host has no such guest, or
    no such endpoint."""
    endpoint = _endpoint(view, whence.endpoint_id) if whence.endpoint_id else None
    if not whence.instance_id:
        if endpoint is None or not _carries(view, host_id, endpoint.doc.vpc_id):
            raise refusals.Refused(403, f"host {host_id} serves no {whence.endpoint_id[:32]}")
        return _through(view, endpoint, whence.source_ip)
    instance = carried(view, host_id, whence.instance_id)
    if instance is None:
        raise refusals.Refused(403, f"host {host_id} carries no {whence.instance_id[:32]}")
    guest = named(view, instance)
    is_its = endpoint is not None and endpoint.doc.vpc_id == guest.vpc_id
    # A gateway endpoint that is gone by now is no way any more.
    if whence.endpoint_id and not is_its:
        raise refusals.Refused(403, f"no endpoint {whence.endpoint_id[:32]} leads there")
    return replace(guest, endpoint_id=whence.endpoint_id)


def _endpoint(view: store.View, id: str) -> Record[Endpoint, None] | None:
    return view.get(records.ENDPOINT, id)


def _carries(view: store.View, host_id: str, vpc_id: str) -> bool:
    """Tell whether a host has a part of a VPC: then it serves the VPC's endpoints."""
    found = (one.doc.instance_id for one in view.by(records.INTERFACE, "vpc", vpc_id))
    return any(id is not None and carried(view, host_id, id) is not None for id in found)


def _through(view: store.View, endpoint: Record[Endpoint, None], source_ip: str) -> http.Guest:
    """Return what is known of who spoke to an interface endpoint: whence, and no more is sure."""
    try:
        source = str(ip_address(source_ip))
    except ValueError as error:
        raise refusals.Refused(400, "an endpoint is spoken to from an address") from error
    own = view.by(records.INTERFACE, "vpc", endpoint.doc.vpc_id)
    speakers = (one.doc.instance_id for one in own if source in _ips(one.doc))
    return http.Guest(
        instance_id=next((id for id in speakers if id), ""),
        account=endpoint.account,
        vpc_id=endpoint.doc.vpc_id,
        private_ip=source,
        endpoint_id=endpoint.id,
    )


def _ips(interface: Interface) -> tuple[str, ...]:
    return (interface.private_ip, *interface.secondary_ips, *interface.ipv6s)


def carried(view: store.View, host_id: str, id: str) -> Record[Instance, InstanceSeen] | None:
    """Return the instance of that id if that host carries it now."""
    instance = view.get(records.INSTANCE, id)
    if instance is None or instance.doc.host_id != host_id or instance.doc.gone_at is not None:
        return None
    return instance


def named(view: store.View, instance: Record[Instance, InstanceSeen]) -> http.Guest:
    """Return what policies know of an instance's guest."""
    interface = view.get(records.INTERFACE, instance.doc.interface_ids[0])
    return http.Guest(
        instance_id=instance.id,
        account=instance.account,
        vpc_id=instance.doc.vpc_id,
        private_ip=interface.doc.private_ip if interface else "",
    )
