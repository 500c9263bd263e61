"""Login profiles: the passwords of users, set by administrators and changed by themselves.

A password leaves nothing but its hash, which no answer shows. Called through the action table. What
a password must be like is the business of `passwords`; signing in with one is `admin.signin`'s.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import passwords, users
from mallee.cloud.identity import guessing
from mallee.cloud.state import records
from mallee.kit import secretbox
from mallee.model.identity.sessions import CallerKind


def create_profile(call: WriteCall, request: Request) -> Result:
    """Give a user a password."""
    user = users.changed(call, request.get("UserName"))
    if passwords.profile_of(call.view, user.id) is not None:
        raise errors.LoginProfileExists(user.doc.name)
    must_change: bool = request.get("PasswordResetRequired", False)
    profile = passwords.put(call, user, _asked(request), must_change=must_change)
    return {"LoginProfile": _render(user, profile)}


def get_profile(call: Call, request: Request) -> Result:
    """Say since when a user has a password."""
    user = users.named(call, request.get("UserName"))
    return {"LoginProfile": _render(user, _of(call, user))}


def update_profile(call: WriteCall, request: Request) -> Result:
    """Give a user another password, or have him choose one when he signs in."""
    user = users.changed(call, request["UserName"])
    profile = _of(call, user)
    must_change: bool = request.get("PasswordResetRequired", profile.doc.is_reset_required)
    if "Password" in request:
        must_change = request.get("PasswordResetRequired", False)
        passwords.put(call, user, request["Password"], must_change=must_change)
    else:
        call.tx.write(profile, replace(profile.doc, is_reset_required=must_change))
    return {}


def delete_profile(call: WriteCall, request: Request) -> Result:
    """Take a user's password away."""
    user = users.changed(call, request.get("UserName"))
    call.tx.delete(_of(call, user))
    return {}


def change_password(call: WriteCall, request: Request) -> Result:
    """Change the caller's own password, of which he must know the old one."""
    user = _caller(call)
    profile = _of(call, user)
    if not (call.prepared.is_right and passwords.still(call, user, call.prepared)):
        raise errors.WrongPassword
    call.attempts.succeed(_key(user))
    passwords.put(call, user, request["NewPassword"], must_change=False)
    assert profile.doc.user_id == user.id
    return {}


def may_change_own(call: Call, request: Request) -> bool:
    """Tell whether the account lets each of its users change his own password."""
    policy = passwords.policy_of(call.view, call.account)
    is_user = call.principal.kind is CallerKind.USER
    return is_user and policy is not None and policy.may_change_own


def _prepare_change(
    call: Call, request: Request, box: secretbox.SecretBox
) -> Callable[[], passwords.Prepared]:
    user = _caller(call)
    profile = _of(call, user)
    call.attempts.begin(call.now, (_key(user), guessing.SUBJECT))
    policy = passwords.policy_of(call.view, call.account) or passwords.GIVEN
    task = passwords.Task(
        profile=profile.doc,
        given=request["OldPassword"],
        new=request["NewPassword"],
        not_again=policy.reuse_prevented or 0,
    )
    return passwords.work(box, task)


def _prepare(
    call: Call, request: Request, box: secretbox.SecretBox
) -> Callable[[], passwords.Prepared]:
    user = users.named(call, request.get("UserName"))
    profile = passwords.profile_of(call.view, user.id)
    task = passwords.Task(profile=profile.doc if profile else None, new=request.get("Password"))
    return passwords.work(box, task)


def _asked(request: Request) -> str:
    if "Password" not in request:
        raise errors.ValidationError("Password must be specified")
    return request["Password"]


def _caller(call: Call) -> users.UserRecord:
    user = call.view.get(records.USER, call.principal.user_id)
    if user is None:
        raise errors.InvalidUserType
    return user


def _of(call: Call, user: users.UserRecord) -> passwords.Profile:
    profile = passwords.profile_of(call.view, user.id)
    if profile is None:
        raise errors.NoSuchLoginProfile(user.doc.name)
    return profile


def _key(user: users.UserRecord) -> str:
    return f"password/{user.id}"


def _render(user: users.UserRecord, profile: passwords.Profile) -> dict[str, Any]:
    return {
        "UserName": user.doc.name,
        "CreateDate": profile.doc.created_at,
        "PasswordResetRequired": profile.doc.is_reset_required,
    }


def _row(name: str, does: Read | Write, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


ACTIONS: tuple[Action, ...] = (
    _row(
        "CreateLoginProfile",
        Write(handle=create_profile, prepare=_prepare),
        *("UserName", "Password", "PasswordResetRequired"),
    ),
    _row("GetLoginProfile", Read(handle=get_profile), "UserName"),
    _row(
        "UpdateLoginProfile",
        Write(handle=update_profile, prepare=_prepare),
        *("UserName", "Password", "PasswordResetRequired"),
    ),
    _row("DeleteLoginProfile", Write(handle=delete_profile), "UserName"),
    Action(
        service="iam",
        name="ChangePassword",
        does=Write(handle=change_password, prepare=_prepare_change),
        honours=frozenset({"OldPassword", "NewPassword"}),
        waives=may_change_own,
    ),
)
