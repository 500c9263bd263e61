"""OpenTunnel: a WebSocket through an instance connect endpoint to a private address of its VPC.

A client signs a URL (`/openTunnel`, as the AWS CLI does) and opens a WebSocket there; its binary
messages are the bytes of a TCP connection that the endpoint begins. The operation is in no service
model, so its stages are here: who asks, what, may he; then the host that carries the instance is
asked for the other end (`hosts.lines`). Called by the server. Security groups and ACLs are the
hosts' business.
"""

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

import msgspec

from mallee.aws import errors
from mallee.cloud import http, parameters, pipeline, services
from mallee.cloud.action import Action, AskHost
from mallee.cloud.call import Call, Principal, Request, Result
from mallee.cloud.ec2 import arns
from mallee.cloud.ec2.connecting.endpoints import EndpointRecord
from mallee.cloud.ec2.instances import power
from mallee.cloud.hosts.doors import asks, lines
from mallee.cloud.identity import authenticate, authorize
from mallee.cloud.identity.question import Question
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.compute.instances import Instance, InstanceSeen, State
from mallee.model.hosts import hosts
from mallee.model.network.networks import Interface

PER_ENDPOINT_MAX = 20
PER_ACCOUNT_MAX = 40
"""All endpoints of an account together: the cloud has so many lines, and others want some."""
LIFE_S_MAX = 3600
PORT_MAX = 65535

_SIGNATURE = "x-amz-"
_NUMBERS = {"remotePort": PORT_MAX, "maxTunnelDuration": LIFE_S_MAX}
_REACHED_IN = frozenset({State.RUNNING, State.STOPPING, State.SHUTTING_DOWN})


@dataclass(frozen=True, slots=True)
class Tunnels:
    """Opens tunnels for the clients of one cloud."""

    cloud: pipeline.Cloud
    lines: lines.Lines
    _begun: Counter[str] = field(default_factory=Counter[str])
    """By endpoint: tunnels that are asked for, and are no lines yet."""

    async def open(self, request: http.Request) -> str | http.Response:
        """Return the ticket of a line for the client that asked, or why there is none."""
        cloud = self.cloud
        exchange = pipeline.begin(cloud, request)
        exchange.service = services.SERVICES[ROW.service]
        exchange.operation, exchange.row = ROW.name, ROW
        try:
            ticket = await self._open(exchange)
        except errors.AwsError as error:
            return pipeline.end_refused(cloud, exchange, error)
        pipeline.end(cloud, exchange, b"")
        return ticket

    async def _open(self, exchange: pipeline.Exchange) -> str:
        cloud, request = self.cloud, exchange.request
        given = parameters.read(request)
        now = cloud.clock.now()
        exchange.principal = who = authenticate.identify(cloud.keys, ROW, request, now)
        exchange.asked = asked = _decode(given)
        call = pipeline.call_of(cloud, exchange, who, now)
        question = Question(call=call, row=ROW, http=request, asked=asked, sent=asked)
        exchange.outcome = authorize.decide(cloud.judge, question)
        authorize.check(exchange.outcome)
        host_id, kind, endpoint_id, detail = prepare(call, asked)
        pipeline.check_heard(call, host_id)
        self._check_count(call, endpoint_id)
        self._begun[endpoint_id] += 1
        try:
            told = await cloud.asks.ask(asks.Question(host_id, kind, endpoint_id, detail))
        finally:
            self._begun[endpoint_id] -= 1
            if not self._begun[endpoint_id]:
                del self._begun[endpoint_id]
        ticket = told.decode(errors="replace")
        view, ip = cloud.store.view, asked["privateIpAddress"]

        def may(at: float) -> bool:
            return _still_may(view, who, (endpoint_id, ip), at)

        if not self.lines.hold(ticket, may, float(asked.get("maxTunnelDuration", LIFE_S_MAX))):
            raise errors.connect.ServiceException
        return ticket

    def _check_count(self, call: Call, endpoint_id: str) -> None:
        """Refuse one tunnel too many, those that are only asked for among them."""
        if self._count(endpoint_id) >= PER_ENDPOINT_MAX:
            raise errors.connect.TooManyTunnels(PER_ENDPOINT_MAX)
        own = call.view.list(records.CONNECT_ENDPOINT, call.account)
        if sum(self._count(one.id) for one in own) >= PER_ACCOUNT_MAX:
            raise errors.connect.TooManyTunnels(PER_ACCOUNT_MAX)

    def _count(self, endpoint_id: str) -> int:
        lasting = self.lines.count(hosts.ASK_TUNNEL, endpoint_id)
        return lasting + self._begun[endpoint_id]


def _decode(given: services.Parameters) -> dict[str, str]:
    """Return the members of a request; raise what is wrong with them."""
    members = [(name, value) for name, value in given if not name.lower().startswith(_SIGNATURE)]
    asked = dict(members)
    missing = _NEEDED - asked.keys()
    unknown = asked.keys() - ROW.honours
    if missing or unknown or len(members) != len(asked):
        wrong = ", ".join(sorted(missing or unknown or asked))
        raise errors.connect.InvalidArgsException(f"Missing, unknown or given twice: {wrong}")
    for name, most in _NUMBERS.items():
        text = asked.get(name, "1")
        if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most):
            raise errors.connect.InvalidArgsException(f"{name} is a number from 1 to {most}.")
    try:
        IPv4Address(asked["privateIpAddress"])
    except ValueError as error:
        raise errors.connect.InvalidArgsException("privateIpAddress is no IPv4 address.") from error
    if not ids.is_well_formed(asked["instanceConnectEndpointId"], "eice"):
        raise errors.connect.InvalidArgsException("instanceConnectEndpointId is no such id.")
    return asked


def prepare(call: Call, request: Request) -> tuple[str, str, str, str]:
    """Return which host shall begin what connection at which endpoint."""
    id = request["instanceConnectEndpointId"]
    endpoint = call.view.get(records.CONNECT_ENDPOINT, id)
    if endpoint is None or endpoint.account != call.account:
        raise errors.connect.InvalidInstanceConnectEndpointIdNotFound(id)
    ip = request["privateIpAddress"]
    instance = _instance_at(call.view, endpoint, ip)
    if instance is None:
        raise errors.connect.InvalidArgsException(
            f"{ip} is no private address of an instance in {endpoint.doc.vpc_id}."
        )
    if power.state_of(instance) not in _REACHED_IN:
        raise errors.connect.EC2InstanceStateInvalidException
    wanted = hosts.TunnelWanted(
        id=secrets.token_hex(8),
        interface_id=endpoint.doc.interface_id,
        private_ip=ip,
        port=int(request["remotePort"]),
    )
    return instance.doc.host_id, hosts.ASK_TUNNEL, id, msgspec.json.encode(wanted).decode()


def _instance_at(
    view: store.View, endpoint: EndpointRecord, ip: str
) -> Record[Instance, InstanceSeen] | None:
    for interface in view.by(records.INTERFACE, "vpc", endpoint.doc.vpc_id):
        if ip in _ips(interface.doc) and interface.doc.instance_id:
            instance = view.get(records.INSTANCE, interface.doc.instance_id)
            return instance if instance and instance.account == endpoint.account else None
    return None


def _ips(interface: Interface) -> tuple[str, ...]:
    return (interface.private_ip, *interface.secondary_ips)


def _still_may(view: store.View, who: Principal, ends: tuple[str, str], now: float) -> bool:
    """Tell whether who opened a tunnel may still have it."""
    endpoint = view.get(records.CONNECT_ENDPOINT, ends[0])
    return (
        endpoint is not None
        and endpoint.account == who.account
        and _instance_at(view, endpoint, ends[1]) is not None
        and authenticate.is_standing(view, who, now)
    )


def _arns(call: Call, request: Mapping[str, str]) -> tuple[str, ...]:
    return (arns.of(call, records.CONNECT_ENDPOINT, request["instanceConnectEndpointId"]),)


def _finish(call: Call, request: Request, answer: bytes) -> Result:
    return {"ticket": answer.decode()}


_NEEDED = frozenset({"instanceConnectEndpointId", "privateIpAddress", "remotePort"})
ROW = Action(
    service="ec2-instance-connect",
    name="OpenTunnel",
    does=AskHost(prepare=prepare, finish=_finish),
    honours=_NEEDED | {"maxTunnelDuration"},
    resources=_arns,
)
"""In no model, so in no table: what it says is for the stages above."""
