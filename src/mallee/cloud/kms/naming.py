"""Names of keys: the ARN that a request means, and the key behind it.

A request names a key by its id, its ARN, an alias or an alias's ARN. Ids and aliases are looked for
in the caller's account, ARNs say whose they mean. Called by every file here, and by S3. Not its
business: who may use a key (`policies`, `grants`).
"""

from mallee.aws import errors
from mallee.cloud import things
from mallee.cloud.call import Call
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.identity.kmskeys import Alias, Key

KeyRecord = Record[Key, None]
AliasRecord = Record[Alias, None]

ALIAS = "alias/"


def arn_of(call: Call, record: KeyRecord) -> str:
    """Return a key's ARN."""
    return _arn(call, record.account, f"key/{record.id}")


def alias_arn(call: Call, account: str, name: str) -> str:
    """Return an alias's ARN."""
    return _arn(call, account, name)


def alias_id(account: str, name: str) -> str:
    """Return the id of an alias's record."""
    return f"{account}:{name}"


def alias(view: store.View, account: str, name: str) -> AliasRecord | None:
    """Return an account's alias."""
    return view.get(records.KEY_ALIAS, alias_id(account, name))


def named(call: Call, text: str) -> str:
    """Return the ARN of the key that a request means; of one that is not there, what it would be.

    An alias that is not there has its own ARN: no policy is about it.
    """
    record = look(call, text)
    if record is not None:
        return arn_of(call, record)
    if text.startswith("arn:"):
        return text
    return _arn(call, call.account, text if text.startswith(ALIAS) else f"key/{text}")


def look(call: Call, text: str) -> KeyRecord | None:
    """Return the key that a request means; None when it is not there."""
    account, path = call.account, text
    if text.startswith("arn:"):
        account = things.account_of(text) or ""
        prefix = _arn(call, account, "")
        path = text.removeprefix(prefix)
        if path == text or not path.startswith((ALIAS, "key/")):
            return None
        path = path.removeprefix("key/")
    if path.startswith(ALIAS):
        found = alias(call.view, account, path)
        path = found.doc.key_id if found else ""
    record = call.view.get(records.KEY, path)
    return record if record is not None and record.account == account else None


def find(call: Call, text: str) -> KeyRecord:
    """Return the key that a request means, whoever owns it; raise `NotFoundException`."""
    record = look(call, text)
    if record is not None:
        return record
    arn = named(call, text)
    if ":alias/" in arn:
        raise errors.kms.NotFoundException(f"Alias {arn} is not found.")
    if text.startswith("arn:") and not text.startswith(_arn(call, things.account_of(text) or "")):
        raise errors.kms.NotFoundException(f"Invalid arn {call.settings.region}")
    raise errors.kms.NotFoundException(f"Key '{arn}' does not exist")


def own(call: Call, text: str) -> KeyRecord:
    """Return a key of the caller's account, by id or ARN; raise `NotFoundException`."""
    if ALIAS in text:
        raise errors.kms.NotFoundException(f"Invalid keyId '{text}'")
    record = find(call, text)
    if record.account != call.account:
        raise errors.kms.NotFoundException(f"Key '{text}' does not exist")
    return record


def by_id(call: Call, id: str) -> KeyRecord | None:
    """Return the key of an id, whoever owns it."""
    return call.view.get(records.KEY, id)


def by_arn(call: Call, arn: str) -> KeyRecord | None:
    """Return the key of an ARN."""
    return look(call, arn) if things.kind_of(arn) == "key" else None


def _arn(call: Call, account: str, path: str = "") -> str:
    return f"arn:aws:kms:{call.settings.region}:{account}:{path}"
