"""Server certificates: uploaded with their private key, which no answer shows again.

They are for what serves TLS in a tenant's name. Called through the action table.
"""

from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Pages, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, tags, x509
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity.credentials import ServerCertificate

CertificateRecord = Record[ServerCertificate, None]


def upload(call: WriteCall, request: Request) -> Result:
    """Keep a certificate with its key."""
    certificate = x509.parse(request["CertificateBody"])
    key = x509.parse_key(request["PrivateKey"])
    if not x509.is_pair(certificate, key):
        raise errors.KeyPairMismatch
    if not x509.is_valid(certificate, call.now):
        raise errors.MalformedCertificate("The certificate is not valid now.")
    chain: str | None = request.get("CertificateChain")
    if chain is not None:
        x509.check_chain(certificate, x509.parse_chain(chain))
    made = ServerCertificate(
        id=entities.new_id(call, records.SERVER_CERTIFICATE),
        name=request["ServerCertificateName"],
        path=request.get("Path", "/"),
        created_at=call.now,
        expires_at=certificate.not_valid_after_utc.timestamp(),
        body=request["CertificateBody"],
        chain=chain,
        sealed_key=call.box.seal(request["PrivateKey"].encode()),
        tags=entities.with_tags({}, entities.parse_tags(request.get("Tags"))),
    )
    entities.claim_name(call, records.SERVER_CERTIFICATE, made.name, made.id)
    record = call.tx.insert(records.SERVER_CERTIFICATE, call.account, made.id, made)
    return {
        "ServerCertificateMetadata": _render(call, record),
        "Tags": entities.render_tags(made.tags) or None,
    }


def get(call: Call, request: Request) -> Result:
    """Show a certificate and its chain."""
    record = _named(call, request)
    return {
        "ServerCertificate": {
            "ServerCertificateMetadata": _render(call, record),
            "CertificateBody": record.doc.body,
            "CertificateChain": record.doc.chain,
            "Tags": entities.render_tags(record.doc.tags) or None,
        }
    }


def update(call: WriteCall, request: Request) -> Result:
    """Give a certificate another name or path."""
    record = _named(call, request)
    name: str = request.get("NewServerCertificateName", record.doc.name)
    if name.lower() != record.doc.name.lower():
        entities.claim_name(call, records.SERVER_CERTIFICATE, name, record.id)
        entities.release_name(call, records.SERVER_CERTIFICATE, record.doc.name)
    path: str = request.get("NewPath", record.doc.path)
    call.tx.write(record, replace(record.doc, name=name, path=path))
    return {}


def delete(call: WriteCall, request: Request) -> Result:
    """Remove a certificate and its key."""
    record = _named(call, request)
    entities.release_name(call, records.SERVER_CERTIFICATE, record.doc.name)
    call.tx.delete(record)
    return {}


def _named(call: Call, request: Request) -> CertificateRecord:
    name: str = request["ServerCertificateName"]
    found = entities.find_or_none(call, records.SERVER_CERTIFICATE, name)
    if found is None:
        raise errors.NoSuchEntity("Server Certificate", name)
    return found


def _find(call: Call, request: Request) -> list[CertificateRecord]:
    return entities.every(call, records.SERVER_CERTIFICATE, request.get("PathPrefix"))


def _render(call: Call, record: CertificateRecord) -> dict[str, Any]:
    return {
        "Path": record.doc.path,
        "ServerCertificateName": record.doc.name,
        "ServerCertificateId": record.id,
        "Arn": entities.arn(record),
        "UploadDate": record.doc.created_at,
        "Expiration": record.doc.expires_at,
    }


def _row(name: str, does: Write | Read | Pages, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


_NAME = "ServerCertificateName"

ACTIONS: tuple[Action, ...] = (
    _row(
        "UploadServerCertificate",
        Write(handle=upload),
        *(_NAME, "Path", "CertificateBody", "PrivateKey", "CertificateChain", "Tags"),
    ),
    _row("GetServerCertificate", Read(handle=get), _NAME),
    _row(
        "ListServerCertificates",
        Pages(
            find=_find,
            render=_render,
            member="ServerCertificateMetadataList",
            key=lambda record: record.doc.name,
        ),
        "PathPrefix",
    ),
    _row(
        "UpdateServerCertificate",
        Write(handle=update),
        *(_NAME, "NewPath", "NewServerCertificateName"),
    ),
    _row("DeleteServerCertificate", Write(handle=delete), _NAME),
    *tags.rows(tags.Tagged(noun="ServerCertificate", member=_NAME, named=_named, changed=_named)),
)
