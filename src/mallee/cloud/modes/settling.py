"""What a change of the network mode does to accounts, and what stands against it.

Everything that instances are in belongs to one mode: its ranges, its addresses, its way to the
world. So a mode changes while there are none, and nothing that accounts made of networks; default
VPCs then get the range and the subnets of the new mode when the cloud begins. Called by
`bootstrap`, by the administration (`DescribeCloud` tells what stands against a change) and by
`joining`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from mallee.cloud.ec2.vpc import vpcs
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind, Record
from mallee.model.configuration.settings import InvalidSettings, Settings
from mallee.model.network import sharedranges
from mallee.model.network.networks import Subnet
from mallee.model.network.sharedranges import SharedRange

Reader = store.View | store.Tx
Entropy = Callable[[int], bytes]
_NAMED_MAX = 3
"""So many are named in words; of the others it is said how many they are."""


def _is_own_vpc(record: Record[Any, Any]) -> bool:
    return not record.doc.is_default or bool(record.doc.more_cidrs or record.doc.ipv6_cidrs)


def _is_there(record: Record[Any, Any]) -> bool:
    return record.doc.is_there


def _always(record: Record[Any, Any]) -> bool:
    return True


_IN_THE_WAY: tuple[tuple[str, Kind[Any, Any], Callable[[Record[Any, Any]], bool]], ...] = (
    ("instances", records.INSTANCE, lambda it: it.doc.gone_at is None),
    ("network interfaces", records.INTERFACE, _always),
    ("elastic addresses", records.ADDRESS, _always),
    ("VPCs of accounts' own, or with further ranges", records.VPC, _is_own_vpc),
    ("subnets of accounts' own", records.SUBNET, lambda it: not it.doc.is_default),
    ("NAT gateways", records.NAT_GATEWAY, _is_there),
    ("VPC endpoints", records.ENDPOINT, _always),
    ("instance connect endpoints", records.CONNECT_ENDPOINT, _always),
    ("egress-only internet gateways", records.EGRESS_ONLY_GATEWAY, _always),
    ("transit gateways", records.TRANSIT_GATEWAY, _always),
)


def in_the_way(view: Reader) -> Iterator[str]:
    """Yield what must go before the network mode can be another one."""
    for words, kind, is_meant in _IN_THE_WAY:
        found = sorted(record.id for record in view.list(kind) if is_meant(record))
        if found:
            more = len(found) - _NAMED_MAX
            named = ", ".join(found[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
            yield f"{words}: {named}"
    zones = sorted({host.doc.zone for host in view.list(records.HOST)})
    if len(zones) > 1:
        yield f"hosts in several zones: {', '.join(zones)}"
    tables = {vpc.doc.main_table_id for vpc in view.list(records.VPC)}
    own = sorted(it.id for it in view.list(records.ROUTE_TABLE) if it.id not in tables)
    if own:
        yield f"route tables of accounts' own: {', '.join(own[:_NAMED_MAX])}"


def mode_of(view: Reader) -> SharedRange | None:
    """Return how accounts' subnets lend addresses now; None: each has its own."""
    found = (subnet.doc.shared for subnet in view.list(records.SUBNET) if subnet.doc.is_default)
    return next((shared for shared in found if shared is not None), None)


def settle(tx: store.Tx, settings: Settings, entropy: Entropy) -> None:
    """Bring default VPCs to the settings' network mode; raise `InvalidSettings` where they are in
    use otherwise."""
    wanted = sharedranges.of(settings.network)
    for vpc in tx.list(records.VPC):
        own = tx.by(records.SUBNET, "vpc", vpc.id)
        if not any(_is_other(subnet.doc, wanted, settings) for subnet in own):
            _note(tx, own, wanted)
            continue
        _check_idle(tx, settings)
        vpcs.refill(tx, vpc, settings, entropy)


def _is_other(subnet: Subnet, wanted: SharedRange | None, settings: Settings) -> bool:
    """Tell whether a subnet is of another mode, or of another range or cut than now."""
    held = subnet.shared
    if held is None or wanted is None:
        return held is not wanted
    is_same_cut = (held.kind, held.block_size) == (wanted.kind, wanted.block_size)
    return not is_same_cut or subnet.cidr != settings.network.classic.subnet


def _note(tx: store.Tx, subnets: list[Record[Subnet, None]], wanted: SharedRange | None) -> None:
    """Write down which addresses are lent now: more or fewer of the same range."""
    for subnet in subnets:
        if subnet.doc.shared != wanted:
            tx.write(subnet, replace(subnet.doc, shared=wanted))


def _check_idle(tx: store.Tx, settings: Settings) -> None:
    found = "; ".join(in_the_way(tx))
    if found:
        raise InvalidSettings(
            f"network.mode is {settings.network.mode} with network.classic.subnet "
            f"'{settings.network.classic.subnet}', and what is there belongs to the network as it "
            f"was: {found}. Set network.mode and network.classic back, remove these, and change "
            "the mode then (mallee config plan)"
        )


def refuses_zone(view: Reader, zone: str) -> str:
    """Return why a host cannot be in that zone; empty: it can."""
    found = [subnet.doc for subnet in view.list(records.SUBNET) if subnet.doc.shared is not None]
    if not found or found[0].zone == zone:
        return ""
    assert found[0].shared is not None
    return (
        f"the network mode is {found[0].shared.kind}, in which all hosts are of one zone, "
        f"{found[0].zone}: they share one network"
    )
