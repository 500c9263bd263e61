"""The texts that a VPC's dnsmasq reads: its configuration, and one file per interface for leases
and for names.

One dnsmasq serves DHCP and DNS of a VPC on this host. A guest's lease follows from its interface
alone; nobody else gets one. Called by `do/dhcp`; running dnsmasq is not its business. Pure.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from mallee.model.hosts import hosts
from mallee.model.hosts.hosts import InterfaceWanted, SubnetWanted, VpcWanted
from mallee.model.network import dhcp
from mallee.model.network.carried import AddressWanted, FarWanted
from mallee.node.modes.legs import Block, Legs
from mallee.node.plan.network import network

LEASE_S = 3600
SHORT_LEASE_S = 300
"""Where the address is itself leased of somebody, who may give another one."""
_RA_EVERY_S = 600
"""How often a router says that it is there; dnsmasq's own choice."""


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
    public_range: str
    resolvers: tuple[str, ...]
    """Name servers asked for names outside the cloud; none: such names are refused."""
    mtu: int | None = None
    """How long guests' packets may be, where some go to other hosts; None: as on any cable."""
    legs: Legs | None = None
    """Those of the VPC, in a mode other than `vpc`."""


def lease_s(served: Served) -> int:
    """For how long a guest has its address before it asks again."""
    is_lent = served.legs is not None and served.legs.kind == "system"
    return SHORT_LEASE_S if is_lent else LEASE_S


def domain(region: str) -> str:
    """The domain of guests' private names, as AWS has it."""
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


def public_domain(region: str) -> str:
    """The domain of public names, as AWS has it."""
    return f"{'compute-1' if region == 'us-east-1' else f'{region}.compute'}.amazonaws.com"


def configuration_text(vpc: VpcWanted, files: Files, served: Served) -> str:
    """Return dnsmasq's configuration file for a VPC."""
    lines = [
        f"user={served.user}",
        f"pid-file={files.pid}",
        f"log-facility={files.log}",
        # Taps come and go; only they and the services' addresses are listened on.
        "bind-dynamic",
        f"interface={network.TAPS}",
        *([] if served.legs else [f"listen-address={network.name_server(vpc)}"]),
        f"listen-address={network.DNS_ADDRESS}",
        *([f"listen-address={network.DNS_ADDRESS6}"] if vpc.ipv6_cidrs else []),
        f"except-interface={network.EDGE}",
        *_name_lines(files, served),
        *_endpoint_lines(vpc),
        "dhcp-authoritative",
        "no-ping",
        "quiet-dhcp",
        "quiet-dhcp6",
        "quiet-ra",
        "dhcp-ignore=tag:!known",
        f"dhcp-leasefile={files.leases}",
        f"dhcp-hostsdir={files.hosts_directory}",
        *_option_lines(vpc, _name_server(vpc, served)),
        *_mtu_lines(vpc, served.mtu),
    ]
    for leg in served.legs.legs if served.legs else ():
        for block in leg.blocks:
            lines += _block_lines(block, lease_s(served))
    for subnet in sorted(vpc.subnets, key=lambda subnet: subnet.id):
        lines += _subnet_lines(subnet) if served.legs is None else ()
    if any(subnet.ipv6_cidr for subnet in vpc.subnets):
        lines.append("enable-ra")
    return "\n".join(lines) + "\n"


def _name_lines(files: Files, served: Served) -> Iterator[str]:
    """What is answered for which names."""
    zone = domain(served.region)
    yield "no-hosts"
    yield "no-resolv"
    yield from (f"server={resolver}" for resolver in served.resolvers)
    yield "cache-size=1000"
    yield f"domain={zone}"
    yield f"local=/{zone}/"
    # Whatever service a guest asks for by name, it finds where all of them are.
    yield f"address=/{hosts.SERVICES_DOMAIN}/{hosts.GUESTS_ADDRESS}"
    yield f"local=/{hosts.SERVICES_DOMAIN}/"
    # A public name means its public address, unless the VPC's own names say a private one.
    yield f"synth-domain={public_domain(served.region)},{served.public_range},ec2-"
    yield "bogus-priv"
    yield f"hostsdir={files.names_directory}"


def _endpoint_lines(vpc: VpcWanted) -> Iterator[str]:
    """The names that mean interface endpoints, with all below them; of several, all are told."""
    means: dict[str, set[str]] = {}
    for one in vpc.endpoints:
        for name in one.names:
            means.setdefault(name, set()).update(one.named_ips)
    for name, ips in sorted(means.items()):
        yield f"local=/{name}/"
        yield from (f"address=/{name}/{ip}" for ip in sorted(ips))


def _name_server(vpc: VpcWanted, served: Served) -> str:
    """In somebody else's network the third address is somebody else's."""
    return network.DNS_ADDRESS if served.legs else str(network.name_server(vpc))


def _option_lines(vpc: VpcWanted, name_server: str) -> Iterator[str]:
    """What all guests are told, but for what their subnet makes of it."""
    told = vpc.dhcp
    own = [name_server] if vpc.dns_support else []
    own6 = [network.DNS_ADDRESS6] if vpc.dns_support and vpc.ipv6_cidrs else []
    named = [name for name in told.name_servers if name != dhcp.OWN_DNS]
    is_own = len(named) < len(told.name_servers)
    servers = [*(own if is_own else []), *(name for name in named if ":" not in name)]
    servers6 = [*(own6 if is_own else []), *(name for name in named if ":" in name)]
    # Without a value an option is not sent; unsaid, dnsmasq would name itself.
    yield ",".join(("dhcp-option=option:dns-server", *servers))
    if told.domain_names:
        yield f"dhcp-option=option:domain-name,{' '.join(told.domain_names)}"
    if told.ntp_servers:
        four = [one for one in told.ntp_servers if ":" not in one]
        yield ",".join(("dhcp-option=option:ntp-server", *four))
    if told.netbios_name_servers:
        yield ",".join(("dhcp-option=option:netbios-ns", *told.netbios_name_servers))
    if told.netbios_node_type is not None:
        yield f"dhcp-option=option:netbios-nodetype,{told.netbios_node_type}"
    if vpc.ipv6_cidrs:
        yield ",".join(("dhcp-option=option6:dns-server", *(f"[{one}]" for one in servers6)))
        if told.domain_names:
            yield ",".join(("dhcp-option=option6:domain-search", *told.domain_names))


def _mtu_lines(vpc: VpcWanted, mtu: int | None) -> Iterator[str]:
    """Who is not told finds out by what the router says of packets that are too long."""
    if mtu is not None:
        yield f"dhcp-option=option:mtu,{mtu}"
        if vpc.ipv6_cidrs:
            yield f"ra-param={network.TAPS},mtu:{mtu},{_RA_EVERY_S}"


def _block_lines(block: Block, for_s: int) -> Iterator[str]:
    """Guests know their router, which is not here: so the range is found by the server's address,
    and not by one of its own on the tap."""
    cidr = IPv4Network(block.cidr)
    tag = f"block-{int(cidr.network_address):x}"
    yield f"shared-network={network.DNS_ADDRESS},{cidr.network_address}"
    yield f"dhcp-range=set:{tag},{cidr.network_address},static,{cidr.netmask},{for_s}"
    yield ",".join((f"dhcp-option=tag:{tag},option:router", *filter(None, (block.router,))))
    if block.mtu:
        yield f"dhcp-option=tag:{tag},option:mtu,{block.mtu}"


def _subnet_lines(subnet: SubnetWanted) -> Iterator[str]:
    cidr = IPv4Network(subnet.cidr)
    yield f"dhcp-range=set:{subnet.id},{cidr.network_address},static,{cidr.netmask},{LEASE_S}"
    yield f"dhcp-option=tag:{subnet.id},option:router,{network.gateway(subnet)}"
    if subnet.ipv6_cidr:
        cidr6 = IPv6Network(subnet.ipv6_cidr)
        # Neighbours are reached by the router, like everything: so nothing is said to be near.
        yield (
            f"dhcp-range=set:{subnet.id},{cidr6.network_address},static,off-link,"
            f"{cidr6.prefixlen},{LEASE_S}"
        )


def host_text(interface: InterfaceWanted, for_s: int = LEASE_S) -> str:
    """Return the file that gives an interface its lease, of one address for each family."""
    ip6 = "".join(f"[{ip}]," for ip in interface.ipv6s[:1])
    return f"{interface.mac},{interface.private_ip},{ip6}{interface.hostname},{for_s}\n"


def name_text(interface: InterfaceWanted, region: str) -> str:
    """Return the file that gives an interface's addresses their names."""
    zone = domain(region)
    first = AddressWanted(
        private_ip=interface.private_ip,
        public_ip=interface.public_ip,
        public_name=interface.public_name,
    )
    by_address = f"ip-{first.private_ip.replace('.', '-')}"
    lines = [f"{ip} {interface.instance_id}.{zone}" for ip in interface.resource_ips]
    lines.append(f"{IPv4Address(first.private_ip)} {by_address}.{zone}")
    lines += [
        f"{IPv4Address(one.private_ip)} ip-{one.private_ip.replace('.', '-')}.{zone}"
        for one in interface.secondary
    ]
    lines += [
        f"{one.private_ip} {one.public_name}"
        for one in (first, *interface.secondary)
        if one.public_name
    ]
    return "\n".join(lines) + "\n"


def peer_text(names: Iterable[AddressWanted]) -> str:
    """Return the file of another VPC's public names that mean private addresses here."""
    named = (one for one in names if one.public_name)
    return "".join(f"{IPv4Address(one.private_ip)} {one.public_name}\n" for one in named)


def far_text(far: FarWanted, region: str) -> str:
    """Return the file of the names of what another host carries."""
    zone, lines = domain(region), list[str]()
    for one in far.interfaces:
        if one.instance_id:
            lines += [f"{ip} {one.instance_id}.{zone}" for ip in one.resource_ips]
            held = [ip for ip in one.ips if "/" not in ip]
            lines += [f"{ip} ip-{ip.replace('.', '-')}.{zone}" for ip in held]
            named = (address for address in one.published if address.public_name)
            lines += [f"{address.private_ip} {address.public_name}" for address in named]
    return "".join(f"{line}\n" for line in lines)


def drop_outlived_leases(leases: str, vpc: VpcWanted) -> str:
    """Return the lease file without leases of addresses that another interface has by now.

    dnsmasq would keep such an address from its new owner until the old lease ends.
    """
    owners = {one.private_ip: one.mac for one in vpc.interfaces}
    names = {ip: one.hostname for one in vpc.interfaces for ip in one.ipv6s[:1]}

    def is_valid(line: str) -> bool:
        fields = line.split()
        if len(fields) < 4:
            return True
        # Over IPv6 a guest has an identity of its own choice: it is known by the name it got.
        own = (owners.get(fields[2], fields[1]), names.get(fields[2], fields[3]))
        return own == (fields[1], fields[3])

    return "".join(line for line in leases.splitlines(keepends=True) if is_valid(line))
