"""The settings of a cloud: one typed TOML document, checked whole before it is used."""

import ipaddress
import re
import tomllib
from collections.abc import Iterator
from typing import Annotated, Literal, cast

import msgspec

from mallee.model.configuration import choices
from mallee.model.network import addressspans, classic, landmarks
from mallee.model.network.classic import Classic, HostClassic
from mallee.model.network.modes import Mode

_DIRECTORY_MAX = 200
_DIRECTORY = re.compile(rf"(?=.{{2,{_DIRECTORY_MAX}}}$)(/(?!\.\.?(/|$))[A-Za-z0-9._-]+)+")
_RANGES = ("public_range", "private_range")
IPV6_OF_A_VPC = 56
"""The prefix length of a VPC's IPv6 range."""


class InvalidSettings(Exception):
    """The settings document is wrong; the message says which setting, why, and what would do."""


_Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
_Count = Annotated[int, msgspec.Meta(ge=0)]
DEADLINE_S_MAX = 86400.0


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Address ranges and how the box meets the world."""

    public_range: str = "203.0.113.0/24"
    private_range: str = "172.31.0.0/16"
    egress: bool = True
    """Whether instances may reach the world through the host (source NAT)."""
    ipv6_range: str = "fd6d:616c:6c00::/40"
    """Of which VPCs that ask for IPv6 get a /56 each; empty: there is none to get."""
    public_addresses: tuple[str, ...] = ()
    """Which of the public range are lent: `192.0.2.7`, `192.0.2.9-192.0.2.20`, `192.0.2.64/28`;
    empty: all."""
    mode: Mode = "vpc"
    """How instances stand in the network: each account in ranges of its own, or one of the classic
    modes."""
    classic: Classic = Classic()
    """What the classic modes need."""
    landmarks: tuple[str, ...] = ()
    """Addresses beyond the next hop to the world: while none of those answers that have before, a
    gateway host's way is dead; empty: nobody looks so far."""


class Ports(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """TCP ports; 0 takes any free one (`Layout.cloud_ports` tells which)."""

    services: _Port = 8773
    agents: _Port = 8774
    hosts: _Port = 8775
    """At which a host's agent answers other hosts', while it has to do with any; when it is taken,
    at any free one."""


class Capacity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of a host instances may use."""

    vcpus_per_core: Annotated[int, msgspec.Meta(ge=1)] = 8
    reserved_memory_mib: _Count = 0
    """What is the machine's own; 0: a quarter of what it has, 384 at least and 1,024 at most."""
    reserved_disk_gib: _Count = 2


class Deadlines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The longest that each wait may take, in seconds."""

    launch_s: float = 300.0
    stop_s: float = 60.0
    """After a guest was asked to power off it is switched off."""
    terminate_s: float = 10.0


class Trail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long it is remembered who did what."""

    kept_days: _Count = 400
    kept_gib: _Count = 8
    """Beyond it the oldest are forgotten earlier."""


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mails to people, which are files until a mail program takes them."""

    outbox: str = ""
    """The directory that they are written to; empty: `cloud/outbox` under the root directory."""
    sender: str = "mallee@localhost"
    administrator: str = ""
    """Who is told of requests for accounts; empty: nobody is."""
    endpoint: str = ""
    """At which address people reach the cloud, as mails tell them; empty: they know."""


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How strangers come to accounts."""

    open: bool = True
    """Whether everybody who reaches the cloud may ask for one; it is given when approved."""


class OpenId(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How identity providers that accounts believe are reached."""

    fetch: bool = True
    """Whether their keys are fetched; else they must be handed over."""
    local: bool = False
    """Whether they may be on this machine's own addresses (loopback and link-local ones)."""
    ca_file: str = ""
    """Certificates of authorities, besides the public ones, that certify their servers."""


class Webhooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How programs that accounts want to be told of changes in their buckets are reached."""

    send: bool = True
    """Whether anything is sent; else it waits."""
    local: bool = False
    """Whether they may be on this machine's own addresses (loopback and link-local ones)."""
    private: bool = False
    """Whether they may be in private networks (10.0.0.0/8, 192.168.0.0/16, fc00::/7 and the like);
    `local` includes it."""
    ca_file: str = ""
    """Certificates of authorities, besides the public ones, that certify their servers."""


class Objects(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How S3 is served, and where objects' bytes lie."""

    processes: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    """How many serve it; 0: as many as the machine has processors, four at most."""
    engine: Literal["local", "s3", "shared", "elsewhere"] = "local"
    """Where bytes lie: on this machine, or in a bucket of another S3 (Ceph's, or any other's), or
    in a directory that front ends share, of which one at a time serves it;
    `elsewhere`: on another front end of this cloud, to which this one brings what is S3's."""
    directory: str = ""
    """That directory."""
    endpoint: str = ""
    """Of that S3, such as `https://rgw.example:7480`."""
    bucket: str = ""
    """In which only this cloud writes."""
    region: str = "us-east-1"
    credentials: str = ""
    """A file that the cloud's user may read: `access_key_id` and `secret_access_key`, in JSON."""


class Volumes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where this host's volumes lie."""

    directory: str = ""
    """Empty: `node/volumes` under the root directory."""
    mount: bool = True
    """Whether that directory is another file system's mount point, and else not to be used."""
    capacity_gib: _Count = 0
    """How much volumes may claim there; 0: all that the file system has."""


class HostNetwork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which interfaces of a host the classic modes use, where they are not called as elsewhere."""

    classic: HostClassic = HostClassic()


class HostSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document of a host that belongs to a cloud elsewhere: what only its machine can know."""

    capacity: Capacity = Capacity()
    volumes: Volumes = Volumes()
    network: HostNetwork = HostNetwork()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole document."""

    region: str = "us-east-1"
    zone: str = "us-east-1a"
    listen: str = "127.0.0.1"
    address: str = ""
    """At which other hosts reach this machine; empty: at the one on which it listens."""
    database_url: str = ""
    """Empty: SQLite under the root directory."""
    network: Network = Network()
    ports: Ports = Ports()
    capacity: Capacity = Capacity()
    deadlines: Deadlines = Deadlines()
    openid: OpenId = OpenId()
    mail: Mail = Mail()
    registration: Registration = Registration()
    trail: Trail = Trail()
    webhooks: Webhooks = Webhooks()
    objects: Objects = Objects()
    volumes: Volumes = Volumes()


def reached_at(held: Settings) -> str:
    """Return the address at which other hosts reach the cloud's machine; empty: not known."""
    if held.address:
        return held.address
    try:
        address = ipaddress.ip_address(held.listen)
    except ValueError:
        return ""
    return "" if address.is_loopback or address.is_unspecified else held.listen


def parse(text: str, called: str = "mallee.toml") -> Settings:
    """Decode and check a settings document, which is `called` so; raise `InvalidSettings`."""
    try:
        settings = msgspec.convert(tomllib.loads(text), Settings)
    except msgspec.ValidationError as error:
        raise InvalidSettings(f"{called}: {choices.added(error, Settings)}") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(f"{called}: {error}") from error
    _check_ranges(settings.network)
    _check_mode(settings.network)
    _check_landmarks(settings.network)
    _check_deadlines(settings.deadlines)
    _check_address(settings)
    _check_engine(settings.objects)
    _check_volumes(settings.volumes)
    return settings


def parse_host(text: str) -> Settings:
    """Decode and check a host's document, the rest as by default; raise `InvalidSettings`."""
    own = decode_host(text)
    return Settings(capacity=own.capacity, volumes=own.volumes)


def decode_host(text: str) -> HostSettings:
    """Decode and check a host's document; raise `InvalidSettings`."""
    try:
        own = msgspec.convert(tomllib.loads(text), HostSettings)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InvalidSettings(f"node.toml: {error}") from error
    _check_volumes(own.volumes)
    named = own.network.classic
    for fault in classic.device_faults(named.device, named.uplink):
        raise InvalidSettings(f"network.classic.{fault}")
    return own


def _check_landmarks(network: Network) -> None:
    for fault in landmarks.faults(network.landmarks, guests_ranges(network)):
        raise InvalidSettings(f"network.landmarks: {fault}")


def _check_mode(network: Network) -> None:
    for fault in classic.faults(network.mode, network.classic):
        raise InvalidSettings(f"network.classic.{fault}")
    if network.mode == "vpc":
        return
    subnet = ipaddress.IPv4Network(network.classic.subnet)
    # Managed blocks may be of the private range, which nothing else uses then.
    names = ("public_range",) if network.mode in classic.MANAGED else _RANGES
    for name in names:
        if subnet.overlaps(ipaddress.IPv4Network(getattr(network, name))):
            raise InvalidSettings(
                f"network.classic.subnet {subnet} overlaps network.{name} "
                f"{getattr(network, name)}; choose ranges that share no address"
            )


def _check_address(settings: Settings) -> None:
    if not settings.address:
        return
    try:
        address = ipaddress.ip_address(settings.address)
    except ValueError as error:
        raise InvalidSettings(f"address: {error}; give one such as 192.0.2.1") from error
    if address.is_loopback or address.is_unspecified:
        raise InvalidSettings(f"address: at {address} no other host reaches this machine")
    for guests in guests_ranges(settings.network):
        if address in ipaddress.IPv4Network(guests):
            raise InvalidSettings(
                f"address: {address} is of {guests}, which is the guests'; choose another range"
            )


def guests_ranges(network: Network) -> tuple[str, ...]:
    """Return the ranges of IPv4 that are guests': no host has an address of them."""
    if network.mode in classic.MANAGED:
        return network.public_range, network.private_range, network.classic.subnet
    lent = classic.lendable(network.classic) if network.mode == "static" else ()
    spans = (str(one) for one in addressspans.networks(lent))
    return network.public_range, network.private_range, *spans


def _check_deadlines(deadlines: Deadlines) -> None:
    # Not said by the type: what bounds its numbers does not hold for `-5`, only for `-5.0`.
    for name, seconds in msgspec.structs.asdict(deadlines).items():
        if not 0 < seconds <= DEADLINE_S_MAX:
            raise InvalidSettings(
                f"deadlines.{name} is {seconds:g}; give more than 0 and at most {DEADLINE_S_MAX:g}"
            )


def _check_volumes(volumes: Volumes) -> None:
    if volumes.directory and not _DIRECTORY.fullmatch(volumes.directory):
        raise InvalidSettings(
            f"volumes.directory: {volumes.directory!r} is not a plain absolute path of at most "
            f"{_DIRECTORY_MAX} letters, digits, dots, hyphens and underscores; give for example "
            "/srv/volumes"
        )


def _check_engine(objects: Objects) -> None:
    if objects.engine == "s3":
        for name in ("endpoint", "bucket", "credentials"):
            if not getattr(objects, name):
                raise InvalidSettings(f"objects.{name} is not given, and objects.engine is s3")
    is_shared = objects.engine == "shared"
    if bool(objects.directory) != is_shared:
        raise InvalidSettings(
            'objects.directory and objects.engine = "shared" belong together: one is given without '
            "the other"
        )
    if is_shared and not _DIRECTORY.fullmatch(objects.directory):
        raise InvalidSettings(
            f"objects.directory: {objects.directory!r} is not a plain absolute path; give for "
            "example /srv/objects"
        )


def _check_ranges(network: Network) -> None:
    ranges: dict[str, ipaddress.IPv4Network] = {}
    for name in _RANGES:
        text: str = getattr(network, name)
        try:
            ranges[name] = ipaddress.IPv4Network(text)
        except ValueError as error:
            raise InvalidSettings(
                f"network.{name}: {error}; give a range such as 203.0.113.0/24"
            ) from error
    if ranges["public_range"].overlaps(ranges["private_range"]):
        raise InvalidSettings(
            f"network.public_range {ranges['public_range']} overlaps network.private_range "
            f"{ranges['private_range']}; choose two ranges that share no address"
        )
    if not 16 <= ranges["private_range"].prefixlen <= 20:
        raise InvalidSettings(
            f"network.private_range {ranges['private_range']}: a default VPC has between /16 and "
            "/20; give for example 172.31.0.0/16"
        )
    _check_ipv6_range(network.ipv6_range)
    _check_listed(network.public_addresses, ranges["public_range"])
    if ranges["public_range"].prefixlen > 29:
        raise InvalidSettings(
            f"network.public_range {ranges['public_range']} holds too few addresses; give /29 or "
            "wider"
        )


def _check_listed(listed: tuple[str, ...], public: ipaddress.IPv4Network) -> None:
    if len(listed) > addressspans.SPANS_MAX:
        raise InvalidSettings(
            f"network.public_addresses has more than {addressspans.SPANS_MAX} entries; join some"
        )
    for text in listed:
        try:
            span = addressspans.parse(text)
        except ValueError as error:
            raise InvalidSettings(
                f"network.public_addresses: {error}; give such as 192.0.2.7 or 192.0.2.9-192.0.2.20"
            ) from error
        ends = ipaddress.IPv4Address(span[0]), ipaddress.IPv4Address(span[-1])
        if not all(one in public for one in ends):
            raise InvalidSettings(
                f"network.public_addresses: {text} is not within network.public_range {public}"
            )


def _check_ipv6_range(text: str) -> None:
    if not text:
        return
    try:
        network = ipaddress.IPv6Network(text)
    except ValueError as error:
        raise InvalidSettings(
            f"network.ipv6_range: {error}; give a range such as fd6d:616c:6c00::/40"
        ) from error
    if network.prefixlen > IPV6_OF_A_VPC:
        raise InvalidSettings(
            f"network.ipv6_range {network} is narrower than the /{IPV6_OF_A_VPC} of one VPC; give "
            "a wider one, or an empty text for none"
        )


def encode(settings: Settings) -> str:
    """Return the document as TOML, every setting written out."""
    return "\n".join(_table("", msgspec.to_builtins(settings))) + "\n"


def _table(name: str, table: dict[str, object]) -> Iterator[str]:
    """Yield the lines of a table, those of the tables in it last."""
    if name:
        yield f"\n[{name}]"
    inner: list[tuple[str, dict[str, object]]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            inner.append((key, cast(dict[str, object], value)))
        else:
            yield f"{key} = {write_value(value)}"
    for key, within in inner:
        yield from _table(f"{name}.{key}".lstrip("."), within)


def write_value(value: object) -> str:
    """Return a value as TOML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(write_value(item) for item in cast(list[object], value))}]"
    return repr(value)
