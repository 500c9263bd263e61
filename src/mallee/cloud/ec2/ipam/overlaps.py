"""Which ranges of different VPCs have addresses in common: pure, one pass over sorted ranges.

Called by `resourcecidrs`. A VPC meets other VPCs, a subnet the subnets of other VPCs; public
addresses are each there once.
"""

from collections.abc import Sequence
from ipaddress import ip_network

from mallee.cloud.ec2.ipam.watched import SUBNET, VPC, Resource


def among(seen: Sequence[Resource]) -> list[Resource]:
    """Return those that meet one of another VPC."""
    return [it for type in (VPC, SUBNET) for it in _of_type(seen, type)]


def _of_type(seen: Sequence[Resource], type: str) -> list[Resource]:
    spans = sorted(((*_span(it), it) for it in seen if it.type == type), key=lambda span: span[:3])
    met: dict[int, Resource] = {}
    # Whoever began before and has not ended meets the next one; most have ended soon.
    standing: list[tuple[int, int, int, Resource]] = []
    for span in spans:
        version, first, _, one = span
        standing = [it for it in standing if it[0] == version and it[2] >= first]
        for *_, other in standing:
            if other.vpc_id != one.vpc_id:
                met[id(one)], met[id(other)] = one, other
        standing.append(span)
    return list(met.values())


def _span(resource: Resource) -> tuple[int, int, int]:
    network = ip_network(resource.cidr)
    return network.version, int(network.network_address), int(network.broadcast_address)
