"""Object lock: versions that nobody deletes before their time, or while somebody holds on to them.

*Governance* can be got around with a permission of its own, *compliance* by nobody: such a lock can
only be made longer. A *legal hold* has no end of its own. Rules over values; called by whatever
makes, changes or deletes versions. Not its business: who may set a lock (policies).
"""

from datetime import UTC, datetime

from mallee.aws import errors
from mallee.cloud.s3.objects.about import Lock
from mallee.cloud.s3.rows import Asked
from mallee.model.storage.buckets import Bucket

HONOURS = ("ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus")
MODES = ("GOVERNANCE", "COMPLIANCE")
BYPASS = "s3:BypassGovernanceRetention"
_DAY_S = 86_400


def of_new(bucket: Bucket, asked: Asked, now: float) -> Lock:
    """Return the lock of a version that is being made."""
    mode: str | None = asked.get("ObjectLockMode")
    until: datetime | None = asked.get("ObjectLockRetainUntilDate")
    hold: str | None = asked.get("ObjectLockLegalHoldStatus")
    if (mode is None) != (until is None):
        raise errors.s3.InvalidArgument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
        )
    if (mode or hold) and not bucket.has_object_lock:
        raise errors.s3.InvalidRequest("Bucket is missing Object Lock Configuration")
    if mode is not None and until is not None:
        check_mode(mode)
        check_future(until, now)
        return Lock(mode=mode, until_ms=_ms(until), has_legal_hold=hold == "ON")
    if bucket.retention is not None:
        until_ms = int((now + bucket.retention.days * _DAY_S) * 1000)
        return Lock(mode=bucket.retention.mode, until_ms=until_ms, has_legal_hold=hold == "ON")
    return Lock(has_legal_hold=hold == "ON")


def check_mode(mode: str) -> None:
    """Raise unless there is such a mode."""
    if mode not in MODES:
        raise errors.s3.InvalidArgument("Unknown wormMode directive.", value=mode[:100])


def check_future(until: datetime, now: float) -> None:
    """Raise unless a lock's end is still to come."""
    if until.timestamp() <= now:
        raise errors.s3.InvalidArgument("The retain until date must be in the future!")


def changed(lock: Lock, wanted: Lock, now: float, *, may_bypass: bool) -> Lock:
    """Return the lock with another retention; raise when the one that holds does not let go.

    The legal hold stays as it is.
    """
    holds = bool(lock.mode) and lock.until_ms > now * 1000
    is_longer = wanted.until_ms >= lock.until_ms and (
        wanted.mode == lock.mode or wanted.mode == "COMPLIANCE"
    )
    may_shorten = lock.mode == "GOVERNANCE" and may_bypass
    if holds and not (is_longer or may_shorten):
        raise _locked()
    return Lock(mode=wanted.mode, until_ms=wanted.until_ms, has_legal_hold=lock.has_legal_hold)


def check_removable(lock: Lock, now: float, *, may_bypass: bool) -> None:
    """Raise when a version must stay."""
    holds = bool(lock.mode) and lock.until_ms > now * 1000
    if lock.has_legal_hold or (holds and not (lock.mode == "GOVERNANCE" and may_bypass)):
        raise _locked()


def shown(lock: Lock) -> dict[str, object]:
    """Return a lock as the headers of an answer have it."""
    result: dict[str, object] = {}
    if lock.mode:
        result["ObjectLockMode"] = lock.mode
        result["ObjectLockRetainUntilDate"] = moment(lock.until_ms)
    if lock.has_legal_hold:
        result["ObjectLockLegalHoldStatus"] = "ON"
    return result


def moment(ms: int) -> datetime:
    """Return milliseconds since the epoch as a date."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def retention(mode: str, until: datetime | None) -> Lock:
    """Return a retention that a request asks for; an empty one takes it away."""
    return Lock(mode=mode, until_ms=_ms(until) if until else 0)


def _ms(until: datetime) -> int:
    return int(until.timestamp() * 1000)


def _locked() -> errors.s3.AccessDenied:
    return errors.s3.AccessDenied("Access Denied because object protected by object lock.")
