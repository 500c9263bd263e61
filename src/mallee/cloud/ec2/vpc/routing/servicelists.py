"""The prefix lists of the cloud's own services, which gateway endpoints lead to.

A service's range is nobody's in the world (RFC 2544); hosts bring what goes there to the cloud's
API. Called by `endpoints`, `prefixlists`, `routes`, and for hosts. Pure: lists are no records.
"""

import hashlib
from dataclasses import dataclass

_RANGES = {"s3": "198.18.0.0/24"}
_ID_DIGITS = 17
OWNER = "AWS"
"""Whose a service's list is, as AWS shows it."""


@dataclass(frozen=True, slots=True)
class ServiceList:
    """A service with its ranges."""

    service: str
    """`com.amazonaws.REGION.s3`; the list has the same name."""
    short: str
    """`s3`"""
    cidrs: tuple[str, ...]

    @property
    def id(self) -> str:
        """The list's id, which follows from its name."""
        return "pl-" + hashlib.sha256(self.service.encode()).hexdigest()[:_ID_DIGITS]


def all_of(region: str) -> tuple[ServiceList, ...]:
    """Return the lists of a region's services."""
    return tuple(
        ServiceList(f"com.amazonaws.{region}.{short}", short, (cidr,))
        for short, cidr in _RANGES.items()
    )


def by_id(region: str, id: str) -> ServiceList | None:
    """Return the service's list of that id."""
    return next((one for one in all_of(region) if one.id == id), None)


def by_service(region: str, name: str) -> ServiceList | None:
    """Return the list of that service."""
    return next((one for one in all_of(region) if one.service == name), None)
