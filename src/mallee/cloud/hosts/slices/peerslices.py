"""Peers in a host's slice: the other hosts that it deals with, and at which addresses they are.

Two hosts are peers while both carry interfaces of one VPC (or of VPCs that lead to each other), or
while a volume goes from one to the other. A host without an address is nobody's peer.
Called by `slices`; what hosts do with each other is the agents' business.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from mallee.cloud.hosts import standings
from mallee.cloud.state import records
from mallee.cloud.state.view import View
from mallee.model.network.carried import PeerWanted

Sharing = Mapping[str, frozenset[str]]
"""By VPC: the hosts that carry interfaces of it."""
NOBODY: Sharing = {}


def hosts_of_vpc(view: View, vpc_id: str) -> frozenset[str]:
    """Return the ids of the hosts that carry interfaces of the VPC."""
    owners = {one.doc.instance_id or "" for one in view.by(records.INTERFACE, "vpc", vpc_id)}
    found = (view.get(records.INSTANCE, owner) for owner in owners)
    return frozenset(one.doc.host_id for one in found if one is not None)


def sharing(view: View, carried: Iterable[str], before: Sharing, again: Collection[str]) -> Sharing:
    """Return the hosts of each VPC that a host carries; those known `before` are looked at only
    `again`."""
    return {
        vpc_id: before[vpc_id]
        if vpc_id in before and vpc_id not in again
        else hosts_of_vpc(view, vpc_id)
        for vpc_id in carried
    }


def exchanging(view: View, host_id: str) -> Iterator[str]:
    """Yield the ids of the hosts with which the host exchanges a volume, or a guest."""
    for index in ("host", "coming"):
        for instance in view.by(records.INSTANCE, index, host_id):
            if instance.doc.migration is not None:
                ends = {instance.doc.host_id, instance.doc.migration.to_host_id}
                yield from ends - {host_id}
    for volume in view.by(records.VOLUME, "host", host_id):
        doc = volume.doc
        to_host_id = doc.move.to_host_id if doc.move else ""
        yield from {doc.host_id, doc.former_host_id, to_host_id} - {host_id, ""}


def own(view: View, host_id: str) -> PeerWanted | None:
    """Return the host as others are told of it; None: nobody is."""
    found = view.get(records.HOST, host_id)
    if found is None or not found.doc.address:
        return None
    return PeerWanted(id=found.id, name=found.doc.name, address=found.doc.address)


def wanted(view: View, host_id: str, others: Iterable[str]) -> tuple[PeerWanted, ...]:
    """Return those of the hosts that the host can reach, by id."""
    found = (view.get(records.HOST, other) for other in sorted(set(others) - {host_id}))
    return tuple(
        PeerWanted(id=one.id, name=one.doc.name, address=one.doc.address)
        for one in found
        if one is not None and one.doc.address and standings.is_member(one)
    )
