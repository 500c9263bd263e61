"""What a resource discovery sees: accounts, ranges in use, and public addresses.

Called through the action table. It is looked at when it is asked for: every time of a sample is the
time of the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, tagset, zones
from mallee.cloud.ec2.ipam import shownfilters, watched
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.network.networks import Address, Interface

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

_NAT = "nat_gateway"


@dataclass(frozen=True, slots=True)
class Seen:
    """A thing as a discovery sees it."""

    discovery_id: str
    of: Any

    @property
    def id(self) -> str:
        """Orders them for paging."""
        one = self.of
        return one if isinstance(one, str) else f"{one.id}/{getattr(one, 'cidr', '')}"


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """A public address in use: an elastic one, or one lent to an interface."""

    id: str
    """The address."""
    owner: str
    elastic: Record[Address, None] | None
    interface: Record[Interface, None] | None


def _accounts(call: Call, id: str, region: str) -> tuple[str, list[str]]:
    """Return the discovery's id and the accounts that it sees in that region."""
    discovery = resources.one(call, records.IPAM_DISCOVERY, id)
    if region != call.settings.region:
        raise errors.InvalidParameterValue(
            f"Value ({region}) is invalid: the discovery {discovery.id} sees the region "
            f"{call.settings.region}."
        )
    return discovery.id, sorted(watched.accounts_of_discovery(call.view, discovery.id))


def _find_accounts(call: Call, request: shapes.GetIpamDiscoveredAccountsRequest) -> Iterable[Seen]:
    id, seen = _accounts(call, request["IpamResourceDiscoveryId"], request["DiscoveryRegion"])
    return [Seen(id, account) for account in seen]


def _render_account(call: Call, seen: Seen) -> shapes.IpamDiscoveredAccount:
    return {
        "AccountId": seen.of,
        "DiscoveryRegion": call.settings.region,
        "LastAttemptedDiscoveryTime": call.now,
        "LastSuccessfulDiscoveryTime": call.now,
    }


def _find_cidrs(
    call: Call, request: shapes.GetIpamDiscoveredResourceCidrsRequest
) -> Iterable[Seen]:
    id, seen = _accounts(call, request["IpamResourceDiscoveryId"], request["ResourceRegion"])
    return sorted((Seen(id, it) for it in watched.resources(call.view, seen)), key=lambda it: it.id)


def _render_cidr(call: Call, seen: Seen) -> Any:
    one: watched.Resource = seen.of
    is_subnet = one.type == watched.SUBNET
    return {
        "IpamResourceDiscoveryId": seen.discovery_id,
        "ResourceRegion": call.settings.region,
        "ResourceId": one.id,
        "ResourceOwnerId": one.owner,
        "ResourceCidr": one.cidr,
        "IpSource": "amazon" if one.is_public else "none",
        "ResourceType": one.type,
        "ResourceTags": tagset.shown(one.tags),
        "IpUsage": watched.usage(call.view, one),
        "VpcId": one.vpc_id or None,
        "SubnetId": one.id if is_subnet else None,
        "AvailabilityZoneId": zones.id_of(one.zone, call.settings.region) if one.zone else None,
        "SampleTime": call.now,
    }


def _find_addresses(
    call: Call, request: shapes.GetIpamDiscoveredPublicAddressesRequest
) -> Iterable[Seen]:
    id, seen = _accounts(call, request["IpamResourceDiscoveryId"], request["AddressRegion"])
    found = (Seen(id, one) for account in seen for one in _addresses(call, account))
    return sorted(found, key=lambda it: it.id)


def _addresses(call: Call, account: str) -> Iterator[PublicAddress]:
    for elastic in call.view.list(records.ADDRESS, account):
        interface = call.view.get(records.INTERFACE, elastic.doc.interface_id or "")
        yield PublicAddress(elastic.doc.public_ip, account, elastic, interface)
    for interface in call.view.list(records.INTERFACE, account):
        if interface.doc.public_ip is not None:
            yield PublicAddress(interface.doc.public_ip, account, None, interface)


def _render_address(call: Call, seen: Seen) -> Any:
    one: PublicAddress = seen.of
    shown: dict[str, Any] = {
        "IpamResourceDiscoveryId": seen.discovery_id,
        "AddressRegion": call.settings.region,
        "Address": one.id,
        "AddressOwnerId": one.owner,
        "AssociationStatus": "associated" if one.interface else "disassociated",
        "AddressType": _type(one),
        "NetworkBorderGroup": call.settings.region,
        "SampleTime": call.now,
    }
    if one.elastic is not None:
        shown["AddressAllocationId"] = one.elastic.id
        shown["Tags"] = {"EipTags": tagset.shown(one.elastic.doc.tags)}
        if one.elastic.doc.pool_id:
            shown["PublicIpv4PoolId"] = one.elastic.doc.pool_id
    if one.interface is not None:
        doc = one.interface.doc
        shown |= {
            "VpcId": doc.vpc_id,
            "SubnetId": doc.subnet_id,
            "NetworkInterfaceId": doc.id,
            "NetworkInterfaceDescription": doc.description or None,
            "InstanceId": doc.instance_id,
            "SecurityGroups": securitygroups.identifiers(resources.reader(call), doc.group_ids),
        }
        if doc.requester == _NAT:
            shown["Service"] = "nat-gateway"
    return shown


def _type(one: PublicAddress) -> Any:
    if one.elastic is None:
        return "ec2-public-ip"
    return "amazon-owned-contig" if one.elastic.doc.pool_id else "amazon-owned-eip"


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="GetIpamDiscoveredAccounts",
        does=Listing(
            find=_find_accounts,
            render=_render_account,
            member="IpamDiscoveredAccounts",
            filters=shownfilters.of(_render_account, "AccountId", "DiscoveryRegion"),
        ),
        honours=frozenset({"IpamResourceDiscoveryId", "DiscoveryRegion"}),
    ),
    Action(
        service="ec2",
        name="GetIpamDiscoveredResourceCidrs",
        does=Listing(
            find=_find_cidrs,
            render=_render_cidr,
            member="IpamDiscoveredResourceCidrs",
            filters=shownfilters.of(
                _render_cidr,
                "IpSource",
                "ResourceCidr",
                "ResourceId",
                "ResourceOwnerId",
                "ResourceType",
                "SubnetId",
                "VpcId",
            ),
            tags=lambda it: it.of.tags,
        ),
        honours=frozenset({"IpamResourceDiscoveryId", "ResourceRegion"}),
    ),
    Action(
        service="ec2",
        name="GetIpamDiscoveredPublicAddresses",
        does=Listing(
            find=_find_addresses,
            render=_render_address,
            member="IpamDiscoveredPublicAddresses",
            filters=shownfilters.of(
                _render_address,
                "Address",
                "AddressAllocationId",
                "AddressOwnerId",
                "AddressType",
                "AssociationStatus",
                "InstanceId",
                "NetworkInterfaceId",
                "SubnetId",
                "VpcId",
            ),
        ),
        honours=frozenset({"IpamResourceDiscoveryId", "AddressRegion"}),
    ),
)
