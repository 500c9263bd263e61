"""Whether a packet would pass between two ends, and what stops it, by the reference evaluator.

It judges what is wanted of the account's own networks, as `model.packets` does; where a packet goes
on into another account's network, its way is told up to there and no further. Called by the row
`ExplainPacket`. What guests do with packets, and connections that stand, are not its business.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from mallee.cloud.call import Call
from mallee.cloud.hosts.slices import networkslices, transitslices
from mallee.cloud.hosts.slices.networkslices import InterfaceRecord, VpcRecord
from mallee.cloud.state import records
from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network.carried import TransitGatewayWanted, TransitRouteWanted
from mallee.model.network.routing import TargetKind
from mallee.model.packets.hops import Address, End, Hop, Trace

WHY: Mapping[End, tuple[str, str]] = {
    End.ARRIVED: ("{at} receives it", ""),
    End.SERVICE: ("it reaches the service by the endpoint {at}", ""),
    End.WORLD: ("it leaves the cloud", ""),
    End.SENDER: (
        "{at} may send only from addresses of its own",
        "send from its own address, or switch off the check: ModifyNetworkInterfaceAttribute",
    ),
    End.EGRESS: (
        "no egress rule of the groups of {at} lets it out",
        "AuthorizeSecurityGroupEgress",
    ),
    End.INGRESS: (
        "no ingress rule of the groups of {at} lets it in",
        "AuthorizeSecurityGroupIngress",
    ),
    End.ACL_OUT: ("the network ACL {at} stops what leaves its subnet", "CreateNetworkAclEntry"),
    End.ACL_IN: ("the network ACL {at} stops what comes to its subnet", "CreateNetworkAclEntry"),
    End.NO_ROUTE: (
        "the route table {at} leads it nowhere",
        "CreateRoute, or put the target of the route right (`mallee explain` names dead routes)",
    ),
    End.NO_TRANSIT: (
        "the transit gateway leads it nowhere: {at}",
        "AssociateTransitGatewayRouteTable, EnableTransitGatewayRouteTablePropagation or "
        "CreateTransitGatewayRoute",
    ),
    End.NOBODY: ("nobody in the VPC takes it: {at}", "see which address is meant"),
    End.NO_PUBLIC_ADDRESS: (
        "{at} has no public address, and its way out is an internet gateway",
        "associate an elastic address, or route through a NAT gateway",
    ),
    End.CHECKED: (
        "it is led to {at}, which takes only what is for itself",
        "switch off its source/destination check: ModifyNetworkInterfaceAttribute",
    ),
    End.BLOCKED: (
        "its account blocks public access, and {at} is not freed of that",
        "CreateVpcBlockPublicAccessExclusion, or ModifyVpcBlockPublicAccessOptions",
    ),
    End.ELSEWHERE: ("it goes on to the host {at}", ""),
    End.CLOSED: (
        "no internet gateway leads out of the subnet of {at}, so that nothing may come in",
        "route ::/0 to an internet gateway",
    ),
}
"""By how a way ends: why, and what to do about it."""

BEYOND = "it goes on into another account's network, and what becomes of it there is not told"


def is_beyond(call: Call, found: Trace) -> bool:
    """Tell whether the packet crossed into another account's network."""
    return any(is_foreign(call, hop.id) for hop in found.hops)


def is_foreign(call: Call, id: str) -> bool:
    """Tell whether it is a connection with another account's network: a peering connection, or an
    attachment to a transit gateway."""
    attachment = call.view.get(records.TRANSIT_ATTACHMENT, id)
    if attachment is not None:
        return {attachment.doc.account, attachment.doc.other_account} != {call.account}
    peering = call.view.get(records.PEERING, id)
    if peering is None:
        return False
    ends = (peering.doc.requester, peering.doc.accepter)
    return any(end.account != call.account for end in ends)


def cut_at(hops: tuple[Hop, ...], foreign: frozenset[str]) -> tuple[Hop, ...]:
    """Return the hops up to the first of these connections, which is shown still."""
    for number, hop in enumerate(hops):
        if hop.id in foreign:
            return hops[: number + 1]
    return hops


def before_border(call: Call, hops: tuple[Hop, ...]) -> tuple[Hop, ...]:
    """Return the hops up to where another account's network begins."""
    return cut_at(hops, frozenset(hop.id for hop in hops if is_foreign(call, hop.id)))


def networks(
    call: Call, ends: Iterable[InterfaceRecord], destinations: Iterable[Address]
) -> dict[str, VpcWanted]:
    """Return the VPCs by which packets may go between ends of the account and addresses.

    Each has only the interfaces that may have to do with it; VPCs that are peers of the account's
    are among them, so that who judges sees whether a packet goes on there.
    """
    groups, held = networkslices.Groups(call.settings.region), list(ends)
    addresses = frozenset(destinations)
    held += [one for address in addresses for one in _public(call, address)]
    own = {vpc.id for vpc in call.view.list(records.VPC, call.account)}
    peers = {end for id in own for end in _peers(call, id)}
    peers |= {other for id in own for other in transitslices.neighbours(call.view, id)}
    found: dict[str, VpcWanted] = {}
    for vpc_id in sorted(own | peers):
        vpc = call.view.get(records.VPC, vpc_id)
        if vpc is not None:
            met = {one.id: one for one in held if one.doc.vpc_id == vpc_id}
            met.update({one.id: one for one in _concerned(call, vpc, addresses)})
            found[vpc_id] = networkslices.vpc_wanted(call.view, vpc, list(met.values()), groups)
    return found


def transit(call: Call, vpcs: Mapping[str, VpcWanted]) -> dict[str, TransitGatewayWanted]:
    """Return the transit gateways by which these VPCs reach each other."""
    return {one.id: one for one in transitslices.gateways(call.view, vpcs)}


def _peers(call: Call, vpc_id: str) -> Iterator[str]:
    for peering in call.view.by(records.PEERING, "vpc", vpc_id):
        ends = (peering.doc.requester.vpc_id, peering.doc.accepter.vpc_id)
        yield from (end for end in ends if end != vpc_id)


def _concerned(
    call: Call, vpc: VpcRecord, addresses: frozenset[Address]
) -> Iterator[InterfaceRecord]:
    """Yield who has one of the addresses in a VPC, and whom its routes lead to."""
    texts = {str(one) for one in addresses}
    for one in call.view.by(records.INTERFACE, "vpc", vpc.id):
        if _has(one, addresses, texts):
            yield one
    for table in call.view.by(records.ROUTE_TABLE, "vpc", vpc.id):
        for route in table.doc.routes:
            router = (
                call.view.get(records.INTERFACE, route.target_id)
                if route.target is TargetKind.INTERFACE
                else None
            )
            if router is not None:
                yield router


def _has(interface: InterfaceRecord, addresses: frozenset[Address], texts: set[str]) -> bool:
    doc = interface.doc
    if not texts.isdisjoint((doc.private_ip, *doc.secondary_ips, *doc.ipv6s)):
        return True
    led = [ip_network(one) for one in (*doc.prefixes, *doc.prefixes6)]
    return any(address in one for one in led for address in addresses)


def _public(call: Call, destination: Address) -> list[InterfaceRecord]:
    """Return the account's own interfaces to which a public address leads; others' are the world.

    An address of IPv6 is its own public one.
    """
    text = str(destination)
    found = list(call.view.by(records.INTERFACE, "public-ip", text))
    for address in call.view.by(records.ADDRESS, "public-ip", text):
        interface = call.view.get(records.INTERFACE, address.doc.interface_id or "")
        found += [interface] if interface is not None else []
    if destination.version == 6:
        own = call.view.list(records.INTERFACE, call.account)
        found += [one for one in own if text in one.doc.ipv6s]
    return [one for one in found if one.account == call.account]


def source_of(sender: InterfaceRecord, destination: Address) -> Address | None:
    """Return from which address an interface's guest speaks to a destination; None: it cannot."""
    if destination.version == 4:
        own = sender.doc.private_ip
        return ip_address(own) if own else None
    return ip_address(sender.doc.ipv6s[0]) if sender.doc.ipv6s else None


def shown(found: Trace) -> dict[str, Any]:
    """Return how a way ended, in words."""
    why, cure = WHY[found.end]
    rule = found.hops[-1].rule if found.hops else None
    if found.end is End.NO_TRANSIT and isinstance(rule, TransitRouteWanted):
        why += f", by its route to {rule.cidr}"
    return {
        "Passes": found.passes,
        "End": found.end.value,
        "At": found.at or None,
        "Why": why.format(at=found.at or "main"),
        "Cure": cure or None,
        "Met": list(found.met),
    }
