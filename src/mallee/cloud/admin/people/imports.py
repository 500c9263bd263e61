"""ImportUsers: an account's users and groups brought in line with a directory of people.

Without `Apply` it only tells the differences, which takes `mallee:ImportUsers` on `user/*` of the
account. Whoever applies makes users, puts them into groups and has them invited, so it takes IAM's
permissions for all of these too. The cloud's administration may name any account.
Called through the action table; what changes is decided by `imports`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace as with_members
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import imports
from mallee.cloud.action import Action, Write
from mallee.cloud.admin.people import accounts, invitations
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities
from mallee.cloud.state import records
from mallee.model.identity import identities
from mallee.model.identity.accounts import Account
from mallee.model.identity.identities import Group, User


def import_users(call: WriteCall, request: Request) -> Result:
    """Compare, and do what is to be done when `Apply` is said."""
    account = _account(call, request)
    try:
        document = imports.parse(request["Document"])
    except imports.BadDocument as bad:
        raise errors.InvalidInput(f"Document: {bad}.") from bad
    own = _as_of(call, account)
    wish = imports.Wish(
        source=request["Source"],
        adopts=bool(request.get("Adopt")),
        disables_missing=bool(request.get("DisableMissing")),
    )
    steps = imports.plan(document, _see(own, account), wish)
    applies = bool(request.get("Apply"))
    if applies:
        for step in steps:
            _apply(own, wish, step)
        if request.get("Invite"):
            _invite(own, account, steps)
    lines = [line for step in steps for line in imports.describe(step)]
    return {
        "Applied": applies,
        "Differences": [
            {
                "Kind": line.kind,
                "Subject": line.subject,
                "Change": line.change,
                "Detail": line.detail or None,
            }
            for line in lines
        ],
    }


def _account(call: Call, request: Request) -> Account:
    """Return the account to import into: the caller's, or any for the cloud's administration."""
    record = accounts.named(call, request.get("AccountName") or call.account)
    if record.id != call.account and not call.principal.is_cloud_admin:
        raise errors.NoSuchEntity("account", request["AccountName"])
    return record.doc


def _as_of(call: WriteCall, account: Account) -> WriteCall:
    """Return the call as if it were of the account: what follows looks nowhere else."""
    return with_members(call, principal=with_members(call.principal, account=account.id))


def _see(call: Call, account: Account) -> imports.Seen:
    users = call.view.list(records.USER, account.id)
    groups = call.view.list(records.GROUP, account.id)
    return imports.Seen(
        users={user.doc.name.lower(): user.doc for user in users},
        groups={group.doc.name.lower(): group.doc for group in groups},
        administrator_id=account.admin_user_id,
    )


def _apply(call: WriteCall, wish: imports.Wish, step: imports.Step) -> None:
    """Do one step; the plan after it no longer asks for it."""
    match step:
        case imports.CreateGroup(name):
            group = Group(
                id=entities.new_id(call, records.GROUP),
                name=name,
                created_at=call.tx.now,
                source=wish.source,
            )
            entities.claim_name(call, records.GROUP, name, group.id)
            call.tx.insert(records.GROUP, call.account, group.id, group)
        case imports.AdoptGroup(name):
            record = entities.find(call, records.GROUP, name)
            call.tx.write(record, replace(record.doc, source=wish.source))
        case imports.CreateUser(person):
            user = User(
                id=entities.new_id(call, records.USER),
                name=person.user_name,
                created_at=call.tx.now,
                source=wish.source,
                full_name=person.full_name,
                email=person.email,
            )
            entities.claim_name(call, records.USER, user.name, user.id)
            call.tx.insert(records.USER, call.account, user.id, user)
        case imports.ChangeUser(name, members):
            record = entities.find(call, records.USER, name)
            changed: Mapping[str, Any] = dict(members)
            call.tx.write(record, replace(record.doc, **changed))
        case imports.SetGroups(name, joins, leaves):
            _set_groups(call, name, joins, leaves)
        case imports.Conflict():
            pass


def _set_groups(
    call: WriteCall, name: str, joins: tuple[str, ...], leaves: tuple[str, ...]
) -> None:
    user = entities.find(call, records.USER, name)
    joined = [_group_id(call, group) for group in joins]
    left = {_group_id(call, group) for group in leaves}
    kept = tuple(id for id in user.doc.group_ids if id not in left)
    call.tx.write(user, replace(user.doc, group_ids=(*kept, *joined)))


def _group_id(call: WriteCall, name: str) -> str:
    """Return the id of a group by its name without regard to case: directories write as they like.

    The plan made it, or has seen it.
    """
    id = call.view.owner_of(f"name/{records.GROUP.name}/{call.account}", name.lower())
    assert id is not None, "a plan puts nobody into a group that is not there"
    return id


def _invite(call: WriteCall, account: Account, steps: tuple[imports.Step, ...]) -> None:
    for step in steps:
        if isinstance(step, imports.CreateUser) and step.person.email is not None:
            user = entities.find(call, records.USER, step.person.user_name)
            guest = invitations.Guest(step.person.email, account.name, step.person.full_name, user)
            invitations.open_and_send(call, invitations.insert(call, guest), {})


def _needs(call: Call, request: Request) -> Iterator[tuple[str, str]]:
    """Yield the permissions that an import takes, with what each is about."""
    account = _account(call, request)
    everybody = identities.arn(account.id, "user", "/", "*")
    yield "mallee:ImportUsers", everybody
    if not request.get("Apply"):
        return
    yield "iam:CreateUser", everybody
    yield "iam:UpdateUser", everybody
    if request.get("Invite"):
        for permission in invitations.WORTH:
            yield permission, everybody
    there = {one.doc.name.lower(): one for one in call.view.list(records.GROUP, account.id)}
    own = {name for name, one in there.items() if one.doc.source == request["Source"]}
    for name in sorted(own | _groups_named(request["Document"])):
        group = there.get(name)
        arn = entities.arn(group) if group else identities.arn(account.id, "group", "/", name)
        if group is None:
            yield "iam:CreateGroup", arn
        yield "iam:AddUserToGroup", arn
        yield "iam:RemoveUserFromGroup", arn


def _groups_named(text: str) -> set[str]:
    """Return the groups in a document, in lower case; what is no document is refused later."""
    try:
        document = imports.parse(text)
    except imports.BadDocument:
        return set()
    joined = (group for person in document.people for group in person.groups)
    return {group.lower() for group in (*joined, *document.groups)}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="ImportUsers",
        does=Write(handle=import_users),
        honours=frozenset(
            {
                "AccountName",
                "Source",
                "Document",
                "Apply",
                "Adopt",
                "DisableMissing",
                "Invite",
            }
        ),
        needs=_needs,
    ),
)
