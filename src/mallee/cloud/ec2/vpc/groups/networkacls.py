"""Network ACLs: made with their VPC or by users, lent to subnets, shown with their entries.

Called through the action table, by `vpcs` for the default one and by `subnets` for a new subnet's.
Their entries are changed in `networkaclentries`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.acls import LAST_NUMBER, AclEntry, NetworkAcl
from mallee.model.network.networks import Vpc

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_VPC = 200
ASSOCIATION_PREFIX = "aclassoc"
EVERYTHING = "-1"
FIRST, FIRST6 = 100, 101
"""Numbers of the entries that a default ACL begins with."""

AclRecord = Record[NetworkAcl, None]
Entropy = Callable[[int], bytes]


def create_default(tx: store.Tx, vpc: Record[Vpc, None], entropy: Entropy) -> AclRecord:
    """Give the VPC its default ACL, which lets everything pass until it is changed."""
    id = ids.make("acl", entropy(ids.ID_BYTES))
    entries = tuple(_letting_pass(is_egress=is_egress) for is_egress in (False, True))
    acl = NetworkAcl(id=id, vpc_id=vpc.id, is_default=True, entries=entries)
    return tx.insert(records.NETWORK_ACL, vpc.account, id, acl)


def _letting_pass(*, is_egress: bool) -> AclEntry:
    return AclEntry(
        number=FIRST, is_egress=is_egress, is_allowed=True, protocol=EVERYTHING, cidr="0.0.0.0/0"
    )


def admit_ipv6(tx: store.Tx, vpc_id: str) -> None:
    """Let IPv6 pass the default ACL too, as on AWS when a VPC gets its first range of it: not in a
    direction in which the ACL was changed by then.
    """
    acl = default_of(tx, vpc_id)
    new = [
        replace(first, number=FIRST6, cidr=None, cidr6="::/0")
        for first in (_letting_pass(is_egress=it) for it in (False, True))
        if [it for it in acl.doc.entries if it.is_egress == first.is_egress] == [first]
    ]
    tx.write(acl, replace(acl.doc, entries=in_order((*acl.doc.entries, *new))))


def in_order(entries: Iterable[AclEntry]) -> tuple[AclEntry, ...]:
    """Return entries as they are kept: what comes in first, by number."""
    return tuple(sorted(entries, key=lambda entry: (entry.is_egress, entry.number)))


def default_of(view: store.View | store.Tx, vpc_id: str) -> AclRecord:
    """Return the VPC's default ACL."""
    return next(acl for acl in view.by(records.NETWORK_ACL, "vpc", vpc_id) if acl.doc.is_default)


def create_network_acl(
    call: WriteCall, request: shapes.CreateNetworkAclRequest
) -> shapes.CreateNetworkAclResult:
    """Make an ACL that lets nothing pass."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    if len(call.tx.by(records.NETWORK_ACL, "vpc", vpc.id)) >= MAX_PER_VPC:
        raise errors.NetworkAclLimitExceeded(MAX_PER_VPC)
    id = ids.make("acl", call.entropy(ids.ID_BYTES))
    tags = tagset.of_new(request, records.NETWORK_ACL.name)
    acl = call.tx.insert(
        records.NETWORK_ACL, call.account, id, NetworkAcl(id=id, vpc_id=vpc.id, tags=tags)
    )
    return {"NetworkAcl": _render(call, acl), "ClientToken": request.get("ClientToken")}


def delete_network_acl(call: WriteCall, request: shapes.DeleteNetworkAclRequest) -> Result:
    """Delete an ACL that is not the default one, and that no subnet has."""
    acl = resources.one(call, records.NETWORK_ACL, request["NetworkAclId"])
    if acl.doc.is_default:
        raise errors.InvalidParameterValue(f"cannot delete default network ACL {acl.id}")
    if call.tx.by(records.SUBNET, "acl", acl.id):
        raise errors.DependencyViolation(
            f"The networkAcl '{acl.id}' has dependencies and cannot be deleted."
        )
    call.tx.delete(acl)
    return {}


def replace_association(
    call: WriteCall, request: shapes.ReplaceNetworkAclAssociationRequest
) -> shapes.ReplaceNetworkAclAssociationResult:
    """Give a subnet another ACL."""
    acl = resources.one(call, records.NETWORK_ACL, request["NetworkAclId"])
    id = request["AssociationId"]
    for subnet in call.tx.by(records.SUBNET, "association", id):
        if subnet.account == call.account and subnet.doc.acl_association_id == id:
            break
    else:
        raise errors.InvalidAssociationIDNotFound(id)
    if subnet.doc.vpc_id != acl.doc.vpc_id:
        raise errors.InvalidParameterValue(
            f"Network ACL {acl.id} and subnet {subnet.id} belong to different networks"
        )
    new = ids.make(ASSOCIATION_PREFIX, call.entropy(ids.ID_BYTES))
    call.tx.write(subnet, replace(subnet.doc, acl_id=acl.id, acl_association_id=new))
    return {"NewAssociationId": new}


def _find(call: Call, request: shapes.DescribeNetworkAclsRequest) -> Iterable[AclRecord]:
    asked: list[str] = request.get("NetworkAclIds") or []
    if asked:
        return resources.several(call, records.NETWORK_ACL, asked)
    return sorted(call.view.list(records.NETWORK_ACL, call.account), key=lambda it: it.id)


def _render(call: Call, acl: AclRecord) -> shapes.NetworkAcl:
    return {
        "NetworkAclId": acl.id,
        "VpcId": acl.doc.vpc_id,
        "OwnerId": acl.account,
        "IsDefault": acl.doc.is_default,
        "Entries": [_shown(entry) for entry in _with_last(call, acl)],
        "Associations": _associations(call, acl),
        "Tags": tagset.shown(acl.doc.tags),
    }


def _associations(call: Call, acl: AclRecord) -> list[shapes.NetworkAclAssociation]:
    subnets = resources.reader(call).by(records.SUBNET, "acl", acl.id)
    return [
        {
            "NetworkAclAssociationId": subnet.doc.acl_association_id,
            "NetworkAclId": acl.id,
            "SubnetId": subnet.id,
        }
        for subnet in sorted(subnets, key=lambda it: it.id)
    ]


def _with_last(call: Call, acl: AclRecord) -> list[AclEntry]:
    """Return the entries with the ones at the end, which nobody can change: refuse the rest."""
    vpc = resources.reader(call).get(records.VPC, acl.doc.vpc_id)
    entries = list(acl.doc.entries)
    for is_egress in (False, True):
        last = AclEntry(
            number=LAST_NUMBER + 1,
            is_egress=is_egress,
            is_allowed=False,
            protocol=EVERYTHING,
            cidr="0.0.0.0/0",
        )
        entries.append(last)
        if vpc is not None and vpc.doc.ipv6_cidrs:
            entries.append(replace(last, number=LAST_NUMBER + 2, cidr=None, cidr6="::/0"))
    return list(in_order(entries))


def _shown(entry: AclEntry) -> shapes.NetworkAclEntry:
    row: dict[str, Any] = {
        "RuleNumber": entry.number,
        "Protocol": entry.protocol,
        "RuleAction": "allow" if entry.is_allowed else "deny",
        "Egress": entry.is_egress,
        "CidrBlock": entry.cidr,
        "Ipv6CidrBlock": entry.cidr6,
    }
    if entry.protocol in ("6", "17"):
        row["PortRange"] = {"From": entry.from_port, "To": entry.to_port}
    if entry.protocol in ("1", "58"):
        row["IcmpTypeCode"] = {"Type": entry.icmp_type, "Code": entry.icmp_code}
    shown: Any = row
    return shown


def _of_entries(*path: str) -> Callable[[Call, AclRecord], Iterable[str]]:
    """Return a filter by a member of the entries as they are shown."""

    def values(call: Call, acl: AclRecord) -> Iterable[str]:
        for entry in _with_last(call, acl):
            value: Any = _shown(entry)
            for name in path:
                value = value.get(name) if value else None
            if value is not None:
                yield resources.boolean(value) if isinstance(value, bool) else str(value)

    return values


def _of_associations(member: str) -> Callable[[Call, AclRecord], Iterable[str]]:
    def values(call: Call, acl: AclRecord) -> Iterable[str]:
        rows: list[Any] = list(_associations(call, acl))
        return [row[member] for row in rows]

    return values


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateNetworkAcl",
        does=Write(handle=create_network_acl),
        honours=frozenset({"VpcId"}),
        creates=(records.NETWORK_ACL.name,),
    ),
    Action(
        service="ec2",
        name="DeleteNetworkAcl",
        does=Write(handle=delete_network_acl),
        honours=frozenset({"NetworkAclId"}),
    ),
    Action(
        service="ec2",
        name="ReplaceNetworkAclAssociation",
        does=Write(handle=replace_association),
        honours=frozenset({"AssociationId", "NetworkAclId"}),
    ),
    Action(
        service="ec2",
        name="DescribeNetworkAcls",
        does=Listing(
            find=_find,
            render=_render,
            member="NetworkAcls",
            filters={
                "association.association-id": _of_associations("NetworkAclAssociationId"),
                "association.network-acl-id": _of_associations("NetworkAclId"),
                "association.subnet-id": _of_associations("SubnetId"),
                "default": lambda call, it: (resources.boolean(it.doc.is_default),),
                "entry.cidr": _of_entries("CidrBlock"),
                "entry.egress": _of_entries("Egress"),
                "entry.icmp.code": _of_entries("IcmpTypeCode", "Code"),
                "entry.icmp.type": _of_entries("IcmpTypeCode", "Type"),
                "entry.ipv6-cidr": _of_entries("Ipv6CidrBlock"),
                "entry.port-range.from": _of_entries("PortRange", "From"),
                "entry.port-range.to": _of_entries("PortRange", "To"),
                "entry.protocol": _of_entries("Protocol"),
                "entry.rule-action": _of_entries("RuleAction"),
                "entry.rule-number": _of_entries("RuleNumber"),
                "network-acl-id": lambda call, it: (it.id,),
                "owner-id": lambda call, it: (it.account,),
                "vpc-id": lambda call, it: (it.doc.vpc_id,),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"NetworkAclIds"}),
    ),
)
