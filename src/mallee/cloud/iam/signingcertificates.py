"""Signing certificates of users: uploaded, switched on and off, removed.

Old tools sign requests and bundles of images with them. Requests with such a signature are not
taken here; the certificates are kept for those who verify what was signed. Called through the
action table.
"""

from typing import Any

from cryptography.hazmat.primitives import hashes
from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import accounts
from mallee.cloud.action import Action, Pages, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import users, x509
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity.credentials import SigningCertificate

MAX_PER_USER = 2
STATUSES = ("Active", "Inactive")

_Shown = tuple[users.UserRecord, SigningCertificate]


def upload(call: WriteCall, request: Request) -> Result:
    """Keep a certificate of a user."""
    user = users.changed(call, request.get("UserName"))
    body: str = request["CertificateBody"]
    certificate = x509.parse(body)
    if not x509.is_valid(certificate, call.now):
        raise errors.InvalidCertificate("The certificate is not valid now.")
    present = call.tx.by(records.SIGNING_CERTIFICATE, "user", user.id)
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    if any(one.doc.fingerprint == fingerprint for one in present):
        raise errors.DuplicateCertificate
    if len(present) >= MAX_PER_USER:
        raise errors.LimitExceeded("CertificatesPerUser", MAX_PER_USER)
    made = SigningCertificate(
        id=accounts.new_id("", call.entropy, 32),
        user_id=user.id,
        body=body,
        fingerprint=fingerprint,
        created_at=call.now,
    )
    call.tx.insert(records.SIGNING_CERTIFICATE, user.account, made.id, made)
    return {"Certificate": _render(call, (user, made))}


def update(call: WriteCall, request: Request) -> Result:
    """Switch a certificate on or off."""
    if request["Status"] not in STATUSES:
        raise errors.ValidationError("Status must be Active or Inactive")
    record = _own(call, request)
    call.tx.write(record, replace(record.doc, status=request["Status"]))
    return {}


def delete(call: WriteCall, request: Request) -> Result:
    """Remove a certificate."""
    call.tx.delete(_own(call, request))
    return {}


def _own(call: WriteCall, request: Request) -> Record[SigningCertificate, None]:
    user = users.changed(call, request.get("UserName"))
    id: str = request["CertificateId"]
    record = call.tx.get(records.SIGNING_CERTIFICATE, id)
    if record is None or record.doc.user_id != user.id:
        raise errors.NoSuchCertificate(id)
    return record


def _find(call: Call, request: Request) -> list[_Shown]:
    user = users.named(call, request.get("UserName"))
    found = call.view.by(records.SIGNING_CERTIFICATE, "user", user.id)
    return [(user, record.doc) for record in found]


def _render(_call: Call, shown: _Shown) -> dict[str, Any]:
    user, certificate = shown
    return {
        "UserName": user.doc.name,
        "CertificateId": certificate.id,
        "CertificateBody": certificate.body,
        "Status": certificate.status,
        "UploadDate": certificate.created_at,
    }


def _row(name: str, does: Write | Pages, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


ACTIONS: tuple[Action, ...] = (
    _row("UploadSigningCertificate", Write(handle=upload), "UserName", "CertificateBody"),
    _row(
        "ListSigningCertificates",
        Pages(find=_find, render=_render, member="Certificates", key=lambda shown: shown[1].id),
        "UserName",
    ),
    _row(
        "UpdateSigningCertificate", Write(handle=update), *("UserName", "CertificateId", "Status")
    ),
    _row("DeleteSigningCertificate", Write(handle=delete), "UserName", "CertificateId"),
)
