"""Whether a packet would pass between two ends of an account's networks, and what stops it.

Called through the action table: `ExplainPacket`, behind `mallee why-not packet` and `mallee trace`;
`traces` asks the host about the very same packet. How a packet is judged is `explain.packets`'
business. An account's users are told of its own things, administrators of the cloud of everybody's:
they see what the owner of the sender sees.
"""

import dataclasses
import ipaddress
from dataclasses import dataclass

from mallee.aws import errors
from mallee.cloud.action import Action, Read
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.ec2 import arns, resources
from mallee.cloud.ec2.vpc.interfaces import interfacelisting
from mallee.cloud.explain import finding, hopwords, packets
from mallee.cloud.gateways import obstacles
from mallee.cloud.hosts.slices.networkslices import InterfaceRecord
from mallee.cloud.state import records
from mallee.model.compute.instances import Power
from mallee.model.network import classic
from mallee.model.packets import packets as evaluator
from mallee.model.packets.hops import ICMP, ICMP6, TCP, UDP, Address, End, Packet, Trace

INTERNET = "internet"
"""The end that is the world."""
_SOMEBODY = {4: ipaddress.ip_address("192.0.2.1"), 6: ipaddress.ip_address("2001:db8::1")}
_PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": ICMP}
_ECHO = {4: 8, 6: 128}
HONOURS = frozenset({"SourceId", "Destination", "Protocol", "Port", "IsIpv6"})


@dataclass(frozen=True, slots=True)
class Asked:
    """The packet that a request means."""

    call: Call
    """As the owner of the network would call."""
    packet: Packet
    sender: InterfaceRecord | None
    """None: it comes from the internet."""
    receiver: InterfaceRecord | None


def read(call: Call, request: Request) -> Asked:
    """Return the packet that is asked about; raise what stands against it."""
    source: str = request["SourceId"]
    is_ipv6 = bool(request.get("IsIpv6")) or ":" in request["Destination"]
    sender = None if source == INTERNET else _interface(call, source)
    receiver = _named(call, request["Destination"])
    end = sender or receiver
    call = _as_owner(call, end.account if end else call.account)
    destination = _destination(call, request["Destination"], receiver, is_ipv6=is_ipv6)
    if receiver is not None and sender is None and destination.version == 4:
        public = interfacelisting.public_ips(call.view, receiver).get(str(destination))
        if public is None and call.settings.network.mode != "vpc":
            raise _unjudged(call.settings.network.mode)
        if public is None:
            raise errors.InvalidInput(f"{receiver.id} has no public address for the internet.")
        destination = ipaddress.ip_address(public)
    version = destination.version
    spoken = packets.source_of(sender, destination) if sender else _SOMEBODY[version]
    if spoken is None:
        raise errors.InvalidInput(f"{source} has no IPv6 address to speak from.")
    return Asked(call, _packet(request, spoken, destination), sender, receiver)


def _as_owner(call: Call, account: str) -> Call:
    principal = dataclasses.replace(call.principal, account=account)
    return dataclasses.replace(call, principal=principal)


def explain_packet(call: Call, request: Request) -> Result:
    """Tell what becomes of the first packet of a conversation."""
    asked = read(call, request)
    in_blocks = _check_mode(call.settings.network.mode, asked)
    found = judge(asked)
    ends = (asked.sender, asked.receiver)
    notes = [*in_blocks, *(note for end in ends if end for note in _notes(asked.call, end))]
    told = packets.shown(found)
    hops = found.hops
    if packets.is_beyond(asked.call, found):
        told |= {"Passes": False, "End": "beyond", "At": None, "Why": packets.BEYOND, "Cure": None}
        hops = packets.before_border(asked.call, hops)
    return {
        **told,
        "Hops": hopwords.shown(hops),
        "SourceInterfaceId": asked.sender.id if asked.sender else None,
        "SourceAddress": str(asked.packet.source),
        "DestinationAddress": str(asked.packet.destination),
        "Notes": [*notes, *_beside_rules(call, asked, found)],
    }


def _check_mode(mode: str, asked: Asked) -> list[str]:
    """Return what is to be said besides of the way in a classic network mode; raise
    `UnsupportedOperation` for one of which not all is known there."""
    one, other = asked.sender, asked.receiver
    if mode == "vpc":
        return []
    if one is None or other is None or one.doc.vpc_id != other.doc.vpc_id:
        raise _unjudged(mode)
    is_led = mode in classic.MANAGED and one.doc.group_ids[0] != other.doc.group_ids[0]
    by = "They are of different groups' networks: the gateway host leads from one to the other"
    return [by] if is_led else []


def _unjudged(mode: str) -> errors.UnsupportedOperation:
    return errors.UnsupportedOperation(
        f"The network mode of this cloud is {mode}: it is known of packets between instances "
        "or interfaces of one account alone what becomes of them. Name two, or see by TracePacket "
        "(mallee trace) how far one goes."
    )


def _beside_rules(call: Call, asked: Asked, found: Trace) -> tuple[str, ...]:
    """Return what stands between guests and the world, of what rules lead there or from there."""
    is_by_gateway = found.end is End.WORLD or (asked.sender is None and found.passes)
    if not is_by_gateway:
        return ()
    return obstacles.of_world(
        call.view,
        has_world=call.settings.network.egress,
        is_administrator=call.principal.is_cloud_admin,
    )


def judge(asked: Asked) -> Trace:
    """Follow the packet through what is wanted of the owner's networks."""
    ends = [one for one in (asked.sender, asked.receiver) if one is not None]
    vpcs = packets.networks(asked.call, ends, (asked.packet.destination,))
    if asked.sender is not None:
        transit = packets.transit(asked.call, vpcs)
        return evaluator.trace(vpcs, asked.sender.id, asked.packet, transit)
    own = {vpc.id for vpc in asked.call.view.list(records.VPC, asked.call.account)}
    return evaluator.trace_in({id: vpc for id, vpc in vpcs.items() if id in own}, asked.packet)


def _interface(call: Call, text: str) -> InterfaceRecord:
    """Return the interface of that id, or an instance's first one."""
    if not text.startswith("i-"):
        id = resources.check_form(records.INTERFACE, text)
        found = call.view.get(records.INTERFACE, id)
        if found is None or not finding.may_know(call, found):
            raise resources.not_found(records.INTERFACE, [id])
        return found
    id = resources.check_form(records.INSTANCE, text)
    instance = call.view.get(records.INSTANCE, id)
    if instance is None or not finding.may_know(call, instance):
        raise resources.not_found(records.INSTANCE, [id])
    worn = call.view.by(records.INTERFACE, "instance", id)
    if not worn:
        raise errors.InvalidInput(f"The instance {id} has no interface any more.")
    return min(worn, key=lambda one: one.doc.device_index)


def _named(call: Call, text: str) -> InterfaceRecord | None:
    return _interface(call, text) if text.startswith(("i-", "eni-")) else None


def _destination(
    call: Call, text: str, receiver: InterfaceRecord | None, *, is_ipv6: bool
) -> Address:
    if receiver is not None and is_ipv6:
        if not receiver.doc.ipv6s:
            raise errors.InvalidInput(f"{receiver.id} has no IPv6 address.")
        return ipaddress.ip_address(receiver.doc.ipv6s[0])
    if receiver is not None:
        if not receiver.doc.private_ip:
            raise errors.InvalidInput(f"{receiver.id} has no address yet.")
        return ipaddress.ip_address(receiver.doc.private_ip)
    if text == INTERNET:
        return _SOMEBODY[6 if is_ipv6 else 4]
    try:
        # A zone (`fe80::1%…`) is no part of an address that travels.
        return ipaddress.ip_address(text.replace("%", " "))
    except ValueError as error:
        raise errors.InvalidInput(
            f"{text} is neither an address, nor the id of an instance or interface, nor `internet`."
        ) from error


def _packet(request: Request, source: Address, destination: Address) -> Packet:
    protocol, port = _PROTOCOLS[request.get("Protocol", "tcp")], request.get("Port", 0)
    if (protocol == ICMP) is not (port == 0):
        raise errors.InvalidInput("Give a port with tcp and udp, and none with icmp.")
    version = destination.version
    return Packet(
        source=source,
        destination=destination,
        protocol=ICMP6 if protocol == ICMP and version == 6 else protocol,
        destination_port=port,
        icmp_type=_ECHO[version] if protocol == ICMP else 0,
    )


def _notes(call: Call, interface: InterfaceRecord) -> list[str]:
    """Return what no rule stops and nobody answers all the same."""
    id = interface.doc.instance_id
    instance = call.view.get(records.INSTANCE, id) if id else None
    if instance is not None and instance.doc.power is not Power.RUNNING:
        return [f"{id}, which has {interface.id}, shall not run: nobody speaks there"]
    if id is None and not interface.doc.requester:
        return [f"{interface.id} is attached to nothing: nobody speaks there"]
    return []


def about(call: Call, request: Request) -> tuple[str, ...]:
    """Return the ARNs of the ends that are ids."""
    found: list[str] = []
    for id in (request["SourceId"], request["Destination"]):
        kind = finding.kind_of(id) if id.startswith(("i-", "eni-")) else None
        if kind is not None:
            record = call.view.get(kind, id)
            known = record is not None and finding.may_know(call, record)
            found.append(finding.arn(call, record) if record and known else arns.of(call, kind, id))
    return tuple(found) or arns.EVERYTHING


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="ExplainPacket",
        does=Read(handle=explain_packet),
        honours=HONOURS,
        resources=about,
    ),
)
