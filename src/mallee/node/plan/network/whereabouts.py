"""What is wanted of a host's network, with guests where they are: the cloud may not know it yet.

A guest that goes from host to host is led to where it is from the moment it stands, not from when
the cloud has heard of it. So what the cloud wants is read as if it had: the guest's interfaces are
another host's, or this one's own. Called by `do/network`; who is where is `migrating.whereabouts`'.
Pure.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from mallee.model.hosts.hosts import HostWanted, InterfaceWanted, VpcWanted
from mallee.model.network.carried import AddressWanted, FarInterface

Places = Mapping[str, str]
"""By instance: the host that its guest is on, where that is another one than the cloud says."""


def placed(wanted: HostWanted, places: Places) -> HostWanted:
    """Return what is wanted with those guests where they are; the same value if that changes
    nothing."""
    if not places or wanted.own is None:
        return wanted
    own_id = wanted.own.id
    vpcs = tuple(_placed(vpc, own_id, places) for vpc in wanted.vpcs)
    if all(one is other for one, other in zip(vpcs, wanted.vpcs, strict=True)):
        return wanted
    return replace(wanted, vpcs=vpcs)


def _placed(vpc: VpcWanted, own_id: str, places: Places) -> VpcWanted:
    known = {far.host_id for far in vpc.far}
    leaving = [one for one in vpc.interfaces if places.get(one.instance_id, own_id) in known]
    moved = {one.id: (places[one.instance_id], _far(one)) for one in leaving}
    near = {one.id for one in vpc.interfaces} - moved.keys()
    gone = set[str]()
    for far in vpc.far:
        for one in far.interfaces:
            to = places.get(one.instance_id, far.host_id) if one.instance_id else far.host_id
            if to == own_id and one.id in near:
                gone.add(one.id)
            elif to != far.host_id and to in known and one.id not in moved:
                moved[one.id] = (to, one)
    if not moved and not gone:
        return vpc
    gone |= moved.keys()
    return replace(
        vpc,
        interfaces=tuple(one for one in vpc.interfaces if one.id in near),
        far=tuple(
            replace(
                far,
                interfaces=(
                    *(one for one in far.interfaces if one.id not in gone),
                    *(one for to, one in moved.values() if to == far.host_id),
                ),
            )
            for far in vpc.far
        ),
    )


def _far(one: InterfaceWanted) -> FarInterface:
    """Return an interface of this host's as it is known of another's."""
    primary = AddressWanted(
        private_ip=one.private_ip, public_ip=one.public_ip, public_name=one.public_name
    )
    addresses = (primary, *one.secondary)
    return FarInterface(
        id=one.id,
        instance_id=one.instance_id,
        ips=(
            *(address.private_ip for address in addresses),
            *(prefix for prefix in one.prefixes if ":" not in prefix),
        ),
        ip6s=(*one.ipv6s, *(prefix for prefix in one.prefixes if ":" in prefix)),
        resource_ips=one.resource_ips,
        published=tuple(address for address in addresses if address.public_ip),
        source_dest_check=one.source_dest_check,
    )
