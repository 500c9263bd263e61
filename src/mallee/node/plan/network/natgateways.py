"""A NAT gateway as a guest without a machine: a namespace with one device, in one subnet.

What comes by the device leaves by it again, from one of the gateway's own addresses; the VPC's
namespace sees two different conversations, and treats the gateway as it treats an interface. So
the subnet's ACL and route table, and the public address, need nothing here.
Called by `do/network`. Pure.
"""

from collections.abc import Iterator

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network.carried import NatGatewayWanted
from mallee.node.plan.network import network, nft
from mallee.node.plan.network.links import Address, Route, Seen, Wiring

DEVICE = "eth0"
IDLE_S = 350
"""A conversation that was silent so long is forgotten; who goes on with it is told so."""
_PORTS = "1024-65535"

SWITCHES = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    # Everything leaves by where it came: that is no reason to tell anybody of a shorter way.
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv6/conf/all/disable_ipv6": "1",
    "net/ipv6/conf/default/disable_ipv6": "1",
    "net/netfilter/nf_conntrack_tcp_timeout_established": str(IDLE_S),
    "net/netfilter/nf_conntrack_udp_timeout": str(IDLE_S),
    "net/netfilter/nf_conntrack_udp_timeout_stream": str(IDLE_S),
    "net/netfilter/nf_conntrack_tcp_loose": "0",
}


def wiring(vpc: VpcWanted, gateway: NatGatewayWanted, seen: Seen) -> Wiring:
    """The gateway's own namespace; its device is made from the VPC's end."""
    if DEVICE not in seen.indices:
        return Wiring(is_whole=True)
    subnets = [subnet for subnet in vpc.subnets if subnet.id == gateway.subnet_id]
    if not subnets:
        raise ValueError(f"{gateway.id} is in {gateway.subnet_id}, which {vpc.id} has not")
    router = str(network.gateway(subnets[0]))
    return Wiring(
        devices=("lo", DEVICE),
        addresses=(
            Address("lo", "127.0.0.1/8"),
            *(Address(DEVICE, f"{address.private_ip}/32") for address in gateway.addresses),
        ),
        routes=(
            Route(f"{router}/32", device=DEVICE),
            Route("0.0.0.0/0", device=DEVICE, via=router),
        ),
        is_whole=True,
    )


def ruleset(gateway: NatGatewayWanted) -> nft.Ruleset:
    """The gateway's own ruleset: out under its addresses, and back only what was asked for."""
    chains = (
        nft.base("input", "filter hook input priority filter", "drop", ()),
        nft.base(
            "forward",
            "filter hook forward priority filter",
            "drop",
            (
                "ct state established,related accept",
                # A conversation that was forgotten is ended, not taken up under another address.
                "ct state invalid meta l4proto tcp reject with tcp reset",
                "ct state new meta l4proto { tcp, udp, icmp } accept",
            ),
        ),
        nft.base(
            "outwards", "nat hook postrouting priority srcnat", "accept", _translations(gateway)
        ),
    )
    return (nft.Table("inet", network.TABLE, chains),)


def _translations(gateway: NatGatewayWanted) -> Iterator[str]:
    """By what guests' conversations are divided among the addresses: by whom they talk to."""
    ips = [address.private_ip for address in gateway.addresses]
    choice = ", ".join(f"{number} : {ip}" for number, ip in enumerate(ips))
    source = f"jhash ip daddr . ip saddr mod {len(ips)} map {{ {choice} }}" if ips[1:] else ips[0]
    for protocols, suffix in (("tcp, udp", f":{_PORTS}"), ("icmp", "")):
        yield f"meta l4proto {{ {protocols} }} snat ip to {source}{suffix}"
