"""The texts that a VPC's dnsmasq reads: its configuration, and one file per interface for leases
and for names.

One dnsmasq serves DHCP and DNS of a VPC on this host. A guest's lease follows from its interface
alone; nobody else gets one. Called by `do/dhcp`; running dnsmasq is not its business. Pure.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from mallee.model import hosts
from mallee.model.hosts import InterfaceWanted, VpcWanted
from mallee.node.plan import network

LEASE_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where the dnsmasq of one VPC keeps what it needs."""

    configuration: str
    leases: str
    pid: str
    log: str
    hosts_directory: str
    """One file per interface: its MAC, address and host name for DHCP."""
    names_directory: str
    """One file per interface: its address and full name for DNS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What all VPCs of the host have in common for their dnsmasqs."""

    region: str
    user: str
    """The unprivileged user that dnsmasq becomes."""
    resolvers: tuple[str, ...]
    """Name servers asked for names outside the cloud; none: such names are refused."""


def domain(region: str) -> str:
    """The domain of guests' private names, as AWS has it."""
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


def configuration_text(vpc: VpcWanted, files: Files, served: Served) -> str:
    """Return dnsmasq's configuration file for a VPC."""
    zone = domain(served.region)
    lines = [
        f"user={served.user}",
        f"pid-file={files.pid}",
        f"log-facility={files.log}",
        # Taps come and go; only they and the services' addresses are listened on.
        "bind-dynamic",
        "interface=mt*",
        f"listen-address={network.name_server(vpc)}",
        f"listen-address={network.DNS_ADDRESS}",
        f"except-interface={network.EDGE}",
        "no-hosts",
        "no-resolv",
        *(f"server={resolver}" for resolver in served.resolvers),
        "cache-size=1000",
        f"domain={zone}",
        f"local=/{zone}/",
        # Whatever service a guest asks for by name, it finds where all of them are.
        f"address=/{hosts.SERVICES_DOMAIN}/{hosts.GUESTS_ADDRESS}",
        f"local=/{hosts.SERVICES_DOMAIN}/",
        "bogus-priv",
        f"hostsdir={files.names_directory}",
        "dhcp-authoritative",
        "no-ping",
        "quiet-dhcp",
        "dhcp-ignore=tag:!known",
        f"dhcp-leasefile={files.leases}",
        f"dhcp-hostsdir={files.hosts_directory}",
        f"dhcp-option=option:dns-server,{network.name_server(vpc)}",
    ]
    for subnet in sorted(vpc.subnets, key=lambda subnet: subnet.id):
        cidr = IPv4Network(subnet.cidr)
        lines += [
            f"dhcp-range=set:{subnet.id},{cidr.network_address},static,{cidr.netmask},{LEASE_S}",
            f"dhcp-option=tag:{subnet.id},option:router,{network.gateway(subnet)}",
        ]
    return "\n".join(lines) + "\n"


def host_text(interface: InterfaceWanted) -> str:
    """Return the file that gives an interface its lease."""
    return f"{interface.mac},{interface.private_ip},{interface.hostname},{LEASE_S}\n"


def name_text(interface: InterfaceWanted, region: str) -> str:
    """Return the file that gives an interface its name."""
    return f"{IPv4Address(interface.private_ip)} {interface.hostname}.{domain(region)}\n"


def drop_outlived_leases(leases: str, vpc: VpcWanted) -> str:
    """Return the lease file without leases of addresses that another interface has by now.

    dnsmasq would keep such an address from its new owner until the old lease ends.
    """
    owners = {one.private_ip: one.mac for one in vpc.interfaces}

    def is_valid(line: str) -> bool:
        fields = line.split()
        return len(fields) < 3 or owners.get(fields[2], fields[1]) == fields[1]

    return "".join(line for line in leases.splitlines(keepends=True) if is_valid(line))
