"""Signing in: a person's account, name, password and code, for credentials that end by themselves.

Answered to whoever asks, so it tells nothing: who is not there, is disabled or has no password gets
the answer of a wrong password, after the same time. Only whose password is right is told what
more is wanted: a code of his MFA device, another password. Tries are counted per user and per
peer. Called through the action table. Not its business: how passwords are kept (`iam.passwords`),
and what the session may do (`authenticate`, `sts.restrictions`).
"""

from collections.abc import Callable

from mallee.aws import errors
from mallee.cloud import accounts
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, mfa, passwords
from mallee.cloud.iam.accounts import ALIASES
from mallee.cloud.identity import guessing
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.cloud.sts import grants
from mallee.kit import secretbox
from mallee.model.identity.accounts import Account
from mallee.model.identity.credentials import PasswordPolicy
from mallee.model.identity.identities import User
from mallee.model.identity.sessions import CallerKind, Session

LIFE_S = 43_200
"""How long the credentials live when nothing else is asked: a long working day."""


def sign_in(call: WriteCall, request: Request) -> Result:
    """Give credentials to a user whose password, and code if he has a device, are right."""
    prepared: passwords.Prepared = call.prepared
    user = _user(call.view, request)
    # All that is known of somebody else's guess is that it was one.
    if user is None or not prepared.is_right or not passwords.still(call, user, prepared):
        raise errors.SignInFailed
    mfa_at = _check_code(call, user, request.get("MfaCode"))
    _renew(call, user, request.get("NewPassword"))
    session = Session(
        kind=CallerKind.USER,
        account=user.account,
        issuer_id=user.id,
        issued_at=call.now,
        expires_at=call.now + request.get("DurationSeconds", LIFE_S),
        mfa_at=mfa_at,
    )
    call.uses.note_password(user.account, user.id, call.now)
    call.attempts.succeed(_subject(call.view, request))
    call.attempts.forgive(guessing.peer_key(call.peer))
    return {
        "Credentials": grants.render({}, grants.issue(call, {}, session))["Credentials"],
        "AccountId": user.account,
        "UserName": user.doc.name,
        "Arn": entities.arn(user),
        "Region": call.settings.region,
        "PasswordExpiration": _expiration(call, user),
    }


def _prepare(
    call: Call, request: Request, box: secretbox.SecretBox
) -> Callable[[], passwords.Prepared]:
    """Return what compares the password, which takes as long when there is none."""
    tries = (_subject(call.view, request), guessing.SUBJECT)
    call.attempts.begin(call.now, tries, (guessing.peer_key(call.peer), guessing.PEER))
    user = _user(call.view, request)
    profile = passwords.profile_of(call.view, user.id) if user else None
    policy = _policy(call.view, user.account if user else "")
    task = passwords.Task(
        profile=profile.doc if profile else None,
        given=request["Password"],
        new=request.get("NewPassword"),
        # The password that must be changed is none that it can be changed to.
        not_again=policy.reuse_prevented or 1,
    )
    return passwords.work(box, task)


def _check_code(call: WriteCall, user: Record[User, None], code: str | None) -> float | None:
    """Return when a code was shown; None when the user has no device and showed none."""
    if code is not None:
        mfa.check_any(call, user, code)
        return call.now
    if mfa.of_user(call.view, user.id):
        raise errors.MfaRequired
    return None


def _renew(call: WriteCall, user: Record[User, None], new: str | None) -> None:
    """Replace a password that must be; raise when it must and no other one was given."""
    profile = passwords.profile_of(call.view, user.id)
    assert profile is not None, "the password that was right is still there"
    ends_at = passwords.expires_at(call.view, user.account, profile.doc)
    has_expired = ends_at is not None and call.now >= ends_at
    if has_expired and _policy(call.view, user.account).is_expiry_hard:
        raise errors.PasswordExpired
    if profile.doc.is_reset_required or has_expired:
        if new is None:
            raise errors.PasswordResetRequired
        passwords.put(call, user, new, must_change=False)
    elif new is not None:
        raise errors.ValidationError(
            "The password need not be changed to sign in: leave NewPassword out, and change it "
            "with ChangePassword of IAM."
        )


def _expiration(call: WriteCall, user: Record[User, None]) -> float | None:
    profile = passwords.profile_of(call.view, user.id)
    return passwords.expires_at(call.view, user.account, profile.doc) if profile else None


def _policy(view: store.View, account: str) -> PasswordPolicy:
    return passwords.policy_of(view, account) or passwords.GIVEN


def _subject(view: store.View, request: Request) -> str:
    """Return for whom it is tried, whichever name of the account is given."""
    account = _account(view, request["AccountName"])
    # Of an account that is not there, each spelling is another, as it is of one that is there.
    name = account.id if account else request["AccountName"]
    return f"signin/{name}/{request['UserName'].lower()}"


def _user(view: store.View, request: Request) -> Record[User, None] | None:
    """Return who wants to sign in, if there is such a one who may."""
    account = _account(view, request["AccountName"])
    if account is None or not account.doc.is_active:
        return None
    name: str = request["UserName"]
    id = view.owner_of(accounts.names_of(records.USER, account.id), name.lower())
    user = view.get(records.USER, id) if id else None
    return user if user and user.doc.name == name and user.doc.is_enabled else None


def _about(call: Call, request: Request) -> str:
    account = _account(call.view, request["AccountName"])
    return account.id if account else ""


def _account(view: store.View, name: str) -> Record[Account, None] | None:
    """Return the account of an id, a name or an alias."""
    found = view.get(records.ACCOUNT, name)
    if found is None:
        # An alias is chosen by whoever has an account: it must not stand before another's name.
        id = view.owner_of(accounts.NAMES, name) or view.owner_of(ALIASES, name)
        found = view.get(records.ACCOUNT, id) if id else None
    return found


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="SignIn",
        does=Write(handle=sign_in, prepare=_prepare),
        honours=frozenset(
            {"AccountName", "UserName", "Password", "NewPassword", "MfaCode", "DurationSeconds"}
        ),
        is_unsigned=True,
        about=_about,
    ),
)
