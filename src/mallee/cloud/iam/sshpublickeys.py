"""SSH public keys of users, as IAM keeps them for services that people reach by SSH.

RSA of 2048 bits or more, as AWS takes them. Guests' keys are key pairs of EC2, not these. Called
through the action table.
"""

import base64
import hashlib
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import accounts
from mallee.cloud.action import Action, Pages, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import users
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity.credentials import SshPublicKey

MAX_PER_USER = 5
RSA_BITS_MIN = 2048
STATUSES = ("Active", "Inactive")

KeyRecord = Record[SshPublicKey, None]
_Shown = tuple[users.UserRecord, SshPublicKey]


def upload(call: WriteCall, request: Request) -> Result:
    """Keep a public key of a user."""
    user = users.changed(call, request["UserName"])
    body = _body(_parse(request["SSHPublicKeyBody"]))
    present = call.tx.by(records.SSH_PUBLIC_KEY, "user", user.id)
    if any(one.doc.body == body for one in present):
        raise errors.DuplicateSshPublicKey
    if len(present) >= MAX_PER_USER:
        raise errors.LimitExceeded("SSHPublicKeysPerUser", MAX_PER_USER)
    made = SshPublicKey(
        id=accounts.new_id("APKA", call.entropy),
        user_id=user.id,
        body=body,
        fingerprint=_fingerprint(body),
        created_at=call.now,
    )
    call.tx.insert(records.SSH_PUBLIC_KEY, user.account, made.id, made)
    return {"SSHPublicKey": _render(user, made, made.body)}


def get(call: Call, request: Request) -> Result:
    """Show a public key, as SSH or PEM has it."""
    user = users.named(call, request["UserName"])
    key = _of(call, user, request["SSHPublicKeyId"]).doc
    if request["Encoding"] not in ("SSH", "PEM"):
        raise errors.UnrecognizedPublicKeyEncoding
    body = key.body if request["Encoding"] == "SSH" else _pem(_parse(key.body))
    return {"SSHPublicKey": _render(user, key, body)}


def update(call: WriteCall, request: Request) -> Result:
    """Switch a public key on or off."""
    if request["Status"] not in STATUSES:
        raise errors.ValidationError("Status must be Active or Inactive")
    record = _own(call, request)
    call.tx.write(record, replace(record.doc, status=request["Status"]))
    return {}


def delete(call: WriteCall, request: Request) -> Result:
    """Remove a public key."""
    call.tx.delete(_own(call, request))
    return {}


def _parse(text: str) -> rsa.RSAPublicKey:
    """Return the key of a text in either encoding; raise what is wrong with it."""
    given = text.strip().encode()
    if not given.startswith((b"ssh-", b"ecdsa-", b"sk-", b"-----BEGIN ")):
        raise errors.UnrecognizedPublicKeyEncoding
    is_pem = given.startswith(b"-----")
    load = serialization.load_pem_public_key if is_pem else serialization.load_ssh_public_key
    try:
        key = load(given)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise errors.InvalidPublicKey("The SSH public key is malformed.") from error
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < RSA_BITS_MIN:
        raise errors.InvalidPublicKey(
            f"The SSH public key must be of RSA with at least {RSA_BITS_MIN} bits."
        )
    return key


def _body(key: rsa.RSAPublicKey) -> str:
    form = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return key.public_bytes(*form).decode()


def _pem(key: rsa.RSAPublicKey) -> str:
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key.public_bytes(*form).decode()


def _fingerprint(body: str) -> str:
    """Return the fingerprint as `ssh-keygen -E md5 -l` tells it."""
    blob = base64.b64decode(body.split()[1])
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[start : start + 2] for start in range(0, len(digest), 2))


def _of(call: Call, user: users.UserRecord, id: str) -> KeyRecord:
    record = call.view.get(records.SSH_PUBLIC_KEY, id)
    if record is None or record.doc.user_id != user.id:
        raise errors.NoSuchSshPublicKey(id)
    return record


def _own(call: WriteCall, request: Request) -> KeyRecord:
    return _of(call, users.changed(call, request["UserName"]), request["SSHPublicKeyId"])


def _find(call: Call, request: Request) -> list[_Shown]:
    user = users.named(call, request.get("UserName"))
    found = call.view.by(records.SSH_PUBLIC_KEY, "user", user.id)
    return [(user, record.doc) for record in found]


def _render(user: users.UserRecord, key: SshPublicKey, body: str) -> dict[str, Any]:
    return {
        "UserName": user.doc.name,
        "SSHPublicKeyId": key.id,
        "Fingerprint": key.fingerprint,
        "SSHPublicKeyBody": body,
        "Status": key.status,
        "UploadDate": key.created_at,
    }


def _render_short(_call: Call, shown: _Shown) -> dict[str, Any]:
    user, key = shown
    return {
        "UserName": user.doc.name,
        "SSHPublicKeyId": key.id,
        "Status": key.status,
        "UploadDate": key.created_at,
    }


def _row(name: str, does: Write | Read | Pages, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


ACTIONS: tuple[Action, ...] = (
    _row("UploadSSHPublicKey", Write(handle=upload), "UserName", "SSHPublicKeyBody"),
    _row("GetSSHPublicKey", Read(handle=get), "UserName", "SSHPublicKeyId", "Encoding"),
    _row(
        "ListSSHPublicKeys",
        Pages(
            find=_find, render=_render_short, member="SSHPublicKeys", key=lambda shown: shown[1].id
        ),
        "UserName",
    ),
    _row("UpdateSSHPublicKey", Write(handle=update), "UserName", "SSHPublicKeyId", "Status"),
    _row("DeleteSSHPublicKey", Write(handle=delete), "UserName", "SSHPublicKeyId"),
)
