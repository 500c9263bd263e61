"""What a password must be like, and how one is set, checked and replaced.

The rules are the account's policy, or AWS's own where it has none. What takes long, hashing, is
done before the transaction (`Write.prepare`), from what the view says; the transaction then sees
whether that still holds. Called by login profiles, by signing in, and where people are invited.
Not its business: Argon2 (`kit.passwordhash`), and how often one may guess (`guessing`).
"""

import string
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.call import WriteCall
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import passwordhash, secretbox
from mallee.model.identity.credentials import FormerPassword, LoginProfile, PasswordPolicy
from mallee.model.identity.identities import User

DAY_S = 86_400.0
FORMER_MAX = 24
"""How many former passwords a policy may forbid."""
SYMBOLS = frozenset("!@#$%^&*()_+-=[]{}|'")
GIVEN = PasswordPolicy(length_min=8)
"""What holds where an account has no policy, besides `_KINDS_MIN`."""
_KINDS_MIN = 3
LINE_MAX = 64
"""How many may wait for their turn: a class that signs in at once, for two seconds."""

_line = threading.BoundedSemaphore(LINE_MAX)

Profile = Record[LoginProfile, None]


@dataclass(frozen=True, slots=True, repr=False)
class Prepared:
    """What was found out about passwords before the transaction."""

    looked_at: bytes | None
    """The sealed hash that was there; None when there was none."""
    sealed_hash: bytes | None
    """Of the new password; None when none is to be set."""
    is_right: bool
    """Whether the password given was the one that was there."""
    is_used_before: bool
    """Whether the new password is one of those that may not be chosen again."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Task:
    """What to find out."""

    profile: LoginProfile | None
    given: str | None = None
    """To be compared with the password that is there."""
    new: str | None = None
    not_again: int = 0
    """How many passwords, the present one included, the new one must differ from."""


def profile_of(view: store.View, user_id: str) -> Profile | None:
    """Return a user's password record, if he has one."""
    return view.get(records.LOGIN_PROFILE, user_id)


def policy_of(view: store.View, account: str) -> PasswordPolicy | None:
    """Return an account's password policy, if it has made one."""
    record = view.get(records.PASSWORD_POLICY, account)
    return record.doc if record else None


def expires_at(view: store.View, account: str, profile: LoginProfile) -> float | None:
    """Return when a password ends, in seconds since the epoch; None when it does not."""
    days = (policy_of(view, account) or GIVEN).age_days_max
    return None if days is None else profile.changed_at + days * DAY_S


def work(box: secretbox.SecretBox, task: Task) -> Callable[[], Prepared]:
    """Return what finds it out; it takes as long when there is no password to compare with.

    What it returns must be called. Raises `Throttling` when too many wait for their turn.
    """
    if not _line.acquire(blocking=False):
        raise errors.Throttling

    def run() -> Prepared:
        try:
            return _run(box, task)
        except passwordhash.Busy as busy:
            raise errors.Throttling from busy
        finally:
            _line.release()

    return run


def check_policy(view: store.View, user: Record[User, None], password: str) -> None:
    """Raise `PasswordPolicyViolation` unless the password is as its account wants it."""
    policy = policy_of(view, user.account)
    lacks = list(_lacks(policy or GIVEN, password))
    if policy is None:
        kinds = sum(any(map(is_one, password)) for is_one in _KINDS)
        if kinds < _KINDS_MIN:
            lacks.append("Password should have three of uppercase, lowercase, numbers and symbols")
        account = view.get(records.ACCOUNT, user.account)
        if account is not None and password.lower() == account.doc.name.lower():
            lacks.append("Password should not be the name of the account")
    if password.lower() == user.doc.name.lower():
        lacks.append("Password should not be the name of the user")
    if lacks:
        raise errors.PasswordPolicyViolation(". ".join(lacks))


def put(call: WriteCall, user: Record[User, None], password: str, *, must_change: bool) -> Profile:
    """Set the password that was prepared; raise `PasswordPolicyViolation`.

    Raises `EntityTemporarilyUnmodifiable` when another one was set meanwhile.
    """
    prepared: Prepared = call.prepared
    check_policy(call.view, user, password)
    if prepared.is_used_before:
        raise errors.PasswordPolicyViolation("Password was used before")
    if still(call, user, prepared) and prepared.sealed_hash is not None:
        return _write(call, user, prepared.sealed_hash, must_change)
    raise errors.EntityTemporarilyUnmodifiable("The password was changed meanwhile. Try again.")


def set_now(
    call: WriteCall, user: Record[User, None], password: str, *, must_change: bool = False
) -> Profile:
    """Set a password in a transaction that was not prepared for it; raise as `put` does."""
    check_policy(call.view, user, password)
    try:
        sealed = call.box.seal(passwordhash.hashed(password))
    except passwordhash.Busy as busy:
        raise errors.Throttling from busy
    return _write(call, user, sealed, must_change)


def still(call: WriteCall, user: Record[User, None], prepared: Prepared) -> bool:
    """Tell whether the password is the one that was looked at."""
    profile = profile_of(call.view, user.id)
    return (profile.doc.sealed_hash if profile else None) == prepared.looked_at


def _run(box: secretbox.SecretBox, task: Task) -> Prepared:
    profile = task.profile
    is_right = False
    if task.given is not None:
        kept = box.open(profile.sealed_hash) if profile else passwordhash.nobodys()
        is_right = passwordhash.verify(kept, task.given) and profile is not None
    is_used_before = False
    # Of a guess, nothing is said about former passwords, and no time is spent on them.
    if task.new is not None and profile and (is_right or task.given is None):
        known = [profile.sealed_hash, *(one.sealed_hash for one in profile.former)]
        is_used_before = _is_one_of(box, known[: task.not_again], task.new)
    sealed = None if task.new is None else box.seal(passwordhash.hashed(task.new))
    return Prepared(profile.sealed_hash if profile else None, sealed, is_right, is_used_before)


def _is_one_of(box: secretbox.SecretBox, sealed: Sequence[bytes], password: str) -> bool:
    return any(passwordhash.verify(box.open(one), password) for one in sealed)


def _write(call: WriteCall, user: Record[User, None], sealed: bytes, must_change: bool) -> Profile:
    former = profile_of(call.view, user.id)
    if former is None:
        made = LoginProfile(
            user_id=user.id,
            sealed_hash=sealed,
            created_at=call.now,
            changed_at=call.now,
            is_reset_required=must_change,
        )
        return call.tx.insert(records.LOGIN_PROFILE, user.account, user.id, made)
    kept = (FormerPassword(sealed_hash=former.doc.sealed_hash), *former.doc.former)
    changed = replace(
        former.doc,
        sealed_hash=sealed,
        former=kept[: FORMER_MAX - 1],
        changed_at=call.now,
        is_reset_required=must_change,
    )
    return call.tx.write(former, changed)


def _is_symbol(character: str) -> bool:
    return character in SYMBOLS


def _is_number(character: str) -> bool:
    return character in string.digits


def _is_upper(character: str) -> bool:
    return character in string.ascii_uppercase


def _is_lower(character: str) -> bool:
    return character in string.ascii_lowercase


_KINDS = (_is_symbol, _is_number, _is_upper, _is_lower)


def _lacks(policy: PasswordPolicy, password: str) -> list[str]:
    """Return what the password lacks, in AWS's words."""
    wanted = (
        (policy.must_have_symbol, _is_symbol, "symbol"),
        (policy.must_have_number, _is_number, "number"),
        (policy.must_have_upper, _is_upper, "uppercase letter"),
        (policy.must_have_lower, _is_lower, "lowercase letter"),
    )
    lacks = [
        f"Password should have at least one {what}"
        for is_wanted, is_one, what in wanted
        if is_wanted and not any(map(is_one, password))
    ]
    if len(password) < policy.length_min:
        lacks.insert(0, f"Password should have a minimum length of {policy.length_min}")
    return lacks
