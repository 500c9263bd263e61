"""Instance connect endpoints: made in a subnet with an interface, shown, changed and deleted.

Called through the action table. A tunnel (`tunnels`) begins a connection at an endpoint's address
to a private address of its VPC; security groups of both sides judge it. Carrying it is the hosts'
business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset, zones
from mallee.cloud.ec2.vpc.groups import securitygroups
from mallee.cloud.ec2.vpc.interfaces import interfaces
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.hosts import hosts
from mallee.model.network.connectendpoints import ConnectEndpoint

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 5
REQUESTER = "ec2_instance_connect_endpoint"
IPV4 = "ipv4"

EndpointRecord = Record[ConnectEndpoint, None]


def create_endpoint(
    call: WriteCall, request: shapes.CreateInstanceConnectEndpointRequest
) -> shapes.CreateInstanceConnectEndpointResult:
    """Make an endpoint with its interface; there is one in a VPC, as on AWS."""
    _check_kind(request)
    subnet = resources.one(call, records.SUBNET, request["SubnetId"])
    if call.tx.by(records.CONNECT_ENDPOINT, "vpc", subnet.doc.vpc_id):
        raise errors.connect.InstanceConnectEndpointLimitExceeded(1, f"in {subnet.doc.vpc_id}")
    if len(call.tx.list(records.CONNECT_ENDPOINT, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.connect.InstanceConnectEndpointLimitExceeded(MAX_PER_ACCOUNT, "in an account")
    id = ids.make("eice", call.entropy(ids.ID_BYTES))
    worn = request.get("SecurityGroupIds") or ()
    interface = interfaces.create(
        call,
        interfaces.NewInterface(
            instance_id=None,
            subnet=subnet,
            group_ids=securitygroups.to_wear(call, subnet.doc.vpc_id, worn),
            description=f"EC2 Instance Connect Endpoint {id}",
            delete_on_termination=False,
            requester=REQUESTER,
        ),
    )
    made = ConnectEndpoint(
        id=id,
        vpc_id=subnet.doc.vpc_id,
        subnet_id=subnet.id,
        zone=subnet.doc.zone,
        interface_id=interface.id,
        created_at=call.now,
        tags=tagset.of_new(request, records.CONNECT_ENDPOINT.name),
    )
    record = call.tx.insert(records.CONNECT_ENDPOINT, call.account, id, made)
    return {
        "InstanceConnectEndpoint": _render(call, record),
        "ClientToken": request.get("ClientToken"),
    }


def _check_kind(request: Request) -> None:
    """Refuse what no host would do."""
    if request.get("PreserveClientIp"):
        raise errors.UnsupportedOperation(
            "PreserveClientIp is not supported: connections begin at the endpoint's own address."
        )
    if request.get("IpAddressType", IPV4) != IPV4:
        raise errors.UnsupportedOperation("IpAddressType has only the value 'ipv4' here.")


def modify_endpoint(
    call: WriteCall, request: shapes.ModifyInstanceConnectEndpointRequest
) -> shapes.ModifyInstanceConnectEndpointResult:
    """Let the endpoint wear other security groups."""
    record = resources.one(call, records.CONNECT_ENDPOINT, request["InstanceConnectEndpointId"])
    _check_kind(request)
    worn: list[str] = request.get("SecurityGroupIds") or []
    interface = call.tx.get(records.INTERFACE, record.doc.interface_id)
    if worn and interface is not None:
        interfaces.set_groups(call, interface, worn)
    return {"Return": True}


def delete_endpoint(
    call: WriteCall, request: shapes.DeleteInstanceConnectEndpointRequest
) -> shapes.DeleteInstanceConnectEndpointResult:
    """Delete an endpoint with its interface; tunnels through it end within moments."""
    record = resources.one(call, records.CONNECT_ENDPOINT, request["InstanceConnectEndpointId"])
    shown = {**_render(call, record), "State": "delete-complete"}
    interface = call.tx.get(records.INTERFACE, record.doc.interface_id)
    if interface is not None:
        interfaces.delete(call.tx, interface)
    call.tx.delete(record)
    return {"InstanceConnectEndpoint": shown}  # pyright: ignore[reportReturnType]


def dns_name(region: str, id: str) -> str:
    """Return the name that clients of AWS make their tunnels to."""
    return f"{id}.ec2-instance-connect-endpoint.{region}.{hosts.SERVICES_DOMAIN}"


def group_ids(view: store.View | store.Tx, record: EndpointRecord) -> tuple[str, ...]:
    """Return the security groups that the endpoint wears."""
    interface = view.get(records.INTERFACE, record.doc.interface_id)
    return interface.doc.group_ids if interface else ()


def _find(
    call: Call, request: shapes.DescribeInstanceConnectEndpointsRequest
) -> Iterable[EndpointRecord]:
    asked: list[str] = request.get("InstanceConnectEndpointIds") or []
    if asked:
        return resources.several(call, records.CONNECT_ENDPOINT, asked)
    return sorted(call.view.list(records.CONNECT_ENDPOINT, call.account), key=lambda it: it.id)


def _render(call: Call, record: EndpointRecord) -> shapes.Ec2InstanceConnectEndpoint:
    region = call.settings.region
    name = dns_name(region, record.id)
    return {
        "OwnerId": record.account,
        "InstanceConnectEndpointId": record.id,
        "InstanceConnectEndpointArn": arns.of(call, records.CONNECT_ENDPOINT, record.id),
        "State": "create-complete",
        "StateMessage": "",
        "DnsName": name,
        "NetworkInterfaceIds": [record.doc.interface_id],
        "VpcId": record.doc.vpc_id,
        "AvailabilityZone": record.doc.zone,
        "AvailabilityZoneId": zones.id_of(record.doc.zone, region),
        "CreatedAt": record.doc.created_at,
        "SubnetId": record.doc.subnet_id,
        "PreserveClientIp": False,
        "SecurityGroupIds": list(group_ids(call.view, record)),
        "IpAddressType": IPV4,
        "PublicDnsNames": {"Ipv4": {"DnsName": name}},
        "Tags": tagset.shown(record.doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateInstanceConnectEndpoint",
        does=Write(handle=create_endpoint),
        honours=frozenset({"SubnetId", "SecurityGroupIds", "PreserveClientIp", "IpAddressType"}),
        creates=(records.CONNECT_ENDPOINT.name,),
    ),
    Action(
        service="ec2",
        name="ModifyInstanceConnectEndpoint",
        does=Write(handle=modify_endpoint),
        honours=frozenset(
            {
                "InstanceConnectEndpointId",
                "SecurityGroupIds",
                "PreserveClientIp",
                "IpAddressType",
            }
        ),
    ),
    Action(
        service="ec2",
        name="DeleteInstanceConnectEndpoint",
        does=Write(handle=delete_endpoint),
        honours=frozenset({"InstanceConnectEndpointId"}),
    ),
    Action(
        service="ec2",
        name="DescribeInstanceConnectEndpoints",
        does=Listing(
            find=_find,
            render=_render,
            member="InstanceConnectEndpoints",
            filters={
                "instance-connect-endpoint-id": lambda call, it: (it.id,),
                "state": lambda call, it: ("create-complete",),
                "subnet-id": lambda call, it: (it.doc.subnet_id,),
                "vpc-id": lambda call, it: (it.doc.vpc_id,),
            },
            tags=lambda it: it.doc.tags,
            max_results=(1, 50),
        ),
        honours=frozenset({"InstanceConnectEndpointIds"}),
    ),
)
