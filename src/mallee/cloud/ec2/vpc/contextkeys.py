"""The context keys of EC2's network: what a policy may ask about VPCs and what is in them.

Joined into EC2's own (`ec2.contextkeys`). Of a peering connection both accounts are asked.
"""

from collections.abc import Mapping
from typing import Any

from mallee.cloud import things
from mallee.cloud.identity.question import Finder, Question
from mallee.cloud.state import records
from mallee.cloud.state.records import Kind
from mallee.model.network.peerings import PeeringEnd


def _id(kind: Kind[Any, Any]) -> Finder:
    """Return what finds the id of a thing that is there: its ARN's last part."""

    def find(question: Question) -> str | None:
        is_one = things.kind_of(question.resource) == kind.name
        id = question.resource.rpartition("/")[2]
        return id if is_one and id != "*" else None

    return find


def _end(question: Question, member: str) -> PeeringEnd | None:
    if things.kind_of(question.resource) != records.PEERING.name:
        return None
    id = question.resource.rpartition("/")[2]
    if id == "*":
        return _asked_end(question, member)
    peering = question.call.view.get(records.PEERING, id)
    own = question.call.account
    if peering is None or own not in (
        peering.doc.requester.account,
        peering.doc.accepter.account,
    ):
        return None
    return peering.doc.requester if member == "requester" else peering.doc.accepter


def _asked_end(question: Question, member: str) -> PeeringEnd | None:
    """Return the side of a connection that is asked for."""
    own = question.call.account
    if member == "requester":
        vpc_id, account = question.asked.get("VpcId"), own
    else:
        vpc_id = question.asked.get("PeerVpcId")
        account = question.asked.get("PeerOwnerId") or own
    return PeeringEnd(account=account, vpc_id=vpc_id) if vpc_id else None


def _vpc_of(member: str) -> Finder:
    """Return what finds the ARN of the VPC on one side of a peering connection."""

    def find(question: Question) -> str | None:
        end = _end(question, member)
        region = question.call.settings.region
        return f"arn:aws:ec2:{region}:{end.account}:vpc/{end.vpc_id}" if end else None

    return find


def _service(question: Question) -> str | None:
    """Return the service of an endpoint that is there, or asked for."""
    if things.kind_of(question.resource) != records.ENDPOINT.name:
        return None
    endpoint = question.call.view.get(records.ENDPOINT, question.resource.rpartition("/")[2])
    if endpoint is not None and endpoint.account == question.call.account:
        return endpoint.doc.service
    return question.asked.get("ServiceName")


def _of_service(value: Finder) -> Finder:
    """Return a finder that is asked about endpoints of a service only."""
    return lambda question: value(question) if _service(question) else None


def _pool(member: str) -> Finder:
    """Return what finds the IPAM pool from which a VPC or subnet takes the range it gets."""

    def find(question: Question) -> str | None:
        kind = things.kind_of(question.resource)
        return question.asked.get(member) if kind in _WITH_RANGES else None

    return find


_WITH_RANGES = (records.VPC.name, records.SUBNET.name)


def _target(question: Question) -> str | None:
    """Return by what a prefix list follows a resolver."""
    if things.kind_of(question.resource) != records.PREFIX_LIST.name:
        return None
    id = question.resource.rpartition("/")[2]
    found = question.call.view.by(records.RESOLVER_TARGET, "list", id)
    return found[0].id if found else None


FINDERS: Mapping[str, Finder] = {
    "ec2:acceptervpc": _vpc_of("accepter"),
    "ec2:dhcpoptionsid": _id(records.DHCP_OPTIONS),
    "ec2:internetgatewayid": _id(records.INTERNET_GATEWAY),
    "ec2:transitgatewayattachmentid": _id(records.TRANSIT_ATTACHMENT),
    "ec2:transitgatewayid": _id(records.TRANSIT_GATEWAY),
    "ec2:transitgatewayroutetableid": _id(records.TRANSIT_TABLE),
    "ec2:ipamprefixlistresolvertargetid": _target,
    "ec2:ipv4ipampoolid": _pool("Ipv4IpamPoolId"),
    "ec2:ipv6ipampoolid": _pool("Ipv6IpamPoolId"),
    "ec2:networkaclid": _id(records.NETWORK_ACL),
    "ec2:requestervpc": _vpc_of("requester"),
    "ec2:routetableid": _id(records.ROUTE_TABLE),
    "ec2:vpceservicename": _service,
    "ec2:vpceserviceowner": _of_service(lambda question: "amazon"),
    "ec2:vpceserviceregion": _of_service(lambda question: question.call.settings.region),
    "ec2:vpcpeeringconnectionid": _id(records.PEERING),
}
