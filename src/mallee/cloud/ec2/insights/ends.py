"""What a path may begin or end at: an instance, an interface, a gateway, an endpoint.

Called by `paths`, which refuses what cannot be an end, and by `analyses` and `scopeanalyses`, which
need to know from which addresses an end speaks and by which it is reached. Over a call's view.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address, ip_network

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.vpc.interfaces import interfacelisting
from mallee.cloud.ec2.vpc.routing import peerings, servicelists
from mallee.cloud.hosts.slices.networkslices import InterfaceRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.network.endpoints import EndpointKind
from mallee.model.network.peerings import PeeringStatus
from mallee.model.packets.hops import Address

SOMEBODY = ip_address("192.0.2.1")
"""Who stands for the world: an address that nobody has."""


class PlaceKind(Enum):
    """How a packet gets to or from an end."""

    INTERFACE = "interface"
    """An interface sends or receives it; an instance by any of its interfaces."""
    INTERNET = "internet-gateway"
    """It comes from the world, or goes there, by this gateway."""
    PEERING = "peering"
    """It passes this connection."""
    ENDPOINT = "endpoint"
    """It ends in a service, by this gateway endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An end of a path."""

    kind: PlaceKind
    id: str
    vpc_id: str
    """Empty: attached to none."""
    interface_ids: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    """By which it may be reached, or from which it may speak; the likeliest first."""


def name_of(text: str) -> str:
    """Return the id in an ARN, or the id itself."""
    return ids.normalise(text.rpartition("/")[2] if text.startswith("arn:") else text)


def resolve(call: Call, text: str) -> Place:
    """Return the end of that id or ARN; raise what stands against it."""
    id = name_of(text)
    match ids.prefix_of(id):
        case "i":
            instance = resources.one(call, records.INSTANCE, id)
            worn = resources.reader(call).by(records.INTERFACE, "instance", instance.id)
            return _of_interfaces(call, id, sorted(worn, key=lambda one: one.doc.device_index))
        case "eni":
            return _of_interfaces(call, id, [resources.one(call, records.INTERFACE, id)])
        case "igw":
            gateway = resources.one(call, records.INTERNET_GATEWAY, id)
            return Place(
                kind=PlaceKind.INTERNET,
                id=id,
                vpc_id=gateway.doc.vpc_id or "",
                addresses=(SOMEBODY,),
            )
        case "pcx":
            return _of_peering(call, id)
        case "vpce":
            return _of_endpoint(call, id)
        case _:
            raise errors.InvalidParameterValue(
                f"The resource {text} cannot be the end of a path here: instances, network "
                "interfaces, internet gateways, peering connections and gateway endpoints can."
            )


def _of_interfaces(call: Call, id: str, found: Iterable[InterfaceRecord]) -> Place:
    held = list(found)
    texts: list[str] = []
    public: list[str] = []
    for one in held:
        texts += (one.doc.private_ip, *one.doc.secondary_ips)
        public += interfacelisting.public_ips(resources.reader(call), one).values()
    return Place(
        kind=PlaceKind.INTERFACE,
        id=id,
        vpc_id=held[0].doc.vpc_id if held else "",
        interface_ids=tuple(one.id for one in held),
        addresses=tuple(ip_address(text) for text in (*texts, *public)),
    )


def _of_peering(call: Call, id: str) -> Place:
    peering = peerings.one(call, id)
    sides = (peering.doc.requester, peering.doc.accepter)
    own = next(one.vpc_id for one in sides if one.account == call.account)
    there = [resources.reader(call).get(records.VPC, one.vpc_id) for one in sides]
    is_active = peering.doc.status is PeeringStatus.ACTIVE
    ranges = [cidr for vpc in there if vpc and is_active for cidr in vpc.doc.cidrs]
    return Place(
        kind=PlaceKind.PEERING,
        id=id,
        vpc_id=own,
        # The fifth of a range is the first that somebody may have.
        addresses=tuple(ip_network(cidr)[4] for cidr in ranges),
    )


def _of_endpoint(call: Call, id: str) -> Place:
    endpoint = resources.one(call, records.ENDPOINT, id).doc
    if endpoint.kind is EndpointKind.INTERFACE:
        view = resources.reader(call)
        standing = (view.get(records.INTERFACE, one.interface_id) for one in endpoint.standings)
        return _of_interfaces(call, id, [one for one in standing if one is not None])
    service = servicelists.by_service(call.settings.region, endpoint.service)
    ranges = service.cidrs if service is not None else ()
    return Place(
        kind=PlaceKind.ENDPOINT,
        id=id,
        vpc_id=endpoint.vpc_id,
        addresses=tuple(ip_network(cidr)[1] for cidr in ranges if ":" not in cidr),
    )
