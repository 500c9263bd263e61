"""`mallee quota show|set|unset`: the most that accounts and users may have, and what they have."""

from typing import Any

from mallee.box import steps
from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.identity import quotas
from mallee.model.layout import Layout

_SERVICE = "mallee"


def show(
    account: str | None = None,
    *,
    user: str | None = None,
    every: bool = False,
    root: Root = DEFAULT,
) -> None:
    """Show limits, what is used, and which policy says so.

    Parameters
    ----------
    account
        Name or id of the account; the cloud's own when it is left out.
    user
        A user of the cloud's own account, whose own limits are shown instead.
    every
        Also what is neither limited nor counted yet.
    """
    asked = _named(account, user)
    found = client.call(Layout(root), _SERVICE, "DescribeQuotas", asked)["Quotas"]
    words.table(
        ("quota", "zone", "used", "limit", "of", "set by", "used by"),
        [_row(each) for each in found if every or each["IsCounted"] or "Limit" in each],
    )


def set_limit(
    key: str,
    limit: int,
    *,
    account: str | None = None,
    user: str | None = None,
    zone: str | None = None,
    root: Root = DEFAULT,
) -> None:
    """Set the most that an account, or a user of the cloud's own account, may have of something.

    Parameters
    ----------
    key
        Such as `ec2:quota-vminstancenumber`, or in short `vminstancenumber`.
    limit
        How many, in the unit that `mallee quota show` says; 0 for none.
    account
        Name or id of the account that is limited.
    user
        Instead: the user of the cloud's own account who is limited.
    zone
        Limit what is in this zone only.
    """
    asked = {**_named(account, user), **_given({"Key": _key(key), "Limit": limit, "Zone": zone})}
    client.call(Layout(root), _SERVICE, "PutQuota", asked)


def unset(
    key: str,
    *,
    account: str | None = None,
    user: str | None = None,
    zone: str | None = None,
    root: Root = DEFAULT,
) -> None:
    """Take away a limit that was set with `mallee quota set`.

    Parameters
    ----------
    key
        As it was set.
    account
        Name or id of the account that is limited.
    user
        Instead: the user of the cloud's own account who is limited.
    zone
        The zone that it was set for.
    """
    asked = {**_named(account, user), **_given({"Key": _key(key), "Zone": zone})}
    client.call(Layout(root), _SERVICE, "DeleteQuota", asked)


def _named(account: str | None, user: str | None) -> dict[str, Any]:
    return _given({"AccountName": account, "UserName": user})


def _given(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value is not None}


def _key(text: str) -> str:
    """Return the key that is meant by itself or by what stands behind `quota-`."""
    wanted = text.lower()
    for key in quotas.KEYS:
        if wanted in (key, key.partition("quota-")[2]):
            return key
    raise steps.Failed(f"there is no quota {text}", "`mallee quota show --every` names them all")


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    source = each.get("SetBy", {})
    unit = f"{each['Means']}, {each['Unit']}" if "Unit" in each else each["Means"]
    return (
        each["Key"],
        each.get("Zone", ""),
        str(each["Usage"]) if each["IsCounted"] else "not here yet",
        str(each.get("Limit", "none")),
        unit,
        " ".join(filter(None, (source.get("Kind"), source.get("PolicyName"), source.get("Sid")))),
        ", ".join(f"{one.get('Name', one['Id'])} {one['Usage']}" for one in each.get("UsedBy", ())),
    )
