"""Carries lifecycle policies out: each target once at each time, and what is old deleted.

At a time of a schedule a *run* begins, and is written down. Each target that is done is noted in
the transaction that makes its snapshot or image, so a crash before it finds the target again, and
one after it does not do it twice. Of times that passed while the cloud was down, the last is made
up for. What the policy's role may not do is told in the policy's status, and tried again until the
run is over. What an event based policy means is copied once as long as it is shared, and noted in
the same way. Not its business: what is made and what is old (`dlm.making`, `dlm.shares`), when
(`dlm.times`).
"""

from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import deputies, pipeline
from mallee.cloud.call import Principal, Result, WriteCall
from mallee.cloud.deputies import Deed, Errand
from mallee.cloud.dlm import making, naming, shares, times
from mallee.cloud.dlm.naming import PolicyRecord
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model.storage import lifecycles
from mallee.model.storage.lifecycles import (
    RUN_TAKES_MAX_S,
    SWEPT_EVERY_S,
    TRIED_EVERY_S,
    PolicySeen,
    Run,
    Schedule,
    Target,
    Type,
)

EVERY_S = 20.0
DELETED_AT_ONCE = 50
"""Of one schedule, in one round."""
TROUBLE_MAX = 500


@dataclass(frozen=True, slots=True)
class Means:
    """What carrying out takes."""

    cloud: pipeline.Cloud
    clock: clock.Clock


def reconciler(means: Means) -> Reconciler:
    """Return the reconciler; each policy that acts is a key."""

    def keys() -> tuple[str, ...]:
        view = means.cloud.store.view
        return tuple(
            record.id for record in view.list(records.LIFECYCLE_POLICY) if record.doc.is_enabled
        )

    return Reconciler(
        name="lifecycle policies",
        keys=keys,
        settle=partial(settle_one, means),
        every_s=EVERY_S,
        waits_for_change=False,
    )


async def settle_one(means: Means, id: str) -> None:
    """Do what is due of one policy."""
    store_ = means.cloud.store
    record = store_.view.get(records.LIFECYCLE_POLICY, id)
    if record is None or not record.doc.is_enabled:
        return
    now = means.clock.now()
    if record.doc.on_shared is not None:
        is_open = await store_.run(lambda tx: _look_at_shares(tx, id, now))
    else:
        is_open = await store_.run(lambda tx: _begin(tx, id, now))
    if is_open or _has_old(store_.view, record, now):
        trouble = await _act(means, id)
        await store_.run(lambda tx: _note(tx, id, trouble, now))


def _begin(tx: store.Tx, id: str, now: float) -> bool:
    """Write down the runs whose time has come; tell whether one is to be gone on with."""
    record = tx.get(records.LIFECYCLE_POLICY, id)
    if record is None:
        return False
    seen = record.seen
    for schedule in record.doc.schedules:
        last = lifecycles.run_of(seen, schedule.name)
        after = max(record.doc.enabled_at, last.due if last else 0.0)
        due = times.latest(schedule.create, after, now)
        if due is not None:
            seen = lifecycles.with_run(seen, Run(schedule=schedule.name, due=due, began_at=now))
        elif last is not None and not last.is_over and now - last.began_at > RUN_TAKES_MAX_S:
            seen = lifecycles.with_run(seen, replace(last, is_over=True))
    open_ = [run for run in (_open_run(seen, one) for one in record.doc.schedules) if run]
    due_now = [run for run in open_ if now - run.tried_at >= TRIED_EVERY_S]
    for run in due_now:
        seen = lifecycles.with_run(seen, replace(run, tried_at=now))
    if seen is not None and seen != record.seen:
        tx.observe(record, seen)
    return bool(due_now)


def _look_at_shares(tx: store.Tx, id: str, now: float) -> bool:
    """Forget what is shared no more; tell whether something is to be copied."""
    record = tx.get(records.LIFECYCLE_POLICY, id)
    if record is None:
        return False
    seen, there = record.seen or PolicySeen(), set(shares.now(tx, record))
    kept = tuple(one for one in seen.shared if one in there)
    if kept != seen.shared:
        record = tx.observe(record, replace(seen, shared=kept))
    waits = bool(seen.trouble) and now - seen.swept_at < TRIED_EVERY_S
    return not waits and bool(shares.due(tx, record))


def _open_run(seen: PolicySeen | None, schedule: Schedule) -> Run | None:
    run = lifecycles.run_of(seen, schedule.name)
    return run if run is not None and not run.is_over else None


def _has_old(view: store.View, record: PolicyRecord, now: float) -> bool:
    """Tell whether time alone has made something old, once in a while."""
    if record.seen is not None and now - record.seen.swept_at < SWEPT_EVERY_S:
        return False
    return any(
        schedule.keep.age_s and _old(view, record, schedule, now)
        for schedule in record.doc.schedules
    )


def _old(view: store.View, record: PolicyRecord, schedule: Schedule, now: float) -> tuple[str, ...]:
    look = making.old_images if record.doc.type is Type.IMAGES else making.old_snapshots
    return look(view, record, schedule, now)[:DELETED_AT_ONCE]


async def _act(means: Means, id: str) -> str:
    """Do all that is due of a policy; return what stood against it."""
    cloud = means.cloud
    record = cloud.store.view.get(records.LIFECYCLE_POLICY, id)
    if record is None:
        return ""
    region = cloud.settings.region
    errand = Errand(
        service=naming.SERVICE,
        account=record.account,
        role_arn=record.doc.role_arn,
        source_arn=naming.arn_of(region, record.account, id),
        session=id,
    )
    try:
        who = deputies.take_on(cloud, errand)
        await _check_may_look(cloud, who, record)
    except (deputies.NotLetIn, errors.AwsError) as error:
        return str(error)
    troubles: list[str] = []
    for schedule in record.doc.schedules:
        does = _run if record.doc.on_shared is None else _copy
        troubles += await does(means, who, id, schedule)
        troubles += await _delete_old(means, who, id, schedule)
    return troubles[0] if troubles else ""


async def _check_may_look(cloud: pipeline.Cloud, who: Principal, record: PolicyRecord) -> None:
    """Raise unless the role may see the targets."""
    is_volume = record.doc.target is Target.VOLUME
    operation = "DescribeVolumes" if is_volume else "DescribeInstances"
    if record.doc.on_shared is not None:
        operation = "DescribeSnapshots"
    deed = Deed(operation=operation, asked={"MaxResults": 5})
    await deputies.do(cloud, who, naming.SERVICE, deed)


async def _run(means: Means, who: Principal, id: str, schedule: Schedule) -> list[str]:
    """Do the targets of an open run that are not done; return what stood against it."""
    cloud = means.cloud
    record = cloud.store.view.get(records.LIFECYCLE_POLICY, id)
    run = _open_run(record.seen, schedule) if record else None
    if record is None or run is None:
        return []
    troubles: list[str] = []
    for target in making.targets(cloud.store.view, record, run.due):
        if target in run.done:
            continue
        now = means.clock.now()
        operation, asked = making.request(cloud.store.view, record, schedule, (target, now))
        within = partial(_written_down, (record, schedule, run.due, target))
        deed = Deed(operation=operation, asked=asked, within=within)
        try:
            await deputies.do(cloud, who, naming.SERVICE, deed)
        except errors.AwsError as error:
            troubles.append(f"{target}: {error.message}")
    if not troubles:
        await cloud.store.run(lambda tx: _end(tx, id, schedule.name, run.due))
    return troubles


async def _copy(means: Means, who: Principal, id: str, schedule: Schedule) -> list[str]:
    """Copy what was shared; return what stood against it."""
    cloud = means.cloud
    record = cloud.store.view.get(records.LIFECYCLE_POLICY, id)
    if record is None:
        return []
    troubles: list[str] = []
    for shared in shares.due(cloud.store.view, record):
        asked = shares.request(record, shared, cloud.settings.region)
        within = partial(_copied, (record, schedule, shared))
        deed = Deed(operation="CopySnapshot", asked=asked, within=within)
        try:
            await deputies.do(cloud, who, naming.SERVICE, deed)
        except errors.AwsError as error:
            troubles.append(f"{shared}: {error.message}")
    return troubles


def _copied(what: tuple[PolicyRecord, Schedule, str], call: WriteCall, made: Result) -> None:
    """Note that what was shared is copied; raise when that is not wanted."""
    policy, schedule, shared = what
    record = call.tx.get(records.LIFECYCLE_POLICY, policy.id)
    if record is None or not record.doc.is_enabled or shared not in shares.due(call.tx, record):
        raise errors.IncorrectState(f"The policy {policy.id} does not want {shared} copied now.")
    making.mark(call, policy, schedule, made)
    seen = record.seen or PolicySeen()
    call.tx.observe(record, replace(seen, shared=(*seen.shared, shared)))


def _written_down(
    what: tuple[PolicyRecord, Schedule, float, str], call: WriteCall, made: Result
) -> None:
    """Note that a target is done, and whose what was made is; raise when that is not wanted."""
    policy, schedule, due, target = what
    record = call.tx.get(records.LIFECYCLE_POLICY, policy.id)
    run = lifecycles.run_of(record.seen, schedule.name) if record else None
    is_wanted = record is not None and record.doc.is_enabled
    if record is None or run is None or not is_wanted or run.due != due or target in run.done:
        raise errors.IncorrectState(f"The policy {policy.id} does not want {target} done now.")
    making.mark(call, policy, schedule, made)
    call.tx.observe(
        record, lifecycles.with_run(record.seen, replace(run, done=(*run.done, target)))
    )


def _end(tx: store.Tx, id: str, schedule: str, due: float) -> None:
    record = tx.get(records.LIFECYCLE_POLICY, id)
    run = lifecycles.run_of(record.seen, schedule) if record else None
    if record is not None and run is not None and run.due == due:
        tx.observe(record, lifecycles.with_run(record.seen, replace(run, is_over=True)))


async def _delete_old(means: Means, who: Principal, id: str, schedule: Schedule) -> list[str]:
    """Delete what a schedule keeps no longer; return what stood against it."""
    view = means.cloud.store.view
    record = view.get(records.LIFECYCLE_POLICY, id)
    if record is None or not record.doc.is_enabled:
        return []
    troubles: list[str] = []
    for old in _old(view, record, schedule, means.clock.now()):
        deed = (
            Deed(
                operation="DeregisterImage",
                asked={"ImageId": old, "DeleteAssociatedSnapshots": True},
            )
            if record.doc.type is Type.IMAGES
            else Deed(operation="DeleteSnapshot", asked={"SnapshotId": old})
        )
        try:
            await deputies.do(means.cloud, who, naming.SERVICE, deed)
        except errors.UnauthorizedOperation as error:
            troubles.append(f"{old}: {error.message}")
        except errors.AwsError:
            # Locked, or needed by an image: it is not to be deleted, and is looked at again.
            continue
    return troubles


def _note(tx: store.Tx, id: str, trouble: str, now: float) -> None:
    """Write down what stands against a policy, or that nothing does."""
    record = tx.get(records.LIFECYCLE_POLICY, id)
    if record is not None:
        seen = record.seen or PolicySeen()
        tx.observe(record, replace(seen, trouble=trouble[:TROUBLE_MAX], swept_at=now))
