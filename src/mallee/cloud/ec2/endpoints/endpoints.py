"""VPC endpoints: made, changed and deleted; ways from a VPC to a service without the internet.

Called through the action table. A gateway endpoint puts a route to its service's prefix list into
tables (`endpointroutes`), an interface endpoint stands in subnets (`endpointstandings`). Shown in
`endpointlisting`. What its policy is worth is decided where requests are (`identity.endpoints`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors, policy
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Request, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.endpoints import (
    endpointlisting,
    endpointroutes,
    endpointservices,
    endpointstandings,
)
from mallee.cloud.ec2.endpoints.endpointstandings import DUAL
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.state import records
from mallee.cloud.state.records import Kind, Record
from mallee.model import ids
from mallee.model.network.endpoints import Endpoint, EndpointKind

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_VPC = 50
MAX_GATEWAYS = 20
"""Of an account."""
POLICY_CHARACTERS_MAX = 20480
EVERYTHING = json.dumps(
    {
        "Version": "2008-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
    }
)
"""The policy of an endpoint, as AWS gives it where nobody says another."""
_NAMED_AS = {"ipv4": ("ipv4",), DUAL: (DUAL, "ipv4", "ipv6")}
"""By the type of an endpoint's addresses: of which its names may tell."""
_SERVICE_DEFINED = "service-defined"
_ONLY_INTERFACE = (
    "SubnetIds",
    "SecurityGroupIds",
    "SubnetConfigurations",
    "AddSubnetIds",
    "RemoveSubnetIds",
    "AddSecurityGroupIds",
    "RemoveSecurityGroupIds",
    "PrivateDnsEnabled",
    "DnsOptions",
)
_ONLY_GATEWAY = ("RouteTableIds", "AddRouteTableIds", "RemoveRouteTableIds")

EndpointRecord = Record[Endpoint, None]


def create_endpoint(
    call: WriteCall, request: shapes.CreateVpcEndpointRequest
) -> shapes.CreateVpcEndpointResult:
    """Make an endpoint, and lead the tables to it that it names, or let it stand in subnets."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    kind = _kind(request)
    name = request.get("ServiceName", "")
    service = endpointservices.find(call.settings.region, name, kind)
    if service is None or request.get("ServiceRegion", call.settings.region) != (
        call.settings.region
    ):
        raise errors.InvalidVpcEndpointServiceNotFound(name)
    _check_fits(call, request, kind)
    _check_count(call, kind, vpc.id)
    made = Endpoint(
        id=ids.make("vpce", call.entropy(ids.ID_BYTES)),
        vpc_id=vpc.id,
        kind=kind,
        service=service.name,
        policy=_policy(request),
        label=call.entropy(4).hex() if kind is EndpointKind.INTERFACE else "",
        created_at=call.now,
        tags=tagset.of_new(request, records.ENDPOINT.name),
    )
    record = call.tx.insert(records.ENDPOINT, call.account, made.id, made)
    if kind is EndpointKind.GATEWAY:
        record = endpointroutes.lead(call, record, request.get("RouteTableIds") or ())
    else:
        record = _stand(call, record, request)
    shown = endpointlisting.render(call, record)
    if kind is EndpointKind.INTERFACE:
        # Hosts learn of it within moments: then it is available.
        shown["State"] = "pending"
    return {"VpcEndpoint": shown, "ClientToken": request.get("ClientToken")}


def _kind(request: Request) -> EndpointKind:
    said = request.get("VpcEndpointType", EndpointKind.GATEWAY.value)
    found = next((kind for kind in EndpointKind if kind.value == said), None)
    if found is None:
        raise errors.UnsupportedOperation(
            f"VpcEndpointType {said} leads to what this cloud has not: it has the types "
            f"{' and '.join(kind.value for kind in EndpointKind)}."
        )
    return found


_NAMED: Mapping[str, Kind[Any, Any]] = {
    "RouteTableIds": records.ROUTE_TABLE,
    "AddRouteTableIds": records.ROUTE_TABLE,
    "RemoveRouteTableIds": records.ROUTE_TABLE,
    "SubnetIds": records.SUBNET,
    "AddSubnetIds": records.SUBNET,
    "RemoveSubnetIds": records.SUBNET,
    "SecurityGroupIds": records.SECURITY_GROUP,
    "AddSecurityGroupIds": records.SECURITY_GROUP,
    "RemoveSecurityGroupIds": records.SECURITY_GROUP,
}


def _check_fits(call: WriteCall, request: Mapping[str, Any], kind: EndpointKind) -> None:
    """Refuse things that are not there, and what only the other kind has."""
    for name, of in _NAMED.items():
        resources.several(call, of, request.get(name) or ())
    for one in request.get("SubnetConfigurations") or ():
        resources.one(call, records.SUBNET, one.get("SubnetId", ""))
    is_gateway = kind is EndpointKind.GATEWAY
    for name in _ONLY_INTERFACE if is_gateway else _ONLY_GATEWAY:
        if request.get(name):
            of = EndpointKind.INTERFACE if is_gateway else EndpointKind.GATEWAY
            raise errors.InvalidParameter(
                f"{name} is only supported for {of.value} type VPC Endpoint."
            )
    if is_gateway and request.get("IpAddressType", "ipv4") != "ipv4":
        raise errors.UnsupportedOperation("A gateway endpoint carries IPv4 only.")


def _check_count(call: WriteCall, kind: EndpointKind, vpc_id: str) -> None:
    if kind is EndpointKind.GATEWAY:
        own, most = call.tx.list(records.ENDPOINT, call.account), MAX_GATEWAYS
    else:
        own, most = call.tx.by(records.ENDPOINT, "vpc", vpc_id), MAX_PER_VPC
    if sum(one.doc.kind is kind for one in own) >= most:
        raise errors.VpcEndpointLimitExceeded(most)


def _policy(request: Request) -> str:
    """Return the policy that a request gives, or the one for everything."""
    text: str = request.get("PolicyDocument") or EVERYTHING
    if len(text) > POLICY_CHARACTERS_MAX:
        raise errors.InvalidPolicyDocument(
            f"The policy is longer than {POLICY_CHARACTERS_MAX} characters."
        )
    try:
        policy.parse(text, policy.Kind.ENDPOINT)
    except errors.MalformedPolicyDocument as error:
        raise errors.InvalidPolicyDocument(error.message) from error
    return text


# --- interface endpoints ---


def _stand(
    call: WriteCall, record: EndpointRecord, request: shapes.CreateVpcEndpointRequest
) -> EndpointRecord:
    vpc_id = record.doc.vpc_id
    wanted = endpointstandings.places(
        call,
        request.get("SubnetIds") or (),
        request.get("SubnetConfigurations") or (),
        vpc_id,
    )
    doc = replace(
        record.doc,
        group_ids=securitygroups.to_wear(call, vpc_id, request.get("SecurityGroupIds") or ()),
        ip_address_type=_address_type(request.get("IpAddressType", "ipv4")),
        private_dns=request.get("PrivateDnsEnabled", True),
    )
    record = call.tx.write(record, replace(doc, dns_record_ip_type=_named_as(request, doc)))
    _check_private_dns(call, record)
    return endpointstandings.stand(call, record, wanted)


def _address_type(said: str) -> str:
    if said not in _NAMED_AS:
        raise errors.UnsupportedOperation(
            "IpAddressType ipv6: interfaces here have an IPv4 address too. Give dualstack."
        )
    return said


def _named_as(request: Mapping[str, Any], doc: Endpoint) -> str:
    """Return of which addresses the endpoint's names tell; by itself, of all that it has."""
    options: Mapping[str, str] = request.get("DnsOptions") or {}
    said = options.get("DnsRecordIpType")
    fitting = _NAMED_AS[doc.ip_address_type]
    if said is None:
        return fitting[0]
    if said not in (*fitting, _SERVICE_DEFINED):
        raise errors.InvalidParameter(
            f"DnsRecordIpType {said} does not go with the IpAddressType {doc.ip_address_type}."
        )
    return fitting[0] if said == _SERVICE_DEFINED else said


def _check_private_dns(call: WriteCall, record: EndpointRecord) -> None:
    """Refuse private names that the VPC would not tell, or that another endpoint has."""
    doc = record.doc
    if not doc.private_dns:
        return
    vpc = call.tx.get(records.VPC, doc.vpc_id)
    if vpc is None or not (vpc.doc.dns_support and vpc.doc.dns_hostnames):
        raise errors.InvalidParameter(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC "
            f"attributes set to true for {doc.vpc_id}"
        )
    for other in call.tx.by(records.ENDPOINT, "vpc", doc.vpc_id):
        if other.id != record.id and other.doc.private_dns and other.doc.service == doc.service:
            found = endpointservices.find(call.settings.region, doc.service, doc.kind)
            raise errors.InvalidParameter(
                "private-dns-enabled cannot be set because there is already a conflicting DNS "
                f"domain for {found.private_name if found else doc.service} in the VPC "
                f"{doc.vpc_id}"
            )


# --- changed ---


def modify_endpoint(
    call: WriteCall, request: shapes.ModifyVpcEndpointRequest
) -> shapes.ModifyVpcEndpointResult:
    """Change an endpoint's policy, where it is led to or stands, its groups and its names."""
    record = resources.one(call, records.ENDPOINT, request["VpcEndpointId"])
    _check_fits(call, request, record.doc.kind)
    if request.get("ResetPolicy") and request.get("PolicyDocument"):
        raise errors.InvalidParameterCombination("Give ResetPolicy or PolicyDocument, not both.")
    if request.get("ResetPolicy") or request.get("PolicyDocument"):
        record = call.tx.write(record, replace(record.doc, policy=_policy(request)))
    if record.doc.kind is EndpointKind.GATEWAY:
        gone = request.get("RemoveRouteTableIds") or ()
        record = endpointroutes.lead(call, record, request.get("AddRouteTableIds") or ())
        endpointroutes.leave(call, record, gone)
    else:
        _modify_standing(call, record, request)
    return {"Return": True}


def _modify_standing(
    call: WriteCall, record: EndpointRecord, request: shapes.ModifyVpcEndpointRequest
) -> None:
    record = _modify_groups(call, record, request)
    left = [
        it.id
        for it in resources.several(call, records.SUBNET, request.get("RemoveSubnetIds") or ())
    ]
    strangers = set(left) - {one.subnet_id for one in record.doc.standings}
    if strangers:
        raise errors.InvalidParameter(
            f"The endpoint {record.id} is not in {', '.join(sorted(strangers))}."
        )
    record = endpointstandings.leave(call, record, left)
    if "IpAddressType" in request:
        kind = _address_type(request["IpAddressType"])
        record = endpointstandings.speak(call, record, kind)
    if "IpAddressType" in request or "DnsOptions" in request:
        named = _named_as(request, record.doc)
        record = call.tx.write(record, replace(record.doc, dns_record_ip_type=named))
    wanted = endpointstandings.places(
        call,
        request.get("AddSubnetIds") or (),
        request.get("SubnetConfigurations") or (),
        record.doc.vpc_id,
    )
    record = endpointstandings.stand(call, record, wanted)
    if "PrivateDnsEnabled" in request:
        told = replace(record.doc, private_dns=request["PrivateDnsEnabled"])
        _check_private_dns(call, call.tx.write(record, told))


def _modify_groups(
    call: WriteCall, record: EndpointRecord, request: shapes.ModifyVpcEndpointRequest
) -> EndpointRecord:
    more = [
        it.id
        for it in resources.several(
            call, records.SECURITY_GROUP, request.get("AddSecurityGroupIds") or ()
        )
    ]
    less = {
        it.id
        for it in resources.several(
            call, records.SECURITY_GROUP, request.get("RemoveSecurityGroupIds") or ()
        )
    }
    if not more and not less:
        return record
    worn = [id for id in dict.fromkeys((*record.doc.group_ids, *more)) if id not in less]
    if not worn:
        raise errors.InvalidParameter(
            f"The endpoint {record.id} must have at least one security group."
        )
    return endpointstandings.wear(call, record, worn)


# --- deleted ---


def delete_endpoints(
    call: WriteCall, request: shapes.DeleteVpcEndpointsRequest
) -> shapes.DeleteVpcEndpointsResult:
    """Delete endpoints; those that are not there are told, and hinder no other."""
    unsuccessful: list[shapes.UnsuccessfulItem] = []
    for id in dict.fromkeys(request["VpcEndpointIds"]):
        resources.check_form(records.ENDPOINT, id)
        record = call.tx.get(records.ENDPOINT, id)
        if record is None or record.account != call.account:
            error = errors.InvalidVpcEndpointIdNotFound(id)
            told: shapes.UnsuccessfulItemError = {"Code": error.code, "Message": error.message}
            unsuccessful.append({"ResourceId": id, "Error": told})
            continue
        record = endpointroutes.leave(call, record, record.doc.route_table_ids)
        subnets = [one.subnet_id for one in record.doc.standings]
        call.tx.delete(endpointstandings.leave(call, record, subnets))
    return {"Unsuccessful": unsuccessful}


_SUBNETS = (
    "SubnetConfigurations.SubnetId",
    "SubnetConfigurations.Ipv4",
    "SubnetConfigurations.Ipv6",
)

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateVpcEndpoint",
        does=Write(handle=create_endpoint),
        honours=frozenset(
            {
                "VpcId",
                "VpcEndpointType",
                "ServiceName",
                "ServiceRegion",
                "PolicyDocument",
                "RouteTableIds",
                "SubnetIds",
                "SecurityGroupIds",
                "IpAddressType",
                "DnsOptions.DnsRecordIpType",
                "PrivateDnsEnabled",
                *_SUBNETS,
            }
        ),
        creates=(records.ENDPOINT.name,),
    ),
    Action(
        service="ec2",
        name="ModifyVpcEndpoint",
        does=Write(handle=modify_endpoint),
        honours=frozenset(
            {
                "VpcEndpointId",
                "AddRouteTableIds",
                "RemoveRouteTableIds",
                "AddSubnetIds",
                "RemoveSubnetIds",
                "AddSecurityGroupIds",
                "RemoveSecurityGroupIds",
                "PolicyDocument",
                "ResetPolicy",
                "IpAddressType",
                "DnsOptions.DnsRecordIpType",
                "PrivateDnsEnabled",
                *_SUBNETS,
            }
        ),
    ),
    Action(
        service="ec2",
        name="DeleteVpcEndpoints",
        does=Write(handle=delete_endpoints),
        honours=frozenset({"VpcEndpointIds"}),
    ),
)
