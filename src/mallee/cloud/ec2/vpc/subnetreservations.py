"""CIDR reservations of subnets: ranges from which no address is taken unasked.

Called through the action table. An `explicit` one is for addresses asked for by name, a `prefix`
one for prefixes; `privateips` keeps to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.networks import Reservation, Subnet

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PREFIX = "scr"
TYPE = "subnet-cidr-reservation"
MAX_PER_SUBNET = 100
"""AWS says nothing of a limit; each is looked at for each address that is given."""

SubnetRecord = Record[Subnet, None]


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reservation with the subnet that it is of."""

    subnet: SubnetRecord
    doc: Reservation

    @property
    def id(self) -> str:
        """The reservation's id."""
        return self.doc.id


def create_reservation(
    call: WriteCall, request: shapes.CreateSubnetCidrReservationRequest
) -> shapes.CreateSubnetCidrReservationResult:
    """Reserve a part of a subnet's range; what is in use in it stays so."""
    subnet = resources.one(call, records.SUBNET, request["SubnetId"])
    network = ranges.any_family(request["Cidr"], "cidr")
    own = (subnet.doc.cidr, *(block.cidr for block in subnet.doc.ipv6_cidrs))
    if not ranges.is_within(network, own):
        raise errors.InvalidParameterValue(
            f"The CIDR {network} is not within the CIDR blocks of the subnet {subnet.id}."
        )
    if ranges.overlapping(network, (it.cidr for it in subnet.doc.reservations)):
        raise errors.InvalidCidrReservation(
            f"The CIDR {network} overlaps a reservation of the subnet {subnet.id}."
        )
    if len(subnet.doc.reservations) >= MAX_PER_SUBNET:
        raise errors.ResourceLimitExceeded(
            f"A subnet has {MAX_PER_SUBNET} CIDR reservations at most. Delete one."
        )
    made = Reservation(
        id=ids.make(PREFIX, call.entropy(ids.ID_BYTES)),
        cidr=str(network),
        kind=request["ReservationType"],
        description=request.get("Description", ""),
        tags=tagset.of_new(request, TYPE),
    )
    subnet = call.tx.write(
        subnet, replace(subnet.doc, reservations=(*subnet.doc.reservations, made))
    )
    return {"SubnetCidrReservation": _render(call, Reserved(subnet, made))}


def delete_reservation(
    call: WriteCall, request: shapes.DeleteSubnetCidrReservationRequest
) -> shapes.DeleteSubnetCidrReservationResult:
    """Give a reserved range free."""
    id = request["SubnetCidrReservationId"]
    for subnet in call.tx.by(records.SUBNET, "reservation", id):
        if subnet.account == call.account:
            break
    else:
        raise errors.InvalidSubnetCidrReservationIDNotFound(id)
    gone = next(it for it in subnet.doc.reservations if it.id == id)
    left = tuple(it for it in subnet.doc.reservations if it.id != id)
    call.tx.write(subnet, replace(subnet.doc, reservations=left))
    return {"DeletedSubnetCidrReservation": _render(call, Reserved(subnet, gone))}


def _find(call: Call, request: shapes.GetSubnetCidrReservationsRequest) -> Iterable[Reserved]:
    subnet = resources.one(call, records.SUBNET, request["SubnetId"])
    return [Reserved(subnet, it) for it in subnet.doc.reservations]


def _render(call: Call, item: Reserved) -> shapes.SubnetCidrReservation:
    return {
        "SubnetCidrReservationId": item.id,
        "SubnetId": item.subnet.id,
        "Cidr": item.doc.cidr,
        "ReservationType": item.doc.kind,
        "OwnerId": item.subnet.account,
        "Description": item.doc.description,
        "Tags": tagset.shown(item.doc.tags),
    }


def _by_family(rows: list[Any]) -> Mapping[str, list[Any]]:
    return {
        "SubnetIpv4CidrReservations": [row for row in rows if ":" not in row["Cidr"]],
        "SubnetIpv6CidrReservations": [row for row in rows if ":" in row["Cidr"]],
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateSubnetCidrReservation",
        does=Write(handle=create_reservation),
        honours=frozenset({"SubnetId", "Cidr", "ReservationType", "Description"}),
        creates=(TYPE,),
    ),
    Action(
        service="ec2",
        name="DeleteSubnetCidrReservation",
        does=Write(handle=delete_reservation),
        honours=frozenset({"SubnetCidrReservationId"}),
    ),
    Action(
        service="ec2",
        name="GetSubnetCidrReservations",
        does=Listing(
            find=_find,
            render=_render,
            member="SubnetIpv4CidrReservations",
            split=_by_family,
            filters={
                "reservationType": lambda call, it: (it.doc.kind,),
                "subnet-id": lambda call, it: (it.subnet.id,),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"SubnetId"}),
    ),
)
