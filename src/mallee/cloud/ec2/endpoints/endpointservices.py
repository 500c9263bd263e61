"""The services that VPC endpoints lead to: the cloud's own, by AWS's names for them.

A service has a gateway endpoint, an interface endpoint, or both; then it is listed once for each,
as on AWS. Called by the nouns of this folder, for hosts, and through the action table for
DescribeVpcEndpointServices and DescribePrefixLists. Endpoint services of users (PrivateLink) need a
load balancer, which this cloud has not: there are none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import zones
from mallee.cloud.ec2.vpc.routing import servicelists
from mallee.cloud.ec2.vpc.routing.servicelists import ServiceList
from mallee.model.hosts import hosts
from mallee.model.network.endpoints import EndpointKind

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

OWNER = "amazon"
AWS_DOMAIN = "amazonaws.com"
_INTERFACES = ("cloudtrail", "ebs", "ec2", "kms", "s3", "sts")
"""Those that have an interface endpoint in each region."""
_GLOBAL = "iam"
"""It has one name for all regions."""
_ID_DIGITS = 17


@dataclass(frozen=True, slots=True)
class EndpointService:
    """A service by one kind of endpoint."""

    name: str
    """`com.amazonaws.REGION.ec2`"""
    kind: EndpointKind
    label: str = ""
    """`ec2.REGION`: what its own names have before their domain; empty: no names lead to it."""

    @property
    def id(self) -> str:
        """Its id, which follows from its name and kind."""
        digits = hashlib.sha256(f"{self.kind.value} {self.name}".encode()).hexdigest()
        return f"vpce-svc-{digits[:_ID_DIGITS]}"

    @property
    def private_name(self) -> str:
        """The name by which AWS's clients ask for it."""
        return f"{self.label}.{AWS_DOMAIN}" if self.label else ""

    @property
    def private_names(self) -> tuple[str, ...]:
        """All names that mean an endpoint with private DNS: AWS's, and this cloud's."""
        if not self.label:
            return ()
        short = self.label.partition(".")[0]
        ours = dict.fromkeys((self.label, short))
        return (self.private_name, *(f"{one}.{hosts.SERVICES_DOMAIN}" for one in ours))

    @property
    def base_name(self) -> str:
        """What the names of its endpoints end in."""
        label = self.label or f"{self.name.rpartition('.')[2]}.{self.name.split('.')[2]}"
        return f"{label}.vpce.{hosts.SERVICES_DOMAIN}"


def all_of(region: str) -> tuple[EndpointService, ...]:
    """Return a region's services, by name and kind."""
    found = [EndpointService(one.service, EndpointKind.GATEWAY) for one in _lists(region)]
    found += [
        EndpointService(f"com.amazonaws.{region}.{one}", EndpointKind.INTERFACE, f"{one}.{region}")
        for one in _INTERFACES
    ]
    found.append(EndpointService(f"com.amazonaws.{_GLOBAL}", EndpointKind.INTERFACE, _GLOBAL))
    return tuple(sorted(found, key=key))


def key(service: EndpointService) -> str:
    """Return what services are in order by."""
    return f"{service.name} {service.kind.value}"


def find(region: str, name: str, kind: EndpointKind) -> EndpointService | None:
    """Return the service of that name by that kind of endpoint."""
    return next((it for it in all_of(region) if (it.name, it.kind) == (name, kind)), None)


def _lists(region: str) -> tuple[ServiceList, ...]:
    return servicelists.all_of(region)


# --- shown ---


def _find_services(
    call: Call, request: shapes.DescribeVpcEndpointServicesRequest
) -> Iterable[EndpointService]:
    known = all_of(call.settings.region)
    asked: list[str] = request.get("ServiceNames") or []
    names = {one.name for one in known}
    for name in asked:
        if name not in names:
            raise errors.InvalidVpcEndpointServiceNotFound(name)
    regions: list[str] = request.get("ServiceRegions") or []
    if regions and call.settings.region not in regions:
        return []
    return [one for one in known if not asked or one.name in asked]


def _render_service(call: Call, service: EndpointService) -> shapes.ServiceDetail:
    shown: shapes.ServiceDetail = {
        "ServiceName": service.name,
        "ServiceId": service.id,
        "ServiceType": [{"ServiceType": service.kind.value}],
        "ServiceRegion": call.settings.region,
        "AvailabilityZones": zones.names(call.view, call.settings),
        "Owner": OWNER,
        "BaseEndpointDnsNames": [service.base_name] if service.label else [],
        "VpcEndpointPolicySupported": True,
        "AcceptanceRequired": False,
        "ManagesVpcEndpoints": False,
        "SupportedIpAddressTypes": list(_address_types(service)),
    }
    if service.private_name:
        shown["PrivateDnsName"] = service.private_name
        shown["PrivateDnsNames"] = [{"PrivateDnsName": service.private_name}]
        shown["PrivateDnsNameVerificationState"] = "verified"
    return shown


def _address_types(service: EndpointService) -> tuple[str, ...]:
    return ("ipv4",) if service.kind is EndpointKind.GATEWAY else ("ipv4", "ipv6")


def _names_too(details: list[Any]) -> Mapping[str, list[Any]]:
    names = dict.fromkeys(one["ServiceName"] for one in details)
    return {"ServiceDetails": details, "ServiceNames": list(names)}


def _find_lists(call: Call, request: shapes.DescribePrefixListsRequest) -> Iterable[ServiceList]:
    known = _lists(call.settings.region)
    asked: list[str] = request.get("PrefixListIds") or []
    missing = [id for id in asked if servicelists.by_id(call.settings.region, id) is None]
    if missing:
        raise errors.InvalidPrefixListIDNotFound(missing)
    return [one for one in known if not asked or one.id in asked]


def _render_list(call: Call, service: ServiceList) -> shapes.PrefixList:
    return {
        "PrefixListId": service.id,
        "PrefixListName": service.service,
        "Cidrs": list(service.cidrs),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeVpcEndpointServices",
        does=Listing(
            find=_find_services,
            render=_render_service,
            member="ServiceDetails",
            split=_names_too,
            filters={
                "owner": lambda call, it: (OWNER,),
                "service-name": lambda call, it: (it.name,),
                "service-region": lambda call, it: (call.settings.region,),
                "service-type": lambda call, it: (it.kind.value,),
                "supported-ip-address-types": lambda call, it: _address_types(it),
            },
            tags=lambda it: {},
            key=key,
        ),
        honours=frozenset({"ServiceNames", "ServiceRegions"}),
    ),
    Action(
        service="ec2",
        name="DescribePrefixLists",
        does=Listing(
            find=_find_lists,
            render=_render_list,
            member="PrefixLists",
            filters={
                "prefix-list-id": lambda call, it: (it.id,),
                "prefix-list-name": lambda call, it: (it.service,),
            },
        ),
        honours=frozenset({"PrefixListIds"}),
    ),
)
