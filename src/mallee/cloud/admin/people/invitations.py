"""Invitations: leave to come in once, to an account of one's own or as a user who is there.

The token is shown to who invites and mailed to who is invited; the cloud keeps its hash. Whoever
shows it in time gets an access key, which is shown to him alone, and sets a password. So inviting
a user takes what these take (`iam:CreateAccessKey` and its like) besides `mallee:InviteUser`.
Called through the action table, and by `registrations`.
"""

import base64
import datetime
import hashlib
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import accounts as makers
from mallee.cloud import mails
from mallee.cloud.action import Action, Write
from mallee.cloud.admin.people import accounts
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import accesskeys, entities, passwords, users
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.identity import invitations
from mallee.model.identity.identities import User
from mallee.model.identity.invitations import State

VALID_HOURS = 72
"""How long an invitation is good unless something else is asked for."""

WORTH = ("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile")
"""What whoever has the token gets: a key of the user, and a password for him."""

_TOKEN_BYTES = 32

RegistrationRecord = Record[invitations.Registration, None]


@dataclass(frozen=True, slots=True)
class Guest:
    """Who is invited, and to what: an account to be made, or a user."""

    email: str
    account_name: str
    full_name: str | None = None
    user: Record[User, None] | None = None


def invite_user(call: WriteCall, request: Request) -> Result:
    """Invite somebody to be a user of the account who is there already."""
    user = users.changed(call, request["UserName"])
    email: str | None = request.get("Email") or user.doc.email
    if email is None:
        raise errors.InvalidInput(f"No mail address of {user.doc.name} is known: give one.")
    guest = Guest(email, users.account_of(call).name, user.doc.full_name, user)
    return open_and_send(call, insert(call, guest), request)


def insert(call: WriteCall, guest: Guest) -> RegistrationRecord:
    """Note somebody who shall come, in place of former invitations of the same user."""
    user = guest.user
    for former in call.tx.by(records.REGISTRATION, "user", user.id) if user else ():
        if former.doc.state is State.INVITED:
            call.tx.delete(former)
    registration = invitations.Registration(
        id=ids.make("reg", call.entropy(ids.ID_BYTES)),
        email=guest.email,
        full_name=guest.full_name,
        account_name=guest.account_name,
        user_name=user.doc.name if user else None,
        user_id=user.id if user else None,
        account_id=user.account if user else None,
        state=State.REQUESTED,
        created_at=call.tx.now,
    )
    owner = user.account if user else ""
    return call.tx.insert(records.REGISTRATION, owner, registration.id, registration)


def open_and_send(call: WriteCall, record: RegistrationRecord, request: Request) -> Result:
    """Open an invitation with a new token, and mail it; an older token is good no more."""
    hours: int = request.get("ValidHours") or VALID_HOURS
    # Letters and digits alone: no command takes it for an option of its own.
    token = base64.b32encode(call.entropy(_TOKEN_BYTES)).decode().rstrip("=").lower()
    opened = replace(
        record.doc,
        state=State.INVITED,
        decided_at=call.tx.now,
        token_hash=_hash(token),
        expires_at=call.tx.now + hours * 3600.0,
    )
    mails.send(call, _letter(call, opened, token))
    return {"Registration": render(call, call.tx.write(record, opened)), "Token": token}


def accept_invitation(call: WriteCall, request: Request) -> Result:
    """Come in: make the account if it is not there, an access key, and the password if given.

    The token is used up when all that is done. Raises `InvalidToken` for one that is unknown, used,
    withdrawn or expired, without telling which of these it is.
    """
    record = _invited(call, request["Token"])
    doc = record.doc
    if doc.user_id is None:
        account = accounts.make(call, doc.account_name, doc.email)
        user = makers.administrator(call.tx, account)
    else:
        user = _user(call, doc)
    means = makers.Means(call.settings, call.entropy, call.box)
    if request.get("Password") is not None:
        passwords.set_now(call, user, request["Password"])
    key = makers.create_key(call.tx, user, means)
    used = replace(
        doc, state=State.ACCEPTED, token_hash=None, decided_at=call.tx.now, account_id=user.account
    )
    call.tx.write(record, used)
    return {
        "AccountId": user.account,
        "AccountName": doc.account_name,
        "Region": call.settings.region,
        "UserName": user.doc.name,
        "AccessKey": accounts.render_key(key, user.doc.name),
    }


def render(call: Call, record: RegistrationRecord) -> dict[str, Any]:
    """Return a registration as the administration shows one, never its token."""
    doc = record.doc
    return {
        "RegistrationId": doc.id,
        "State": doc.state.value,
        "Email": doc.email,
        "FullName": doc.full_name,
        "Reason": doc.reason,
        "AccountName": doc.account_name,
        "AccountId": doc.account_id,
        "UserName": doc.user_name,
        "CreateDate": _time(doc.created_at),
        "DecisionDate": _time(doc.decided_at),
        "ExpirationDate": _time(doc.expires_at),
        "Problem": _problem(call, doc),
    }


def _problem(call: Call, doc: invitations.Registration) -> str | None:
    """Say why a registration cannot become an account as it is."""
    is_waiting = doc.state in (State.REQUESTED, State.INVITED)
    if is_waiting and doc.user_id is None and call.view.owner_of(makers.NAMES, doc.account_name):
        return f"There is an account named {doc.account_name} already."
    if doc.state is State.INVITED and doc.expires_at is not None and doc.expires_at <= call.now:
        return "The invitation has expired."
    return None


def _invited(call: WriteCall, token: str) -> RegistrationRecord:
    for record in call.tx.by(records.REGISTRATION, "token", _hash(token)):
        doc = record.doc
        is_open = doc.state is State.INVITED and (doc.expires_at or 0.0) > call.tx.now
        if is_open:
            return record
    raise errors.InvalidInvitation


def _user(call: WriteCall, doc: invitations.Registration) -> Record[User, None]:
    user = call.tx.get(records.USER, doc.user_id or "")
    account = call.tx.get(records.ACCOUNT, doc.account_id or "")
    if user is None or account is None or not (user.doc.is_enabled and account.doc.is_active):
        raise errors.InvalidInvitation
    if len(call.tx.by(records.ACCESS_KEY, "user", user.id)) >= accesskeys.MAX_PER_USER:
        raise errors.LimitExceeded("AccessKeysPerUser", accesskeys.MAX_PER_USER)
    return user


def _letter(call: Call, doc: invitations.Registration, token: str) -> mails.Letter:
    region = call.settings.region
    to_what = (
        f"to be the user {doc.user_name} of the account {doc.account_name}"
        if doc.user_name
        else f"to an account of your own, {doc.account_name},"
    )
    endpoint = call.settings.mail.endpoint
    command = f"mallee accept --endpoint {endpoint}" if endpoint else "mallee accept"
    until = f"{_time(doc.expires_at):%Y-%m-%d %H:%M} GMT"
    return mails.Letter(
        recipient=doc.email,
        subject=f"Invitation to the cloud {region}",
        paragraphs=(
            f"Hello {doc.full_name}," if doc.full_name else "Hello,",
            f"you are invited {to_what} in the cloud {region}.",
            f"To come in, run `{command}` and give it this token when it asks:",
            f"    {token}",
            f"It can be used once, until {until}. Whoever has it can come in your place: do not "
            "pass it on. If you know nothing of this, there is nothing that you need to do.",
        ),
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _time(seconds: float | None) -> datetime.datetime | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def user_arns(call: Call, request: Request) -> tuple[str, ...]:
    """Return the ARN of the user that a request names, whether he is there or not."""
    found = entities.find_or_none(call, records.USER, request["UserName"])
    if found is not None:
        return (entities.arn(found),)
    return (f"arn:aws:iam::{call.account}:user/{request['UserName']}",)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="InviteUser",
        does=Write(handle=invite_user),
        honours=frozenset({"UserName", "Email", "ValidHours"}),
        resources=user_arns,
        also=lambda _, __: WORTH,
    ),
    Action(
        service="mallee",
        name="AcceptInvitation",
        does=Write(handle=accept_invitation),
        honours=frozenset({"Token", "Password"}),
        is_unsigned=True,
    ),
)
