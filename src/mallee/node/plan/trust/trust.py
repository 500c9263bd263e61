"""What an agent takes from its cloud, and what it refuses: checked before anything is done of it.

The cloud's process faces strangers and has no rights; the agent is root. So nothing that the cloud
says becomes part of a path, a command, a rule or a configuration before it was found to be plainly
what it should be. Called by `node.cloud` on every answer, before the ledger sees it.
VPCs are `trustedvpcs`' share, volumes `trustedvolumes`', the network mode `trustedmodes`'.
Not its business: whether what is wanted makes sense (the plans find out), and what guests are told
(user data and metadata values only ever travel as bytes). Pure.
"""

import re
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address

from msgspec.structs import replace

from mallee.model.compute.guestrequests import GuestResponse
from mallee.model.configuration.settings import Network
from mallee.model.hosts import frontends
from mallee.model.hosts.checks import ASK_CHECK
from mallee.model.hosts.hosts import (
    ASK_CUT,
    ASK_PLANS,
    ASK_TUNNEL,
    Ask,
    CredentialsAnswer,
    HostWanted,
    InstanceWanted,
    SyncAnswer,
)
from mallee.model.network import classic
from mallee.model.network.carried import PeerWanted
from mallee.model.network.classic import Classic
from mallee.node.plan.trust import (
    trustedblocks,
    trustedfar,
    trustedmodes,
    trustedtransfers,
    trustedvolumes,
    trustedvpcs,
)

WIDEST_RANGE = 8
"""A range of the cloud's is narrower than half the world: wider ones would be taken for a default
route, and lead the host's own packets astray."""
WIDEST_RANGE6 = 12
"""The same of IPv6."""

NotTrusted = trustedvpcs.NotTrusted

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62})")
_CPU = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_ASK = re.compile(r"[0-9a-f]{1,64}")
_COMMAND_LINE = re.compile(r"[ -~]{0,2000}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_HEADER_VALUE = re.compile(r"[ -~]{0,4096}")
_STATUSES = frozenset(status.value for status in HTTPStatus)
_TIME_MAX = 1 << 34
_COUNT_MAX = 1 << 24
_TIMES_MAX = 1 << 31
_GENERATION_MAX = 1 << 53
_HOPS_MAX = 255
_MAPPED = IPv6Network("::ffff:0:0/96")


def check_answer(answer: SyncAnswer, own: Network | None = None) -> SyncAnswer:
    """Return the answer when all of it may be acted on; raise `NotTrusted`.

    `own` is what the host's owner has set there, if he has: his routes and his way to the world are
    not the cloud's to choose.
    """
    for ask in answer.asks:
        _check_ask(ask)
    if answer.wanted is not None:
        _check_wanted(answer.wanted)
        if own is not None:
            _check_agrees(answer.wanted, own)
    return answer


def check_credentials(answer: CredentialsAnswer) -> CredentialsAnswer:
    """Return the answer when its times can be told; raise `NotTrusted`."""
    for credentials in answer.credentials.values():
        for at in (credentials.issued_at, credentials.expires_at):
            if not 0 <= at <= _TIME_MAX:
                raise trustedvpcs.NotTrusted(f"the time {at} of credentials")
    return answer


def check_response(response: GuestResponse) -> GuestResponse:
    """Return an answer to a guest when it can be written as HTTP; raise `NotTrusted`."""
    if response.status not in _STATUSES:
        raise trustedvpcs.NotTrusted(f"the status {response.status} for a guest")
    for name, value in (("Content-Type", response.content_type), *response.headers.items()):
        trustedvpcs.check_text("name of a header", name, _HEADER_NAME)
        trustedvpcs.check_text("header", value, _HEADER_VALUE)
    return response


def _check_agrees(wanted: HostWanted, own: Network) -> None:
    said = Network(
        wanted.public_range,
        wanted.private_range,
        wanted.egress,
        wanted.ipv6_range,
        mode=wanted.mode.kind if wanted.mode else "vpc",
    )
    # Which addresses are lent, and by what the world is known, is the cloud's business alone.
    if said != replace(own, public_addresses=(), landmarks=(), classic=Classic()):
        raise trustedvpcs.NotTrusted(
            f"{said}, but mallee.toml of this host has {own}; restart what is older"
        )
    trustedmodes.check_agrees(wanted.mode, own.classic)


def _check_ask(ask: Ask) -> None:
    trustedvpcs.check_text("question", ask.id, _ASK)
    if ask.kind in (ASK_CUT, ASK_CHECK):
        trustedvolumes.check_no_instance(ask.instance_id)
    elif ask.kind != ASK_PLANS or ask.instance_id:
        trustedvpcs.check_id("eice" if ask.kind == ASK_TUNNEL else "i", ask.instance_id)


def _check_wanted(wanted: HostWanted) -> None:
    if not 0 <= wanted.generation <= _GENERATION_MAX:
        raise trustedvpcs.NotTrusted(f"the generation {wanted.generation}")
    trustedvpcs.check_text("region", wanted.region, _NAME)
    trustedvpcs.check_text("zone", wanted.zone, _NAME)
    for text in (wanted.public_range, wanted.private_range):
        network = trustedvpcs.check_network(text)
        is_special = network.is_loopback or network.is_link_local or network.is_multicast
        if network.prefixlen < WIDEST_RANGE or is_special:
            raise trustedvpcs.NotTrusted(f"{network} as a range of addresses")
    _check_ipv6_range(wanted.ipv6_range)
    for url in wanted.front_ends:
        trustedvpcs.check_text("front end", url, frontends.ENDPOINT)
    for id in wanted.authorities:
        trustedvpcs.check_text("authority", id, frontends.AUTHORITY)
    if len(wanted.authorities) > frontends.AUTHORITIES_MAX:
        raise trustedvpcs.NotTrusted(f"{len(wanted.authorities)} authorities")
    if len(wanted.front_ends) > frontends.FRONT_ENDS_MAX:
        raise trustedvpcs.NotTrusted(f"{len(wanted.front_ends)} front ends")
    for vpc in wanted.vpcs:
        trustedvpcs.check_vpc(vpc, wanted)
        trustedfar.check_far(vpc, wanted)
    trustedvpcs.check_all(wanted)
    trustedvpcs.check_unique("volume", (volume.id for volume in wanted.volumes))
    trustedvpcs.check_unique("instance", (instance.id for instance in wanted.instances))
    if wanted.gateway is not None:
        trustedfar.check_gateway(wanted.gateway)
    trustedfar.check_landmarks(wanted.landmarks)
    for gateway in wanted.transit_gateways:
        trustedvpcs.check_transit_gateway(gateway)
    for volume in wanted.volumes:
        trustedvolumes.check_volume(volume)
    for transfer in wanted.transfers:
        trustedtransfers.check_transfer(transfer)
    for pin in wanted.pins:
        trustedblocks.check_pin(pin)
    for instance in wanted.instances:
        _check_instance(instance)
    for peer in (*wanted.peers, *filter(None, (wanted.own,))):
        _check_peer(peer, wanted)
    trustedmodes.check_mode(wanted)


def _check_peer(peer: PeerWanted, wanted: HostWanted) -> None:
    """Refuse a peer at an address that is no host's: packets for it would go to guests, or here."""
    trustedvpcs.check_id("host", peer.id)
    trustedvpcs.check_text("name of a peer", peer.name, _NAME)
    trustedvpcs.check_any_address(peer.address)
    address = ip_address(peer.address)
    is_special = address.is_loopback or address.is_multicast or address.is_unspecified
    # IPv4 in the clothes of IPv6 would be held to no range of IPv4.
    is_special = is_special or address in _MAPPED
    guests = [IPv4Network(wanted.public_range), IPv4Network(wanted.private_range)]
    if wanted.mode is not None and wanted.mode.kind in classic.MANAGED:
        guests.append(trustedvpcs.check_network(wanted.mode.subnet))
    is_guests = any(address in network for network in guests)
    if wanted.ipv6_range and address in IPv6Network(wanted.ipv6_range):
        is_guests = True
    if is_special or is_guests:
        raise trustedvpcs.NotTrusted(f"{address} as the address of peer {peer.id}")


def _check_ipv6_range(text: str) -> None:
    """Refuse a range that is the world's, or everybody's."""
    if not text:
        return
    network = trustedvpcs.check_network6(text)
    is_special = network.is_loopback or network.is_link_local or network.is_multicast
    if network.prefixlen < WIDEST_RANGE6 or is_special:
        raise trustedvpcs.NotTrusted(f"{network} as a range of addresses")


def _check_instance(instance: InstanceWanted) -> None:
    trustedvpcs.check_id("i", instance.id)
    for interface_id in instance.interface_ids:
        trustedvpcs.check_id("eni", interface_id)
    for disk in instance.disks:
        trustedvolumes.check_disk(disk)
    for volume_id in instance.forced_volumes:
        trustedvpcs.check_id("vol", volume_id)
    if instance.cpu:
        trustedvpcs.check_text("processor", instance.cpu, _CPU)
    counts = (instance.vcpus, instance.memory_mib, instance.disk_gib)
    if not all(0 < count <= _COUNT_MAX for count in counts):
        raise trustedvpcs.NotTrusted(
            f"{instance.id} with {counts} as its processors, memory and disk"
        )
    times = (instance.launch, instance.reboots)
    hops = instance.metadata_options.http_put_response_hop_limit
    if not (all(0 <= one <= _TIMES_MAX for one in times) and 0 < hops <= _HOPS_MAX):
        raise trustedvpcs.NotTrusted(
            f"{instance.id} launched and rebooted {times} times, its metadata {hops} hops away"
        )
    if instance.disk is not None:
        trustedvolumes.check_blob(instance.disk, trustedvolumes.DISK_FORMATS)
    trustedvolumes.check_migration(instance)
    boot = instance.boot
    if boot is not None:
        trustedvolumes.check_blob(boot.kernel, {"kernel"})
        if boot.ramdisk is not None:
            trustedvolumes.check_blob(boot.ramdisk, {"ramdisk"})
        trustedvpcs.check_text("command line", boot.command_line, _COMMAND_LINE)
