"""Lines of flow logs: a window's flows in the words and the order of a log's format.

A field that means nothing here, or nothing for a flow, is `-`, as on AWS. Called by
`node/flowlogs`. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network import flowlogs
from mallee.model.network.carried import RouteTableWanted, Way
from mallee.model.network.flowlogs import Traffic
from mallee.model.network.watching import FlowLogWanted
from mallee.node.plan.network.flowsums import Flow, Sum, Window

NOTHING = "-"
_SAME_VPC, _PEERING, _ENDPOINT, _WORLD = "1", "4", "7", "8"
_PATHS = {
    Way.INTERNET: _WORLD,
    Way.EGRESS_ONLY: _WORLD,
    Way.PEERING: _PEERING,
    Way.ENDPOINT: _ENDPOINT,
    Way.BLACKHOLE: NOTHING,
}
"""AWS's numbers; everything else leads by something that stands in the VPC."""


@dataclass(frozen=True, slots=True)
class Watched:
    """An interface as lines speak of it."""

    id: str
    instance_id: str
    vpc: VpcWanted
    subnet_id: str
    ip: str
    """Its primary IPv4 address."""
    ip6s: tuple[str, ...]


def watched(vpc: VpcWanted) -> dict[str, Watched]:
    """Return the interfaces of a VPC by id, those of NAT gateways and endpoints too."""
    found = {
        one.id: Watched(one.id, one.instance_id, vpc, one.subnet_id, one.private_ip, one.ipv6s)
        for one in vpc.interfaces
    }
    for one in vpc.nat_gateways:
        ip = one.addresses[0].private_ip
        found[one.interface_id] = Watched(one.interface_id, "", vpc, one.subnet_id, ip, ())
    for one in vpc.endpoints:
        ends = (one.private_ip, one.ipv6s)
        found[one.interface_id] = Watched(one.interface_id, "", vpc, one.subnet_id, *ends)
    return found


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the lines of one log about one window."""

    log: FlowLogWanted
    region: str
    window: Window
    ended_at: float

    def lines(self, those: Mapping[str, Watched]) -> Iterator[str]:
        """Yield the lines about interfaces of the log."""
        meant = {id: those[id] for id in self.log.interface_ids if id in those}
        told: set[str] = set()
        for flow, held in self.window.flows.items():
            one = meant.get(flow.interface_id)
            if one is not None and self._is_about(flow):
                told.add(one.id)
                yield self._line(self._of_interface(one) | self._of_flow(one, flow, held))
        for id, one in meant.items():
            if id in self.window.lost:
                yield self._line(self._of_interface(one) | self._of_nothing("SKIPDATA"))
            elif id not in told:
                yield self._line(self._of_interface(one) | self._of_nothing("NODATA"))

    def _is_about(self, flow: Flow) -> bool:
        if self.log.traffic is Traffic.ALL:
            return True
        return flow.is_refused is (self.log.traffic is Traffic.REJECT)

    def _line(self, words: Mapping[str, str]) -> str:
        return " ".join(words.get(field) or NOTHING for field in self.log.fields)

    def _of_interface(self, one: Watched) -> dict[str, str]:
        return {
            "version": str(flowlogs.version_of(self.log.fields)),
            "account-id": self.log.account_id,
            "interface-id": one.id,
            "vpc-id": one.vpc.id,
            "subnet-id": one.subnet_id,
            "instance-id": one.instance_id,
            "region": self.region,
            "az-id": self.log.zone_of(one.id),
        }

    def _of_nothing(self, status: str) -> dict[str, str]:
        return {
            "start": str(int(self.window.began_at)),
            "end": str(int(self.ended_at)),
            "log-status": status,
        }

    def _of_flow(self, one: Watched, flow: Flow, held: Sum) -> dict[str, str]:
        own = _own(one, flow.source if flow.is_egress else flow.destination)
        is_tcp = flow.protocol == 6
        return {
            "srcaddr": own if flow.is_egress else flow.source,
            "dstaddr": flow.destination if flow.is_egress else own,
            "srcport": str(flow.source_port),
            "dstport": str(flow.destination_port),
            "protocol": str(flow.protocol),
            "packets": str(held.packets),
            "bytes": str(held.bytes),
            "start": str(int(held.first_at)),
            "end": str(int(held.last_at)),
            "action": "REJECT" if flow.is_refused else "ACCEPT",
            "log-status": "OK",
            "tcp-flags": str(held.flags) if is_tcp else "0",
            "type": "IPv6" if ":" in flow.source else "IPv4",
            "pkt-srcaddr": flow.source,
            "pkt-dstaddr": flow.destination,
            "flow-direction": "egress" if flow.is_egress else "ingress",
            "traffic-path": self._path(one, flow),
        }

    def _path(self, one: Watched, flow: Flow) -> str:
        if "traffic-path" not in self.log.fields or not flow.is_egress or flow.is_refused:
            return NOTHING
        return path(one.vpc, one.subnet_id, flow.destination)


def _own(one: Watched, address: str) -> str:
    """The interface's end as AWS shows it: its primary address, whichever was used."""
    if ":" not in address:
        return one.ip
    return address if address in one.ip6s or not one.ip6s else one.ip6s[0]


def path(vpc: VpcWanted, subnet_id: str, destination: str) -> str:
    """Return AWS's number of the way by which packets of a subnet leave for a destination."""
    address = ip_address(destination)
    if any(address in ip_network(cidr) for cidr in (vpc.cidr, *vpc.more_cidrs, *vpc.ipv6_cidrs)):
        return _SAME_VPC
    tables = {table.id: table for table in vpc.route_tables}
    used = next((one.route_table_id for one in vpc.subnets if one.id == subnet_id), "")
    if not used:
        return _WORLD
    routes = tables.get(used, RouteTableWanted(used)).routes
    fitting = [one for one in routes if address in ip_network(one.cidr)]
    if not fitting:
        return NOTHING
    best = max(fitting, key=lambda one: ip_network(one.cidr).prefixlen)
    return _PATHS.get(best.way, _SAME_VPC)
