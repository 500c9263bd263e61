"""DHCP option sets: what guests of a VPC are told of names, name servers and clocks.

Called through the action table, and by `vpcs` for the set that new VPCs get. A set is never
changed: a VPC gets another one, and guests learn of it when they ask again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.dhcp import OWN_DNS, DhcpOptions

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

NONE = "default"
"""As an id: no options at all."""
MAX_PER_ACCOUNT = 100
MAX_SERVERS = 4
DOMAINS_LENGTH_MAX = 255
"""Characters of all domain names with a space between each two: an option of DHCP has no more."""
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")

OptionsRecord = Record[DhcpOptions, None]
Entropy = Callable[[int], bytes]


def ensure_default(tx: store.Tx, account: str, region: str, entropy: Entropy) -> OptionsRecord:
    """Return the set that the account's new VPCs get, made with the first of them."""
    for options in tx.list(records.DHCP_OPTIONS, account):
        if options.doc.is_default:
            return options
    id = ids.make("dopt", entropy(ids.ID_BYTES))
    values = {"domain-name": (domain(region),), "domain-name-servers": (OWN_DNS,)}
    return tx.insert(
        records.DHCP_OPTIONS, account, id, DhcpOptions(id=id, options=values, is_default=True)
    )


def domain(region: str) -> str:
    """Return the domain of private names in a region, as AWS has them."""
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


def create_dhcp_options(
    call: WriteCall, request: shapes.CreateDhcpOptionsRequest
) -> shapes.CreateDhcpOptionsResult:
    """Make a set."""
    options: dict[str, tuple[str, ...]] = {}
    for configuration in request["DhcpConfigurations"]:
        name = configuration.get("Key") or ""
        values = _split(configuration.get("Values") or ())
        if name not in _CHECKS:
            raise errors.InvalidParameterValue(
                f"Value ({name}) for parameter name is invalid. Unknown DHCP option"
            )
        if name in options or not values:
            raise errors.InvalidParameterValue(f"The DHCP option {name} needs values, once.")
        _CHECKS[name](name, values)
        options[name] = values
    if not options:
        raise errors.MissingParameter("dhcpConfiguration")
    if len(call.tx.list(records.DHCP_OPTIONS, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.DhcpOptionsLimitExceeded(MAX_PER_ACCOUNT)
    made = DhcpOptions(
        id=ids.make("dopt", call.entropy(ids.ID_BYTES)),
        options=options,
        tags=tagset.of_new(request, records.DHCP_OPTIONS.name),
    )
    record = call.tx.insert(records.DHCP_OPTIONS, call.account, made.id, made)
    return {"DhcpOptions": _render(call, record)}


def _split(values: Iterable[str]) -> tuple[str, ...]:
    """Return single values: several may also be given in one, with commas."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def _check_servers(name: str, values: Sequence[str]) -> None:
    if len(values) > MAX_SERVERS:
        raise errors.InvalidParameterValue(f"{name} takes at most {MAX_SERVERS} values.")
    for value in values:
        try:
            # A zone (`fe80::1%…`) is no part of an address that is told to guests.
            ip_address(value.replace("%", " "))
        except ValueError as error:
            raise errors.InvalidParameterValue(
                f"Value ({value}) for parameter {name} is invalid. Invalid IP address."
            ) from error


def _check_name_servers(name: str, values: Sequence[str]) -> None:
    _check_servers(name, [value for value in values if value != OWN_DNS])
    if OWN_DNS in values and len(values) > 1:
        raise errors.InvalidParameterValue(f"{OWN_DNS} stands alone among {name}.")


def _check_netbios_servers(name: str, values: Sequence[str]) -> None:
    _check_servers(name, values)
    if any(":" in value for value in values):
        raise errors.InvalidParameterValue(f"{name} are IPv4 addresses.")


def _check_domain(name: str, values: Sequence[str]) -> None:
    for value in values:
        if not _DOMAIN.fullmatch(value):
            raise errors.InvalidParameterValue(
                f"Value ({value}) for parameter {name} is invalid. It is no domain name."
            )
    if len(" ".join(values)) > DOMAINS_LENGTH_MAX:
        raise errors.InvalidParameterValue(
            f"The values of {name} have at most {DOMAINS_LENGTH_MAX} characters together."
        )


def _check_node_type(name: str, values: Sequence[str]) -> None:
    if len(values) != 1 or values[0] not in ("1", "2", "4", "8"):
        raise errors.InvalidParameterValue(f"{name} is one of 1, 2, 4 and 8.")


_CHECKS: Mapping[str, Callable[[str, Sequence[str]], None]] = {
    "domain-name": _check_domain,
    "domain-name-servers": _check_name_servers,
    "ntp-servers": _check_servers,
    "netbios-name-servers": _check_netbios_servers,
    "netbios-node-type": _check_node_type,
}
"""The options that there are."""


def associate_dhcp_options(call: WriteCall, request: shapes.AssociateDhcpOptionsRequest) -> Result:
    """Give a VPC another set, or none."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    id = request["DhcpOptionsId"]
    options_id = "" if id == NONE else resources.one(call, records.DHCP_OPTIONS, id).id
    call.tx.write(vpc, replace(vpc.doc, dhcp_options_id=options_id))
    return {}


def delete_dhcp_options(call: WriteCall, request: shapes.DeleteDhcpOptionsRequest) -> Result:
    """Delete a set that no VPC has."""
    options = resources.one(call, records.DHCP_OPTIONS, request["DhcpOptionsId"])
    if call.tx.by(records.VPC, "dhcp-options", options.id):
        raise errors.DependencyViolation(
            f"The dhcpOptions '{options.id}' has dependencies and cannot be deleted."
        )
    call.tx.delete(options)
    return {}


def _find(call: Call, request: shapes.DescribeDhcpOptionsRequest) -> Iterable[OptionsRecord]:
    asked: list[str] = request.get("DhcpOptionsIds") or []
    if asked:
        return resources.several(call, records.DHCP_OPTIONS, asked)
    return sorted(call.view.list(records.DHCP_OPTIONS, call.account), key=lambda it: it.id)


def _render(call: Call, options: OptionsRecord) -> shapes.DhcpOptions:
    return {
        "DhcpOptionsId": options.id,
        "OwnerId": options.account,
        "DhcpConfigurations": [
            {"Key": name, "Values": [{"Value": value} for value in values]}
            for name, values in options.doc.options.items()
        ],
        "Tags": tagset.shown(options.doc.tags),
    }


def _values(call: Call, options: OptionsRecord) -> Iterable[str]:
    return [value for values in options.doc.options.values() for value in values]


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateDhcpOptions",
        does=Write(handle=create_dhcp_options),
        honours=frozenset({"DhcpConfigurations"}),
        creates=(records.DHCP_OPTIONS.name,),
    ),
    Action(
        service="ec2",
        name="AssociateDhcpOptions",
        does=Write(handle=associate_dhcp_options),
        honours=frozenset({"DhcpOptionsId", "VpcId"}),
    ),
    Action(
        service="ec2",
        name="DeleteDhcpOptions",
        does=Write(handle=delete_dhcp_options),
        honours=frozenset({"DhcpOptionsId"}),
    ),
    Action(
        service="ec2",
        name="DescribeDhcpOptions",
        does=Listing(
            find=_find,
            render=_render,
            member="DhcpOptions",
            filters={
                "dhcp-options-id": lambda call, it: (it.id,),
                "key": lambda call, it: tuple(it.doc.options),
                "owner-id": lambda call, it: (it.account,),
                "value": _values,
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"DhcpOptionsIds"}),
    ),
)
