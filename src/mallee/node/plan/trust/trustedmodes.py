"""What an agent takes from its cloud of the network mode, and what it refuses: `trust` for what
becomes a leg in the administrator's own network. Pure.

Which interfaces the legs are made on may be the host's own say: what its document names goes before
the cloud's words, and on the cloud's own machine the cloud must say what its settings say.
"""

import bisect
import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, ip_address

from msgspec.structs import replace

from mallee.model.hosts.hosts import HostWanted, SyncAnswer
from mallee.model.network import classic
from mallee.model.network.classic import Classic, HostClassic
from mallee.model.network.modes import BlockWanted, LeaseWanted, ModeWanted
from mallee.node.plan.trust import trustedvpcs

_DEVICE = re.compile(rf"(?:{classic.DEVICE.pattern})?")
WIDEST_SUBNET = 8
"""A subnet is narrower than half the world: it becomes routes."""

NotTrusted = trustedvpcs.NotTrusted


def with_own(answer: SyncAnswer, own: HostClassic) -> SyncAnswer:
    """Return the answer with the host's own interfaces in place of those that the cloud says."""
    wanted = answer.wanted
    if wanted is None or wanted.mode is None or own == HostClassic():
        return answer
    mode = replace(
        wanted.mode,
        switch=own.switch or wanted.mode.switch,
        device=own.device or wanted.mode.device,
        uplink=own.uplink or wanted.mode.uplink,
    )
    return replace(answer, wanted=replace(wanted, mode=mode))


def check_mode(wanted: HostWanted) -> None:
    """Raise `NotTrusted` unless guests may stand in the administrator's network as is wanted."""
    mode = wanted.mode
    if mode is None:
        return
    for device in (mode.device, mode.uplink):
        trustedvpcs.check_text("name of an interface", device, _DEVICE)
    subnet = trustedvpcs.check_network(mode.subnet)
    is_special = subnet.is_loopback or subnet.is_link_local or subnet.is_multicast
    if subnet.prefixlen < WIDEST_SUBNET or is_special:
        raise NotTrusted(f"{subnet} as the range of the network mode")
    for server in mode.name_servers:
        trustedvpcs.check_any_address(server)
    for block in mode.blocks:
        _check_block(block, mode, subnet)
    _check_apart(mode.blocks)
    for public in mode.publics:
        trustedvpcs.check_address_pair(public, wanted)
        _check_inside(public.private_ip, subnet)
    for lease in mode.leases:
        _check_lease(lease, subnet)
    _check_guests(wanted, mode, subnet)


def check_agrees(mode: ModeWanted | None, own: Classic) -> None:
    """Raise `NotTrusted` unless the mode's network is what the settings of this machine say."""
    if mode is None:
        return
    told = (mode.switch, mode.device, mode.uplink, mode.subnet)
    held = (own.switch, own.device, own.uplink, own.subnet)
    if told != held:
        raise NotTrusted(
            f"{told} as the network of the mode, but mallee.toml of this host has {held}; restart "
            "what is older"
        )


def _check_block(block: BlockWanted, mode: ModeWanted, subnet: IPv4Network) -> None:
    network = trustedvpcs.check_network(block.cidr)
    trustedvpcs.check_id("vpc", block.vpc_id)
    if not network.subnet_of(subnet):
        raise NotTrusted(f"the block {network}, which is not of {subnet}")
    if block.gateway:
        _check_inside(block.gateway, network)
    if block.mtu:
        raise NotTrusted(f"the MTU {block.mtu} of the block {network}, which is for a lease to say")
    is_tagged = mode.kind == "managed"
    if not int(is_tagged) <= block.vlan <= (classic.VLAN_MAX if is_tagged else 0):
        raise NotTrusted(f"the VLAN {block.vlan} of the block {network} in {mode.kind}")
    if mode.kind in classic.MANAGED and not block.gateway:
        raise NotTrusted(f"the block {network} without a gateway")
    if mode.kind in classic.LAN and network != subnet:
        raise NotTrusted(f"the block {network} of the LAN {subnet}")


def _check_apart(blocks: Iterable[BlockWanted]) -> None:
    """Refuse blocks that share addresses or a VLAN, and are not the same."""
    different = sorted({(IPv4Network(block.cidr), block.vlan) for block in blocks})
    by_vlan: dict[int, IPv4Network] = {}
    # Of thousands not each is held against each: whoever shares addresses stands side by side.
    for before, (cidr, vlan) in zip((None, *different), different, strict=False):
        other = before[0] if before is not None and cidr.overlaps(before[0]) else None
        other = other or (by_vlan.get(vlan) if vlan else None)
        if other is not None:
            raise NotTrusted(f"the blocks {other} and {cidr}, which share something")
        by_vlan[vlan] = cidr


def _check_lease(lease: LeaseWanted, subnet: IPv4Network) -> None:
    trustedvpcs.check_id("eni", lease.interface_id)
    trustedvpcs.check_id("i", lease.instance_id)
    trustedvpcs.check_id("vpc", lease.vpc_id)
    trustedvpcs.check_mac(lease.mac)
    if lease.private_ip:
        _check_inside(lease.private_ip, subnet)


def _check_guests(wanted: HostWanted, mode: ModeWanted, subnet: IPv4Network) -> None:
    """Refuse guests with addresses of no block of theirs, or of hosts and routers."""
    taken = {block.gateway for block in mode.blocks}
    hosts = (*wanted.peers, *filter(None, (wanted.own,)))
    taken |= {str(ip_address(one.address)) for one in hosts if one.address}
    blocks = _by_vpc(mode.blocks)
    for vpc in wanted.vpcs:
        if IPv4Network(vpc.cidr) != subnet:
            raise NotTrusted(f"{vpc.id} with {vpc.cidr}, not {subnet}")
        firsts, lasts = blocks.get(vpc.id, ((), ()))
        for interface in vpc.interfaces:
            for ip in (interface.private_ip, *(one.private_ip for one in interface.secondary)):
                number = int(IPv4Address(ip))
                at = bisect.bisect(firsts, number) - 1
                if ip in taken or at < 0 or number > lasts[at]:
                    raise NotTrusted(f"{interface.id} with {ip}, which is not of its blocks")


def _by_vpc(blocks: Iterable[BlockWanted]) -> dict[str, tuple[Sequence[int], Sequence[int]]]:
    """Return the first and the last addresses of each VPC's blocks, in order: they are apart."""
    spans: dict[str, set[tuple[int, int]]] = {}
    for block in blocks:
        network = IPv4Network(block.cidr)
        span = int(network.network_address), int(network.broadcast_address)
        spans.setdefault(block.vpc_id, set()).add(span)
    return {
        id: ([first for first, _ in sorted(found)], [last for _, last in sorted(found)])
        for id, found in spans.items()
    }


def _check_inside(text: str, network: IPv4Network) -> None:
    try:
        is_inside = IPv4Address(text) in network
    except ValueError:
        is_inside = False
    if not is_inside:
        raise NotTrusted(f"{text[:80]!r}, which is not of {network}")
