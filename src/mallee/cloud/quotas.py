"""Quotas: the most that an account, or one of its users, may have of something.

A *quota* is a limit that somebody set by a policy with `"Effect": "Limit"` (over an account, or in
a user's or role's policies, where it counts what that one made), or AWS's own where nobody did. The
pipeline holds them around every writer (`check`): what a transaction has used more is compared with
what there may be, in that transaction, so no two calls can overrun one together and no
handler can forget. Usage follows from the records (`model.quotas`).
Handlers that can do with less than was asked for call `affordable`. Not its business: who sets
quotas (`admin.quotas`, `iam`), how policies are read (`aws.policy`).
"""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mallee.aws import errors, policy
from mallee.cloud.call import WriteCall
from mallee.cloud.identity import rights
from mallee.cloud.state import store
from mallee.model.identity import quotas
from mallee.model.identity.quotas import Share, Use

ZONE_ARN = "arn:aws:ec2:::availabilityzone/{}"
"""A Limit's resource that narrows it to a zone."""

KEPT_MAX = 256
"""Of so many users and accounts the quotas are remembered, until their policies change."""

_ZONE = re.compile(r"arn:aws:ec2:[^:/]*:[^:/]*:availability-?zone/([a-z0-9-]+)")
_NOTHING: Mapping[str, int] = {}
_ERRORS: Mapping[str, type[errors.AwsError]] = {
    quotas.VCPUS: errors.VcpuLimitExceeded,
    quotas.ADDRESSES: errors.AddressLimitExceeded,
    quotas.IMAGES: errors.ResourceLimitExceeded,
    quotas.SNAPSHOTS: errors.SnapshotLimitExceeded,
    quotas.VOLUMES: errors.VolumeLimitExceeded,
    quotas.VOLUMES_SIZE: errors.VolumeLimitExceeded,
    quotas.SECURITY_GROUPS: errors.SecurityGroupLimitExceeded,
    quotas.INTERFACES: errors.NetworkInterfaceLimitExceeded,
    quotas.ADDRESS_BLOCKS: errors.NetworkInterfaceLimitExceeded,
    quotas.VPCS: errors.VpcLimitExceeded,
    quotas.INTERNET_GATEWAYS: errors.InternetGatewayLimitExceeded,
    quotas.KEY_PAIRS: errors.KeyPairLimitExceeded,
    quotas.BUCKETS: errors.s3.TooManyBuckets,
    quotas.STORED_KEYS: errors.kms.LimitExceededException,
}
"""By quota key; what is not here is `InstanceLimitExceeded` in EC2 and `LimitExceeded` in IAM."""

_NAMES_IN_IAM: Mapping[str, str] = {
    quotas.USERS: "UsersPerAccount",
    quotas.GROUPS: "GroupsPerAccount",
    quotas.ROLES: "RolesPerAccount",
    quotas.INSTANCE_PROFILES: "InstanceProfilesPerAccount",
    quotas.SERVER_CERTIFICATES: "ServerCertificatesPerAccount",
    quotas.OIDC_PROVIDERS: "OpenIdConnectProvidersPerAccount",
    quotas.POLICIES: "PoliciesPerAccount",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The most that there may be of something."""

    key: str
    """A key of `model.quotas.KEYS`."""
    most: int
    share: Share = quotas.ALL
    """What it is narrowed to: a zone, or what one user or role made."""
    set_by: policy.Deciding | None = None
    """The statement that says so; None: nobody did, it is AWS's own."""


_CEILINGS = tuple(
    Quota(key=name, most=key.ceiling)
    for name, key in quotas.KEYS.items()
    if key.ceiling is not None
)


# --- what holds ---


def of_account(view: store.View | store.Tx, account: str) -> tuple[Quota, ...]:
    """Return the quotas of an account: those that were set, and AWS's own for the other keys."""
    return _over_account(rights.of_account(view, account))


def of_maker(view: store.View, account: str, id: str) -> tuple[Quota, ...]:
    """Return the quotas in a user's policies and his groups', or in a role's."""
    return _of_maker(rights.of_issuer(view, account, id).identity, id)


def most(view: store.View | store.Tx, account: str, key: str) -> int | None:
    """Return the most that an account may have of something in all zones; None: no limit."""
    held = of_account(view, account)
    found = [quota.most for quota in held if quota.key == key and quota.share.zone is None]
    return min(found, default=None)


def total(view: store.View, account: str, key: str) -> int:
    """Return how much the account has of something."""
    return view.usage(account).get(quotas.ALL, _NOTHING).get(key, 0)


def used(view: store.View, account: str, quota: Quota) -> int:
    """Return how much the account has of what the quota counts."""
    return view.usage(account).get(quota.share, _NOTHING).get(quota.key, 0)


@functools.lru_cache(maxsize=KEPT_MAX)
def _over_account(policies: tuple[policy.Attached, ...]) -> tuple[Quota, ...]:
    found = tuple(_read(policies, None))
    instead = {quota.key for quota in found if quota.share.zone is None}
    return (*found, *(quota for quota in _CEILINGS if quota.key not in instead))


@functools.lru_cache(maxsize=KEPT_MAX)
def _of_maker(policies: tuple[policy.Attached, ...], maker: str) -> tuple[Quota, ...]:
    return tuple(_read(policies, maker))


def _read(policies: Iterable[policy.Attached], maker: str | None) -> Iterator[Quota]:
    for limit in policy.limits(policies):
        key = quotas.KEYS.get(limit.key)
        if key is None or (maker is not None and not key.is_of_users):
            continue
        match = _ZONE.fullmatch(limit.resource)
        yield Quota(
            key=limit.key,
            most=limit.value,
            share=Share(match.group(1) if match and key.is_of_zones else None, maker),
            set_by=limit.set_by,
        )


def refuse_meaningless(document: policy.Document) -> None:
    """Raise `MalformedPolicyDocument` for a Limit in a policy that would limit nothing."""
    is_accounts = document.kind is policy.Kind.ACCOUNT
    for statement in document.statements:
        if statement.effect is not policy.Effect.LIMIT:
            continue
        zones = [_ZONE.fullmatch(one) for one in statement.resources]
        if not all(zones) and statement.resources != ("*",):
            raise errors.MalformedPolicyDocument(
                f"A Limit's resource is * or a zone ({ZONE_ARN.format('ZONE')})."
            )
        for condition in statement.conditions:
            key = quotas.KEYS.get(condition.key.lower())
            if key is None:
                raise errors.MalformedPolicyDocument(f"There is no quota {condition.key}.")
            if not (is_accounts or key.is_of_users):
                raise errors.MalformedPolicyDocument(f"{condition.key} is of accounts alone.")
            if any(zones) and not key.is_of_zones:
                raise errors.MalformedPolicyDocument(f"{condition.key} is of no zone.")


# --- what is held around a writer ---


def check(call: WriteCall) -> None:
    """Raise the service's error when a writer has used more of something than there may be.

    What was too much before, because the quota came later, hinders nothing that adds nothing.
    Quotas of other accounts hold too: a user who is invited, or imported, is of his account.
    """
    for account, shares in call.tx.grown().items():
        is_own = account == call.account
        held = _of_caller(call) if is_own else of_account(call.view, account)
        for quota in held:
            more = shares.get(quota.share, _NOTHING).get(quota.key, 0)
            if more > 0:
                now = used(call.view, account, quota)
                if now > quota.most:
                    raise _exceeded(quota, now - more, more)


def spent(view: store.View | store.Tx, account: str, key: str, had: int) -> errors.AwsError | None:
    """Return the service's error when an account that has so many of something has all it may have:
    for what is no record, in the transaction that would take one more."""
    for quota in of_account(view, account):
        if quota.key == key and quota.share.zone is None and had >= quota.most:
            return _exceeded(quota, had, 1)
    return None


def affordable(
    call: WriteCall, each: Use, counts: tuple[int, int], spared: Mapping[str, int] = _NOTHING
) -> int:
    """Return how many things like `each` the caller may have more: from least to most of `counts`.

    So many are `spared`: their room counts already, in capacity reservations that they will use,
    by who made these.
    Raises the service's error when it is fewer than the least.
    """
    least, wanted = counts
    for quota, had, need in _touched(call, each):
        room = max(quota.most - had, 0) // need
        if quota.key in quotas.RESERVED:
            maker = quota.share.maker
            room += sum(spared.values()) if maker is None else spared.get(maker, 0)
        wanted = min(wanted, room)
        if wanted < least:
            raise _exceeded(quota, had, need * least)
    return wanted


def left(view: store.View, account: str, each: Use, wanted: int) -> int:
    """Return how many things like `each`, up to `wanted`, the account's own quotas leave to it.

    For what is made without a call: what users' own policies say is the business of their calls.
    """
    needs = dict(each.amounts)
    for quota in of_account(view, account):
        need = needs.get(quota.key, 0)
        if need and quota.share.zone in (None, each.zone):
            wanted = min(wanted, max(quota.most - used(view, account, quota), 0) // need)
    return wanted


def exceeded_by(call: WriteCall, each: Use, count: int) -> Iterator[errors.AwsError]:
    """Yield the service's error for each quota that so many more like `each` would exceed."""
    for quota, had, need in _touched(call, each):
        if had + need * count > quota.most:
            yield _exceeded(quota, had, need * count)


def _touched(call: WriteCall, each: Use) -> Iterator[tuple[Quota, int, int]]:
    """Yield the quotas in which one more like `each` counts, what is used, and what it needs."""
    needs = dict(each.amounts)
    for quota in _of_caller(call):
        need = needs.get(quota.key, 0)
        if need and quota.share.zone in (None, each.zone):
            yield quota, used(call.view, call.account, quota), need


def _of_caller(call: WriteCall) -> tuple[Quota, ...]:
    who = call.principal
    account = of_account(call.view, who.account)
    if who.is_administrator:
        return account
    return (*of_maker(call.view, who.account, who.issuer_id), *account)


def _exceeded(quota: Quota, had: int, more: int) -> errors.AwsError:
    key = quotas.KEYS[quota.key]
    whose = "account" if quota.share.maker is None else "user"
    where = f" in {quota.share.zone}" if quota.share.zone else ""
    unit = f" {key.unit}" if key.unit else ""
    why = f"{quota.key} of the {whose}{where}: {had}{unit} in use, {more}{unit} more asked for"
    if quota.key in _NAMES_IN_IAM:
        return errors.LimitExceeded(_NAMES_IN_IAM[quota.key], f"{quota.most} ({why})")
    kind = _ERRORS.get(quota.key, errors.InstanceLimitExceeded)
    return kind(f"You have reached your quota of {quota.most}{unit} {key.means} ({why}).")
