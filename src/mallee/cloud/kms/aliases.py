"""Aliases: names that an account gives its keys, and may give another one tomorrow.

Whoever names one needs the permission on the alias and on the key. Called through the action table.
Not its business: finding the key behind an alias (`naming`).
"""

from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Pages, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.kms import managed, materials, naming, rows
from mallee.cloud.kms.naming import AliasRecord, KeyRecord
from mallee.cloud.state import records
from mallee.model.identity.kmskeys import OF_SERVICES, Alias

OF_KEY_MAX = 50
"""Aliases of one key."""


def create(call: WriteCall, asked: Request) -> Result:
    """Give a key a name."""
    name = _checked(asked["AliasName"])
    target = _target(call, asked)
    id = naming.alias_id(call.account, name)
    if call.tx.get(records.KEY_ALIAS, id) is not None:
        raise errors.kms.AlreadyExistsException(naming.alias_arn(call, call.account, name))
    _check_number(call, target)
    alias = Alias(name=name, key_id=target.id, created_at=call.tx.now, updated_at=call.tx.now)
    call.tx.insert(records.KEY_ALIAS, call.account, id, alias)
    return {}


def update(call: WriteCall, asked: Request) -> Result:
    """Let a name mean another key of the same sort."""
    record = _named(call, asked)
    target = _target(call, asked)
    if target.id != record.doc.key_id:
        _check_number(call, target)
        before = call.tx.get(records.KEY, record.doc.key_id)
        if before is not None and before.doc.usage is not target.doc.usage:
            raise errors.ValidationException(
                "An alias can only be moved to a key of the same key usage."
            )
        is_pair = bool(target.doc.public_key)
        if before is not None and bool(before.doc.public_key) is not is_pair:
            raise errors.ValidationException("An alias can only be moved to a key of its type.")
    call.tx.write(record, replace(record.doc, key_id=target.id, updated_at=call.tx.now))
    return {}


def delete(call: WriteCall, asked: Request) -> Result:
    """Take a name away; its key stays."""
    call.tx.delete(_named(call, asked))
    return {}


def _checked(name: str) -> str:
    """Return a name that may be given; raise what is wrong with it."""
    if not name.startswith(naming.ALIAS) or name == naming.ALIAS:
        raise errors.ValidationException(
            'Invalid identifier: an alias must begin with "alias/" and have a name.'
        )
    if name.startswith(OF_SERVICES):
        raise errors.kms.NotAuthorized()
    if ":" in name:
        raise errors.kms.InvalidAliasNameException(f"{name} contains invalid characters.")
    return name


def _named(call: WriteCall, asked: Request) -> AliasRecord:
    name: str = asked["AliasName"]
    found = naming.alias(call.view, call.account, name)
    if found is None:
        arn = naming.alias_arn(call, call.account, name)
        raise errors.kms.NotFoundException(f"Alias {arn} is not found.")
    if name.startswith(OF_SERVICES):
        raise errors.kms.NotAuthorized()
    return found


def _target(call: WriteCall, asked: Request) -> KeyRecord:
    """Return the key that gets a name."""
    text: str = asked["TargetKeyId"]
    if naming.ALIAS in text:
        raise errors.ValidationException("Aliases must refer to keys. Not aliases")
    record = naming.own(call, text)
    rows.check_own_to_change(call, record)
    materials.check_kept(call, record)
    return record


def _check_number(call: WriteCall, target: KeyRecord) -> None:
    if len(call.tx.by(records.KEY_ALIAS, "key", target.id)) >= OF_KEY_MAX:
        raise errors.kms.LimitExceededException(f"A key has {OF_KEY_MAX} aliases at most.")


def _find(call: Call, asked: Request) -> list[Alias]:
    named: str | None = asked.get("KeyId")
    if named:
        key = naming.own(call, named)
        return [record.doc for record in call.view.by(records.KEY_ALIAS, "key", key.id)]
    found = [record.doc for record in call.view.list(records.KEY_ALIAS, call.account)]
    given = {alias.name for alias in found}
    # Services have their names in every account, also before they have made a key there.
    own = (managed.alias_of(service) for service in managed.SERVICES)
    return found + [Alias(name=name) for name in own if name not in given]


def _render(call: Call, alias: Alias) -> dict[str, Any]:
    return {
        "AliasName": alias.name,
        "AliasArn": naming.alias_arn(call, call.account, alias.name),
        "TargetKeyId": alias.key_id or None,
        "CreationDate": alias.created_at or None,
        "LastUpdatedDate": alias.updated_at or None,
    }


def _of_new(call: Call, asked: Request) -> tuple[str, ...]:
    """Return what a new name is about: the name, and the key."""
    alias = naming.alias_arn(call, call.account, asked["AliasName"])
    return alias, naming.named(call, asked["TargetKeyId"])


def _of_moved(call: Call, asked: Request) -> tuple[str, ...]:
    """Return what a name that moves is about: the name, and both keys."""
    return (*_of_gone(call, asked), naming.named(call, asked["TargetKeyId"]))


def _of_gone(call: Call, asked: Request) -> tuple[str, ...]:
    """Return what a name that goes is about: the name, and its key."""
    name: str = asked["AliasName"]
    alias = naming.alias_arn(call, call.account, name)
    record = naming.alias(call.view, call.account, name)
    return (alias, naming.named(call, record.doc.key_id)) if record else (alias,)


ACTIONS = (
    rows.on("CreateAlias", Write(handle=create), _of_new, "AliasName", "TargetKeyId"),
    rows.on("UpdateAlias", Write(handle=update), _of_moved, "AliasName", "TargetKeyId"),
    rows.on("DeleteAlias", Write(handle=delete), _of_gone, "AliasName"),
    rows.of_account(
        "ListAliases",
        Pages(
            find=_find,
            render=_render,
            member="Aliases",
            key=lambda one: one.name,
            words=rows.WORDS,
        ),
        "KeyId",
    ),
)
