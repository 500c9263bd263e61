"""Users: made, looked at, renamed, tagged, and gone with nothing of them left.

The account's first user, its administrator, may do everything and no policy applies to him: nobody
else may change him, he cannot be removed, and no policy can be attached to him, which would only
pretend. Called through the action table; `named` is for everything of IAM that takes a UserName.
"""

from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Pages, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, managed, tags
from mallee.cloud.identity import lastuse
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity.accounts import Account
from mallee.model.identity.identities import User

UserRecord = Record[User, None]


def account_of(call: Call) -> Account:
    """Return the caller's account."""
    record = call.view.get(records.ACCOUNT, call.account)
    assert record is not None, "the signature was made with a key of this account"
    return record.doc


def named(call: Call, name: str | None) -> UserRecord:
    """Return the account's user of that name, or who calls when no name is given.

    Raises `NoSuchEntity`.
    """
    if name is not None:
        return entities.find(call, records.USER, name)
    user = call.view.get(records.USER, call.principal.user_id)
    if user is None:
        raise errors.ValidationError("Must specify userName when calling with non-User credentials")
    return user


def changed(call: WriteCall, name: str | None) -> UserRecord:
    """Return a user whom the caller may change.

    Raises `NoSuchEntity`, and `AccessDenied` when it is the administrator and somebody else asks.
    """
    user = named(call, name)
    if is_administrator(call, user) and not call.principal.is_administrator:
        permission = f"iam:{call.action}"
        raise errors.AccessDenied(call.principal.arn, permission, entities.arn(user))
    return user


def governed(call: WriteCall, name: str) -> UserRecord:
    """Return a user to whom policies apply; raise `NoSuchEntity`, `InvalidInput`."""
    user = changed(call, name)
    if is_administrator(call, user):
        raise errors.InvalidInput(
            f"{name} is the administrator of the account: he may do everything in it, "
            "and no policy or boundary would apply to him."
        )
    return user


def is_administrator(call: Call, user: UserRecord) -> bool:
    """Tell whether the user is his account's first."""
    return user.id == account_of(call).admin_user_id


def create_user(call: WriteCall, request: Request) -> Result:
    """Make a user, who may do nothing yet."""
    user = User(
        id=entities.new_id(call, records.USER),
        name=request["UserName"],
        path=request.get("Path", "/"),
        created_at=call.tx.now,
        tags=entities.with_tags({}, entities.parse_tags(request.get("Tags"))),
        boundary=managed.boundary(call, request.get("PermissionsBoundary")),
    )
    entities.claim_name(call, records.USER, user.name, user.id)
    record = call.tx.insert(records.USER, call.account, user.id, user)
    return {"User": render(call, record)}


def get_user(call: Call, request: Request) -> Result:
    """Describe a user, by default the caller."""
    return {"User": render(call, named(call, request.get("UserName")))}


def update_user(call: WriteCall, request: Request) -> Result:
    """Give a user another name or path."""
    user = changed(call, request["UserName"])
    name: str = request.get("NewUserName", user.doc.name)
    if name.lower() != user.doc.name.lower():
        entities.claim_name(call, records.USER, name, user.id)
        entities.release_name(call, records.USER, user.doc.name)
    path: str = request.get("NewPath", user.doc.path)
    call.tx.write(user, replace(user.doc, name=name, path=path))
    return {}


def delete_user(call: WriteCall, request: Request) -> Result:
    """Remove a user who has nothing any more."""
    user = changed(call, request["UserName"])
    if is_administrator(call, user):
        raise errors.DeleteConflict("Cannot delete the administrator of the account.")
    doc = user.doc
    for has, what in (
        (call.tx.by(records.ACCESS_KEY, "user", user.id), "delete access keys"),
        (call.tx.get(records.LOGIN_PROFILE, user.id), "delete login profile"),
        (call.tx.by(records.MFA_DEVICE, "user", user.id), "deactivate MFA device"),
        (call.tx.by(records.SIGNING_CERTIFICATE, "user", user.id), "delete signing certificates"),
        (call.tx.by(records.SSH_PUBLIC_KEY, "user", user.id), "delete SSH public keys"),
        (doc.inline, "delete policies"),
        (doc.attached, "detach all policies"),
        (doc.group_ids, "remove users from group"),
    ):
        if has:
            raise errors.DeleteConflict(f"Cannot delete entity, must {what} first.")
    entities.release_name(call, records.USER, doc.name)
    call.tx.delete(user)
    return {}


def put_boundary(call: WriteCall, request: Request) -> Result:
    """Set the most that the user's policies can give him."""
    user = governed(call, request["UserName"])
    arn = managed.boundary(call, request["PermissionsBoundary"])
    call.tx.write(user, replace(user.doc, boundary=arn))
    return {}


def delete_boundary(call: WriteCall, request: Request) -> Result:
    """Take the user's boundary away."""
    user = governed(call, request["UserName"])
    if user.doc.boundary is None:
        raise errors.NoSuchEntity("permissions boundary of user", user.doc.name)
    call.tx.write(user, replace(user.doc, boundary=None))
    return {}


def render(call: Call, user: UserRecord) -> dict[str, Any]:
    """Return a user as IAM shows one."""
    return {
        **render_short(call, user),
        "Tags": entities.render_tags(user.doc.tags) or None,
        "PermissionsBoundary": managed.render_boundary(user.doc.boundary),
    }


def render_short(call: Call, user: UserRecord) -> dict[str, Any]:
    """Return a user as lists show one: without tags and boundary."""
    return {
        "Path": user.doc.path,
        "UserName": user.doc.name,
        "UserId": user.id,
        "Arn": entities.arn(user),
        "CreateDate": user.doc.created_at,
        "PasswordLastUsed": _password_last_used(call, user),
    }


def _password_last_used(call: Call, user: UserRecord) -> float | None:
    last = lastuse.last(call.uses.of(call.view, lastuse.PASSWORD + user.id))
    return last[1].at if last else None


def _find(call: Call, request: Request) -> list[UserRecord]:
    return entities.every(call, records.USER, request.get("PathPrefix"))


def _row(name: str, does: Write | Read | Pages, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


ACTIONS: tuple[Action, ...] = (
    _row(
        "CreateUser",
        Write(handle=create_user),
        *("UserName", "Path", "Tags", "PermissionsBoundary"),
    ),
    _row("GetUser", Read(handle=get_user), "UserName"),
    _row(
        "ListUsers",
        Pages(find=_find, render=render_short, member="Users", key=lambda record: record.doc.name),
        "PathPrefix",
    ),
    _row("UpdateUser", Write(handle=update_user), "UserName", "NewUserName", "NewPath"),
    _row("DeleteUser", Write(handle=delete_user), "UserName"),
    _row(
        "PutUserPermissionsBoundary",
        Write(handle=put_boundary),
        *("UserName", "PermissionsBoundary"),
    ),
    _row("DeleteUserPermissionsBoundary", Write(handle=delete_boundary), "UserName"),
    *tags.rows(
        tags.Tagged(
            noun="User",
            member="UserName",
            named=lambda call, request: named(call, request["UserName"]),
            changed=lambda call, request: changed(call, request["UserName"]),
        )
    ),
)
