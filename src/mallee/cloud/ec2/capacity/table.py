"""The rows of what there is to launch with, and of room set apart; `ec2.table` takes them."""

from mallee.cloud.action import Action
from mallee.cloud.ec2.capacity import (
    capacityreservations,
    dedicatedhosts,
    instancerequirements,
    instancetypes,
    placementgroups,
    reservationfleets,
    reservationlisting,
    reservationmoves,
    reservationtopology,
)

ACTIONS: tuple[Action, ...] = (
    *capacityreservations.ACTIONS,
    *dedicatedhosts.ACTIONS,
    *instancerequirements.ACTIONS,
    *instancetypes.ACTIONS,
    *placementgroups.ACTIONS,
    *reservationfleets.ACTIONS,
    *reservationlisting.ACTIONS,
    *reservationmoves.ACTIONS,
    *reservationtopology.ACTIONS,
)
