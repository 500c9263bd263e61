"""The network of a `eucalyptus.conf`: its mode, ranges and interfaces as settings of a cloud.

What a line means depends on VNET_MODE, so all VNET_* are read together. Pure; called by
`eucalyptusconf`, which tells of each line what became of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, ip_address

from msgspec.structs import replace

from mallee.model.configuration import eucalyptuswords
from mallee.model.configuration.settings import Network
from mallee.model.network import addressspans, classic, sharedranges
from mallee.model.network.modes import Mode

_LONGEST_PRIVATE, _SHORTEST_PRIVATE = 20, 16
_LONGEST_PUBLIC = 29
_FIRST_VLAN = 2
_OTHER_PRIVATE = ("172.31.0.0/16", "172.30.0.0/16", "10.254.0.0/16")
"""Of which one is the private range of a cloud that does not use it."""
_ADDRESSES = ("address", "addresses")


@dataclass(slots=True)
class Made:
    """What was made of the VNET_* lines."""

    network: Network = field(default_factory=Network)
    became: dict[str, str] = field(default_factory=dict[str, str])
    """By name of a line."""
    troubles: list[str] = field(default_factory=list[str])


def counted(count: int, words: tuple[str, str]) -> str:
    """Return a number with its noun."""
    return f"{count:,} {words[count != 1]}"


def read(values: dict[str, str]) -> Made:
    """Return the network of these lines; those with variables in them are passed over."""
    told = {name: value for name, value in values.items() if "$" not in value}
    made = Made()
    mode = _mode(told, made)
    makers = {
        "vpc": (_vpc_subnet, _public),
        "managed": (_subnet, _blocks, _managed_device, _uplink, _name_servers, _public),
        "managed-novlan": (_subnet, _blocks, _bridge, _uplink, _name_servers, _public),
        "static": (_subnet, _bridge, _router, _pairs, _name_servers, _no_public),
        "system": (_subnet, _bridge, _name_servers, _no_public),
    }[mode]
    for maker in makers:
        try:
            maker(told, made)
        except _Wrong as wrong:
            made.became[wrong.name] = f"is not understood: {wrong}"
            made.troubles.append(f"{wrong.name}: {wrong}")
    _part_ranges(made)
    return made


class _Wrong(Exception):
    def __init__(self, name: str, why: object) -> None:
        super().__init__(str(why))
        self.name = name


def _mode(told: dict[str, str], made: Made) -> Mode:
    said = told.get("VNET_MODE", "")
    if not said:
        if any(name.startswith("VNET_") for name in told):
            made.troubles.append(
                "VNET_MODE is not said: it was SYSTEM then; network.mode is vpc unless you say it"
            )
        return "vpc"
    found = eucalyptuswords.MODES.get(said.upper())
    if found is None:
        known = ", ".join(eucalyptuswords.MODES)
        made.became["VNET_MODE"] = f"is not understood: {said!r} is none of {known}"
        made.troubles.append(f"VNET_MODE: {said!r} is none of {known}")
        return "vpc"
    mode, words = found
    made.network = replace(made.network, mode=mode)
    made.became["VNET_MODE"] = f"network.mode = {mode}: {words}"
    return mode


def _set(made: Made, **changes: object) -> None:
    told = replace(made.network.classic, **changes)
    made.network = replace(made.network, classic=told)


# --- ranges ---


def _whole(told: dict[str, str], made: Made) -> IPv4Network | None:
    """Return the range of VNET_SUBNET and VNET_NETMASK; None: it is not said."""
    if "VNET_SUBNET" not in told:
        if "VNET_NETMASK" in told:
            made.became["VNET_NETMASK"] = "nothing: there is no VNET_SUBNET"
        return None
    mask = told.get("VNET_NETMASK", "255.255.0.0")
    try:
        IPv4Network(f"0.0.0.0/{mask}")
    except ValueError as error:
        raise _Wrong("VNET_NETMASK", error) from error
    made.became["VNET_NETMASK"] = "goes with VNET_SUBNET"
    try:
        return IPv4Network(f"{told['VNET_SUBNET']}/{mask}")
    except ValueError as error:
        raise _Wrong("VNET_SUBNET", error) from error


def _vpc_subnet(told: dict[str, str], made: Made) -> None:
    whole = _whole(told, made)
    if whole is None:
        return
    if whole.prefixlen > _LONGEST_PRIVATE:
        raise _Wrong(
            "VNET_SUBNET",
            f"{whole} is too small for a default VPC, which has between /{_SHORTEST_PRIVATE} and "
            f"/{_LONGEST_PRIVATE}",
        )
    private = next(whole.subnets(new_prefix=max(whole.prefixlen, _SHORTEST_PRIVATE)))
    made.network = replace(made.network, private_range=str(private))
    if private != whole:
        made.troubles.append(f"of {whole} the first /{private.prefixlen} is used: {private}")
    made.became["VNET_SUBNET"] = (
        f"network.private_range = {private}: each account's default VPC has all of it"
    )
    if "VNET_ADDRSPERNET" in told:
        made.became["VNET_ADDRSPERNET"] = (
            "nothing: in a VPC a security group has no range of its own and no such limit"
        )


def _subnet(told: dict[str, str], made: Made) -> None:
    whole = _whole(told, made)
    if whole is None:
        made.troubles.append(
            "VNET_SUBNET is not said: network.classic.subnet needs the range of the LAN, or of the "
            "instances' own; add VNET_SUBNET and VNET_NETMASK"
        )
        return
    _set(made, subnet=str(whole))
    made.became["VNET_SUBNET"] = f"network.classic.subnet = {whole}: all private addresses"


def _blocks(told: dict[str, str], made: Made) -> None:
    text = told.get("VNET_ADDRSPERNET", "32")
    if not text.isdecimal() or not made.network.classic.subnet:
        raise _Wrong("VNET_ADDRSPERNET", f"{text!r} addresses per network of no known subnet")
    size = int(text)
    whole = IPv4Network(made.network.classic.subnet)
    if size < classic.BLOCK_LEAST or size > classic.BLOCK_MOST or size & (size - 1):
        raise _Wrong(
            "VNET_ADDRSPERNET",
            f"{size} is no power of two from {classic.BLOCK_LEAST} to {classic.BLOCK_MOST}",
        )
    _set(made, addresses_per_network=size)
    count = whole.num_addresses // size
    if made.network.mode == "managed":
        last = min(_FIRST_VLAN + count - 1, classic.VLAN_MAX)
        _set(made, vlans=f"{_FIRST_VLAN}-{max(last, _FIRST_VLAN)}")
        if last - _FIRST_VLAN + 1 < count:
            made.troubles.append(
                f"of {count:,} networks {last - _FIRST_VLAN + 1:,} can be in use at once: there "
                "are no more VLANs"
            )
        count = min(count, last - _FIRST_VLAN + 1)
    lent = size - sharedranges.KEPT_AT_START - sharedranges.KEPT_AT_END
    vlans = f"VLANs {made.network.classic.vlans}; " if made.network.mode == "managed" else ""
    networks = counted(count, ("network", "networks"))
    made.became["VNET_ADDRSPERNET"] = (
        f"network.classic.addresses_per_network = {size}: {networks} of {size} addresses in "
        f"{whole}, {vlans}{lent} of each are lent"
    )


def _part_ranges(made: Made) -> None:
    """See that the private range, which a LAN's cloud does not use, is not the LAN's."""
    subnet = made.network.classic.subnet
    if made.network.mode not in classic.LAN or not subnet:
        return
    whole = IPv4Network(subnet)
    free = (text for text in _OTHER_PRIVATE if not IPv4Network(text).overlaps(whole))
    made.network = replace(made.network, private_range=next(free, made.network.private_range))


# --- interfaces ---


def _managed_device(told: dict[str, str], made: Made) -> None:
    _take(told, made, "VNET_PRIVINTERFACE", "device", "it carries the VLANs")
    if "VNET_BRIDGE" in told:
        made.became["VNET_BRIDGE"] = "nothing: VLANs are made on VNET_PRIVINTERFACE, as they were"


def _bridge(told: dict[str, str], made: Made) -> None:
    name = "VNET_BRIDGE" if "VNET_BRIDGE" in told else "VNET_PRIVINTERFACE"
    _take(told, made, name, "device", "the bridge that each host's own interface is a port of")
    if name == "VNET_BRIDGE" and "VNET_PRIVINTERFACE" in told:
        made.became["VNET_PRIVINTERFACE"] = "nothing: it is a port of VNET_BRIDGE on each host"
    elif name == "VNET_PRIVINTERFACE" and made.network.classic.device:
        made.troubles.append(
            f"VNET_BRIDGE is not said: {made.network.classic.device} must be a bridge on each "
            "host, or its node.toml names one"
        )


def _uplink(told: dict[str, str], made: Made) -> None:
    _take(told, made, "VNET_PUBINTERFACE", "uplink", "it answers for public addresses")


def _take(told: dict[str, str], made: Made, name: str, setting: str, *words: str) -> None:
    text = told.get(name, "")
    if not text:
        return
    if not classic.DEVICE.fullmatch(text):
        raise _Wrong(name, f"{text!r} is no name of an interface")
    _set(made, **{setting: text})
    made.became[name] = f"network.classic.{setting} = {text}: {' '.join(words)}"


# --- addresses ---


def _name_servers(told: dict[str, str], made: Made) -> None:
    servers = tuple(told.get("VNET_DNS", "").split())
    if not servers:
        return
    try:
        _set(made, name_servers=tuple(str(ip_address(one)) for one in servers))
    except ValueError as error:
        raise _Wrong("VNET_DNS", error) from error
    made.became["VNET_DNS"] = f"network.classic.name_servers = {', '.join(servers)}"


def _router(told: dict[str, str], made: Made) -> None:
    text = told.get("VNET_ROUTER", "")
    try:
        _set(made, router=str(IPv4Address(text)))
    except ValueError as error:
        raise _Wrong("VNET_ROUTER", f"{error}; STATIC needs the LAN's router") from error
    made.became["VNET_ROUTER"] = f"network.classic.router = {text}"


def _pairs(told: dict[str, str], made: Made) -> None:
    pairs = tuple(told.get("VNET_MACMAP", "").lower().split())
    if pairs:
        _set(made, macs=pairs)
        made.became["VNET_MACMAP"] = (
            f"network.classic.macs: {counted(len(pairs), _ADDRESSES)} with their hardware addresses"
        )
        if "VNET_PRIVATEIPS" in told:
            made.became["VNET_PRIVATEIPS"] = "nothing: the addresses of VNET_MACMAP are lent"
        return
    listed = _spans("VNET_PRIVATEIPS", told)
    if listed:
        _set(made, addresses=tuple(told["VNET_PRIVATEIPS"].split()))
        count = counted(sum(map(len, listed)), _ADDRESSES)
        made.became["VNET_PRIVATEIPS"] = f"network.classic.addresses: {count}"


def _no_public(told: dict[str, str], made: Made) -> None:
    if told.get("VNET_PUBLICIPS", ""):
        made.became["VNET_PUBLICIPS"] = (
            "nothing, as it was: an instance has one address, of the LAN"
        )


def _public(told: dict[str, str], made: Made) -> None:
    spans = _spans("VNET_PUBLICIPS", told)
    if not spans:
        return
    public, texts = _smallest(spans), tuple(told["VNET_PUBLICIPS"].split())
    made.network = replace(made.network, public_range=str(public), public_addresses=texts)
    count = sum(map(len, spans))
    beyond = public.num_addresses - count
    if beyond and made.network.mode == "vpc":
        made.troubles.append(
            f"{counted(beyond, _ADDRESSES)} of {public} not in VNET_PUBLICIPS: not lent, but led "
            "to this machine's edge too, so no other machine may have any of them"
        )
    made.became["VNET_PUBLICIPS"] = (
        f"network.public_range = {public}, network.public_addresses: {count:,} of them"
    )


def _spans(name: str, told: dict[str, str]) -> tuple[range, ...]:
    try:
        return addressspans.merge(addressspans.parse(text) for text in told.get(name, "").split())
    except ValueError as error:
        raise _Wrong(name, error) from error


def _smallest(spans: Iterable[range]) -> IPv4Network:
    """Return the smallest network that has them all, and is not too small for a cloud."""
    listed = tuple(spans)
    first, last = IPv4Address(listed[0][0]), IPv4Address(listed[-1][-1])
    network = IPv4Network((int(first), 32))
    while last not in network or network.prefixlen > _LONGEST_PUBLIC:
        network = network.supernet()
    return network
