"""What an agent takes from its cloud, and what it refuses: checked before anything is done of it.

The cloud's process faces strangers and has no rights; the agent is root. So nothing that the cloud
says becomes part of a path, a command, a rule or a configuration before it was found to be plainly
what it should be. Called by `node.cloud` on every answer, before the ledger sees it.
Not its business: whether what is wanted makes sense (the plans find out), and what guests are told
(user data and metadata values only ever travel as bytes). Pure.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network

from mallee.model import ids
from mallee.model.hosts import (
    Ask,
    CredentialsAnswer,
    GroupWanted,
    GuestResponse,
    HostWanted,
    InstanceWanted,
    InterfaceWanted,
    SyncAnswer,
    VpcWanted,
)
from mallee.model.images import Blob
from mallee.model.networks import Rule
from mallee.model.settings import Network

DISK_FORMATS = frozenset({"raw", "qcow2"})
WIDEST_RANGE = 8
"""A range of the cloud's is narrower than half the world: wider ones would be taken for a default
route, and lead the host's own packets astray."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62})")
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ASK = re.compile(r"[0-9a-f]{1,64}")
_PROTOCOL = re.compile(r"tcp|udp|icmp|icmpv6|-1|[0-9]{1,3}")
_COMMAND_LINE = re.compile(r"[ -~]{0,2000}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_HEADER_VALUE = re.compile(r"[ -~]{0,4096}")
_STATUSES = frozenset(status.value for status in HTTPStatus)
_TIME_MAX = 1 << 34
_COUNT_MAX = 1 << 24
_PORT_MAX = 65535


class NotTrusted(Exception):
    """The cloud said something that it never should; the message says what."""


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
                raise NotTrusted(f"the time {at} of credentials")
    return answer


def check_response(response: GuestResponse) -> GuestResponse:
    """Return an answer to a guest when it can be written as HTTP; raise `NotTrusted`."""
    if response.status not in _STATUSES:
        raise NotTrusted(f"the status {response.status} for a guest")
    for name, value in (("Content-Type", response.content_type), *response.headers.items()):
        _check_text("name of a header", name, _HEADER_NAME)
        _check_text("header", value, _HEADER_VALUE)
    return response


def _check_agrees(wanted: HostWanted, own: Network) -> None:
    said = Network(wanted.public_range, wanted.private_range, wanted.egress)
    if said != own:
        raise NotTrusted(f"{said}, but mallee.toml of this host has {own}; restart what is older")


def _check_ask(ask: Ask) -> None:
    _check_text("question", ask.id, _ASK)
    _check_id("i", ask.instance_id)


def _check_wanted(wanted: HostWanted) -> None:
    _check_text("region", wanted.region, _NAME)
    _check_text("zone", wanted.zone, _NAME)
    for text in (wanted.public_range, wanted.private_range):
        network = _check_network(text)
        is_special = network.is_loopback or network.is_link_local or network.is_multicast
        if network.prefixlen < WIDEST_RANGE or is_special:
            raise NotTrusted(f"{network} as a range of addresses")
    for vpc in wanted.vpcs:
        _check_vpc(vpc, IPv4Network(wanted.public_range))
    for instance in wanted.instances:
        _check_instance(instance)


def _check_instance(instance: InstanceWanted) -> None:
    _check_id("i", instance.id)
    for interface_id in instance.interface_ids:
        _check_id("eni", interface_id)
    counts = (instance.vcpus, instance.memory_mib, instance.disk_gib)
    if not all(0 < count <= _COUNT_MAX for count in counts):
        raise NotTrusted(f"{instance.id} with {counts} as its processors, memory and disk")
    _check_blob(instance.disk, DISK_FORMATS)
    boot = instance.boot
    if boot is not None:
        _check_blob(boot.kernel, {"kernel"})
        if boot.ramdisk is not None:
            _check_blob(boot.ramdisk, {"ramdisk"})
        _check_text("command line", boot.command_line, _COMMAND_LINE)


def _check_blob(blob: Blob, formats: Iterable[str]) -> None:
    _check_text("name of a blob", blob.sha256, _SHA256)
    if blob.format not in formats or blob.size_bytes < 0:
        raise NotTrusted(f"a blob of the form {blob.format[:80]!r}, {blob.size_bytes} bytes long")


def _check_vpc(vpc: VpcWanted, public_range: IPv4Network) -> None:
    _check_id("vpc", vpc.id)
    _check_network(vpc.cidr)
    for subnet in vpc.subnets:
        _check_id("subnet", subnet.id)
        _check_network(subnet.cidr)
    for group in vpc.groups:
        _check_group(group)
    for interface in vpc.interfaces:
        _check_interface(interface)
        public_ip = interface.public_ip
        if public_ip is not None and _check_address(public_ip) not in public_range:
            raise NotTrusted(f"{public_ip}, which is not of the public range, for {interface.id}")


def _check_group(group: GroupWanted) -> None:
    _check_id("sg", group.id)
    for member_ip in group.member_ips:
        _check_address(member_ip)
    for rule in group.rules:
        _check_rule(rule)


def _check_rule(rule: Rule) -> None:
    _check_text("protocol", rule.protocol, _PROTOCOL)
    if not all(-1 <= port <= _PORT_MAX for port in (rule.from_port, rule.to_port)):
        raise NotTrusted(f"the ports {rule.from_port} to {rule.to_port}")
    if rule.cidr is not None:
        _check_network(rule.cidr)
    if rule.group_id is not None:
        _check_id("sg", rule.group_id)


def _check_interface(interface: InterfaceWanted) -> None:
    _check_id("eni", interface.id)
    _check_id("i", interface.instance_id)
    _check_id("vpc", interface.vpc_id)
    _check_id("subnet", interface.subnet_id)
    for group_id in interface.group_ids:
        _check_id("sg", group_id)
    _check_text("hardware address", interface.mac, _MAC)
    _check_text("host name", interface.hostname, _NAME)
    _check_address(interface.private_ip)


def _check_id(prefix: str, text: str) -> None:
    if not ids.is_well_formed(text, prefix):
        raise NotTrusted(f"{text[:80]!r} as an id of the form {prefix}-…")


def _check_text(what: str, text: str, form: re.Pattern[str]) -> None:
    if not form.fullmatch(text):
        raise NotTrusted(f"{text[:80]!r} as a {what}")


def _check_address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError as error:
        raise NotTrusted(f"{text[:80]!r} as an address") from error


def _check_network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise NotTrusted(f"{text[:80]!r} as a range of addresses") from error
