"""Allowances: the most that a bucket, an account's buckets, or those that a user made may hold.

Set by the cloud's administration at a bucket, or by quotas in policies (`s3:quota-bucketsize` and
its like). Asked inside the engine's commit, so that no number of writers at once overruns one: what
has grown there and is above its allowance is undone. What was above before hinders nothing that
adds nothing. Called by `versions.commit`. Not its business: quotas of what the store counts
(`cloud.quotas`).
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mallee.aws import errors
from mallee.cloud import quotas
from mallee.cloud.s3.buckets.buckets import BucketRecord
from mallee.cloud.state import records, store
from mallee.model.identity import quotas as keys
from mallee.walrus.records import Blob, Usage
from mallee.walrus.seam import Tx

T = TypeVar("T")

MIB = 1 << 20
KEPT_MAX = 256
"""Of so many users and accounts the quotas are remembered, until anything changes."""
_UNITS = {keys.BUCKET_OBJECTS: 1, keys.BUCKET_SIZE: MIB, keys.BUCKETS_SIZE: MIB}
"""How much one is of what a quota counts."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The most that there may be of something."""

    means: str
    most: int
    """Bytes, or objects."""
    held: Callable[[Tx], int]
    """Returns how much there is."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What bounds a bucket, and whose it is."""

    number: int
    account: str
    maker: str
    allowances: Sequence[Allowance]


def of(view: store.View, record: BucketRecord) -> Bounds:
    """Return what bounds a bucket now."""
    doc = record.doc
    found = (*_of_bucket(record), *_of_policies(view, record))
    return Bounds(doc.number, record.account, doc.made_by, found)


def _of_bucket(record: BucketRecord) -> Iterator[Allowance]:
    quota, number = record.doc.quota, record.doc.number
    if quota is not None and quota.bytes is not None:
        yield Allowance(f"bytes in {record.id}", quota.bytes, lambda tx: tx.usage(number).stored)
    if quota is not None and quota.objects is not None:
        most = quota.objects
        yield Allowance(f"objects in {record.id}", most, lambda tx: tx.usage(number).versions)


def _of_policies(view: store.View, record: BucketRecord) -> Iterator[Allowance]:
    account, maker = record.account, record.doc.made_by
    for quota in _quotas(view, view.rev, account, maker):
        yield _of_quota(record, quota, quota.share.maker)


@functools.lru_cache(maxsize=KEPT_MAX)
def _quotas(view: store.View, _rev: int, account: str, maker: str) -> tuple[quotas.Quota, ...]:
    """Return the quotas of objects of an account, and of a user in it; as of a revision."""
    owner = view.get(records.ACCOUNT, account)
    is_admin = owner is not None and owner.doc.admin_user_id == maker
    own = () if is_admin or not maker else quotas.of_maker(view, account, maker)
    held = (*quotas.of_account(view, account), *own)
    return tuple(quota for quota in held if quota.key in keys.OF_OBJECTS)


def _of_quota(record: BucketRecord, quota: quotas.Quota, maker: str | None) -> Allowance:
    number, account = record.doc.number, record.account
    whose = f"the user {maker}" if maker else f"the account {account}"
    means = f"{keys.KEYS[quota.key].means} ({quota.key} of {whose})"

    def held(tx: Tx) -> int:
        if quota.key == keys.BUCKETS_SIZE:
            return tx.usage_of(account, maker).stored
        return _of_one(quota.key, tx.usage(number))

    return Allowance(means, quota.most * _UNITS[quota.key], held)


def _of_one(key: str, usage: Usage) -> int:
    return usage.versions if key == keys.BUCKET_OBJECTS else usage.stored


def kept(
    bounds: Bounds, work: Callable[[Tx, Sequence[Blob]], T]
) -> Callable[[Tx, Sequence[Blob]], T]:
    """Return the same work, which raises `QuotaExceeded` when it has added too much."""

    def within(tx: Tx, blobs: Sequence[Blob]) -> T:
        # Sums over an account are right only when each of its buckets is known to be its own.
        tx.belong(bounds.number, bounds.account, bounds.maker)
        before = [one.held(tx) for one in bounds.allowances]
        value = work(tx, blobs)
        for one, had in zip(bounds.allowances, before, strict=True):
            has = one.held(tx)
            if has > max(had, one.most):
                raise errors.s3.QuotaExceeded(
                    f"The quota of {one.most} {one.means} is exceeded: {had} are there, "
                    f"{has - had} more were asked for."
                )
        return value

    return within
