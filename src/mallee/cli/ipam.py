"""`mallee ipam tree|used|share`: pools of ranges, how full they are, and which VPC holds what.

Everything is asked of the cloud's API, with the administrator's key: the pools of the cloud's own
account and what all accounts have of them. Planning itself is done with any AWS client.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_EC2, _OWN = "ec2", "mallee"

Row = Mapping[str, Any]


def tree(pool: str | None = None, *, root: Root = DEFAULT, as_json: bool = False) -> None:
    """Show pools below one another, how full each is, and what has which part.

    Parameters
    ----------
    pool
        Id of the pool to begin with; all pools when it is left out.
    as_json
        Tell it as one JSON document.
    """
    layout = Layout(root)
    found = {it["IpamPoolId"]: it for it in _asked(layout, "DescribeIpamPools", "IpamPools")}
    heads = [pool] if pool else [id for id, it in found.items() if not it.get("SourceIpamPoolId")]
    told = [_pool(layout, found, id) for id in heads]
    if as_json:
        words.give(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for one in told:
        for line in _lines(one, ""):
            words.give(line)


def _asked(layout: Layout, operation: str, member: str, **more: str) -> list[Row]:
    """Return all items of a listing, page by page."""
    items: list[Row] = []
    token: dict[str, str] = {}
    while True:
        page = client.call(layout, _EC2, operation, {**more, **token})
        items += page[member]
        if not page.get("NextToken"):
            return items
        token = {"NextToken": page["NextToken"]}


def _pool(layout: Layout, found: Mapping[str, Row], id: str) -> dict[str, Any]:
    """Return a pool with its ranges, what is given out of it, and the pools below."""
    named = {"IpamPoolId": id}
    cidrs = [it["Cidr"] for it in _asked(layout, "GetIpamPoolCidrs", "IpamPoolCidrs", **named)]
    held = _asked(layout, "GetIpamPoolAllocations", "IpamPoolAllocations", **named)
    return {
        "pool": id,
        "about": _about(found.get(id, {})),
        "ranges": cidrs,
        "full": _full(cidrs, [it["Cidr"] for it in held]),
        "holds": [
            {
                "range": it["Cidr"],
                "by": it.get("ResourceId") or it.get("Description") or it["ResourceType"],
                "account": it["ResourceOwner"],
            }
            for it in sorted(held, key=lambda it: _place(it["Cidr"]))
            if it["ResourceType"] != "ipam-pool"
        ],
        "below": [
            _pool(layout, found, other)
            for other, it in found.items()
            if it.get("SourceIpamPoolId") == id
        ],
    }


def _about(pool: Row) -> str:
    tags = {tag["Key"]: tag["Value"] for tag in pool.get("Tags", ())}
    return tags.get("Name") or pool.get("Description") or ""


def _place(cidr: str) -> tuple[int, int]:
    network = ip_network(cidr)
    return network.version, int(network.network_address)


def _full(cidrs: Sequence[str], parts: Sequence[str]) -> float:
    whole = sum(ip_network(cidr).num_addresses for cidr in cidrs)
    taken = sum(ip_network(cidr).num_addresses for cidr in parts)
    return round(taken / whole, 4) if whole else 0.0


def _lines(told: Mapping[str, Any], indent: str) -> Iterator[str]:
    about = f" {told['about']}" if told["about"] else ""
    spans = ", ".join(told["ranges"]) or "no range yet"
    yield f"{indent}{told['pool']}{about}: {spans}, {told['full']:.0%} given out"
    for one in told["holds"]:
        yield f"{indent}  {one['range']:<18} {one['by']} of {one['account']}"
    for below in told["below"]:
        yield from _lines(below, indent + "  ")


def used(*, scope: str | None = None, root: Root = DEFAULT) -> None:
    """Show what is in use in all accounts: how full, in whose plan, and what meets.

    Parameters
    ----------
    scope
        Id of the scope; the private default scope of every IPAM when it is left out.
    """
    layout = Layout(root)
    scopes = [scope] if scope else _default_scopes(layout)
    rows = [
        it
        for id in scopes
        for it in _asked(layout, "GetIpamResourceCidrs", "IpamResourceCidrs", IpamScopeId=id)
    ]
    words.table(
        ("range", "what", "account", "full", "plan", "rules", "overlap"),
        [
            (
                it["ResourceCidr"],
                " ".join(filter(None, (it["ResourceId"], it.get("ResourceName")))),
                it["ResourceOwnerId"],
                f"{it['IpUsage']:.0%}",
                it.get("IpamPoolId") or it["ManagementState"],
                it["ComplianceStatus"],
                it["OverlapStatus"],
            )
            for it in sorted(rows, key=lambda it: _place(it["ResourceCidr"]))
        ],
    )


def _default_scopes(layout: Layout) -> list[str]:
    return [it["PrivateDefaultScopeId"] for it in _asked(layout, "DescribeIpams", "Ipams")]


def share(pool: str, *accounts: str, everybody: bool = False, root: Root = DEFAULT) -> None:
    """Let these accounts take ranges of a pool, and no others but its owner.

    Parameters
    ----------
    pool
        Id of a pool of the cloud's own account.
    accounts
        Names or ids of accounts.
    everybody
        Let all accounts use it, also those that are made later.
    """
    asked: dict[str, Any] = {"PoolId": pool, "AccountNames": list(accounts)}
    if everybody:
        asked["WithAll"] = True
    found = client.call(Layout(root), _OWN, "ShareIpamPool", asked)["AccountIds"]
    for account in found:
        words.give(account)
