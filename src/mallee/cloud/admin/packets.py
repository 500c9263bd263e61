"""Whether a packet would pass between two ends of an account's networks, and what stops it.

Called through the action table: `ExplainPacket`, behind `mallee why-not packet`. How a packet is
judged is `explain.packets`' business.
"""

import ipaddress

from mallee.aws import errors
from mallee.cloud.action import Action, Read
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.ec2 import arns, resources
from mallee.cloud.explain import finding, packets
from mallee.cloud.hosts.networkslices import InterfaceRecord
from mallee.cloud.state import records
from mallee.model.hops import ICMP, ICMP6, TCP, UDP, Address, Packet
from mallee.model.instances import Power

_PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": ICMP}
_ECHO, _ECHO6 = 8, 128


def explain_packet(call: Call, request: Request) -> Result:
    """Tell what becomes of the first packet of a conversation."""
    sender = _interface(call, request["SourceId"])
    destination, receiver = _destination(call, request["Destination"])
    packet = _packet(request, sender, destination)
    found = packets.trace(call, sender, packet)
    result = {
        **packets.shown(found),
        "SourceInterfaceId": sender.id,
        "SourceAddress": str(packet.source),
        "DestinationAddress": str(destination),
        "Notes": [*_notes(call, sender), *(_notes(call, receiver) if receiver else ())],
    }
    if packets.is_beyond(call, found):
        hidden = {"Passes": False, "End": "beyond", "At": None, "Why": packets.BEYOND, "Cure": None}
        return {**result, **hidden}
    return result


def _interface(call: Call, text: str) -> InterfaceRecord:
    """Return the interface of that id, or an instance's first one."""
    if not text.startswith("i-"):
        return resources.one(call, records.INTERFACE, text)
    instance = resources.one(call, records.INSTANCE, text)
    worn = call.view.by(records.INTERFACE, "instance", instance.id)
    if not worn:
        raise errors.InvalidInput(f"The instance {instance.id} has no interface any more.")
    return min(worn, key=lambda one: one.doc.device_index)


def _destination(call: Call, text: str) -> tuple[Address, InterfaceRecord | None]:
    if text.startswith(("i-", "eni-")):
        interface = _interface(call, text)
        return ipaddress.ip_address(interface.doc.private_ip), interface
    try:
        return ipaddress.ip_address(text), None
    except ValueError as error:
        raise errors.InvalidInput(
            f"{text} is neither an address nor the id of an instance or interface."
        ) from error


def _packet(request: Request, sender: InterfaceRecord, destination: Address) -> Packet:
    source = packets.source_of(sender, destination)
    if source is None:
        raise errors.InvalidInput(f"{sender.id} has no IPv6 address to speak from.")
    protocol, port = _PROTOCOLS[request.get("Protocol", "tcp")], request.get("Port", 0)
    if (protocol == ICMP) is not (port == 0):
        raise errors.InvalidInput("Give a port with tcp and udp, and none with icmp.")
    is_ipv6 = destination.version == 6
    return Packet(
        source=source,
        destination=destination,
        protocol=ICMP6 if protocol == ICMP and is_ipv6 else protocol,
        destination_port=port,
        icmp_type=(_ECHO6 if is_ipv6 else _ECHO) if protocol == ICMP else 0,
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


def _resources(call: Call, request: Request) -> tuple[str, ...]:
    named = (request["SourceId"], request["Destination"])
    kinds = ((finding.kind_of(id), id) for id in named if id.startswith(("i-", "eni-")))
    found = tuple(arns.of(call, kind, id) for kind, id in kinds if kind is not None)
    return found or arns.EVERYTHING


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="ExplainPacket",
        does=Read(handle=explain_packet),
        honours=frozenset({"SourceId", "Destination", "Protocol", "Port"}),
        resources=_resources,
    ),
)
