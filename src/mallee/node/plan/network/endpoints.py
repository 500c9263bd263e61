"""An endpoint as a guest without a machine: a namespace with one device, in one subnet.

Nothing is forwarded there. What comes by the device of an interface endpoint for the services'
ports is taken by the agent, whose sockets are in the namespace (`metadata/endpoints`); what an
instance connect endpoint begins comes back to the agent (`lines`). All else is dropped. The
VPC's own namespace treats it as it treats an interface, with its groups and its subnet's ACL and
route table. Called by `routing` and `do/vpcs`. Pure.
"""

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import EndpointWanted
from mallee.node.plan.network import links, network, nft, speakers
from mallee.node.plan.network.links import Address, Route, Seen, Veth, Wiring

DEVICE = "eth0"
SWITCHES = {
    "net/ipv4/ip_forward": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv6/conf/all/accept_ra": "0",
    "net/ipv6/conf/default/accept_ra": "0",
}


def link(layout: Layout, endpoint: EndpointWanted) -> Veth:
    """The link from the VPC's namespace to the endpoint's own."""
    device = layout.nat_link(endpoint.interface_id)
    namespace = layout.endpoint_namespace(endpoint.interface_id)
    return Veth(device, DEVICE, namespace, endpoint.mac)


def wiring(vpc: VpcWanted, endpoint: EndpointWanted, seen: Seen) -> Wiring:
    """The endpoint's own namespace; its device is made from the VPC's end."""
    if DEVICE not in seen.indices:
        return Wiring(is_whole=True)
    subnets = [subnet for subnet in vpc.subnets if subnet.id == endpoint.subnet_id]
    if not subnets:
        raise ValueError(f"{endpoint.id} is in {endpoint.subnet_id}, which {vpc.id} has not")
    router = str(network.gateway(subnets[0]))
    made = Wiring(
        devices=("lo", DEVICE),
        addresses=(
            Address("lo", "127.0.0.1/8"),
            Address(DEVICE, f"{endpoint.private_ip}/32"),
            *(Address(DEVICE, f"{ip}/128") for ip in endpoint.ipv6s),
        ),
        routes=(
            Route(f"{router}/32", device=DEVICE),
            Route("0.0.0.0/0", device=DEVICE, via=router),
            *([Route("::/0", device=DEVICE, via=network.ROUTER6)] if endpoint.ipv6s else []),
        ),
        is_whole=True,
    )
    return made if endpoint.ipv6s else links.without_ipv6(made)


def ruleset(endpoint: EndpointWanted) -> nft.Ruleset:
    """The endpoint's own ruleset: the services' ports, where it serves, and nothing else."""
    ports = ", ".join(str(port) for port in network.SERVICE_PORTS)
    chains = (
        nft.base(
            "input",
            "filter hook input priority filter",
            "drop",
            (
                "ct state established accept",
                f"icmpv6 type {{ {speakers.NEIGHBOURS} }} accept",
                *([f"tcp dport {{ {ports} }} accept"] if endpoint.serves else []),
            ),
        ),
        nft.base("forward", "filter hook forward priority filter", "drop", ()),
    )
    return (nft.Table("inet", network.TABLE, chains),)
