"""Providers of SAML 2.0: made of their metadata, looked at, changed, and gone.

What a provider says of itself is checked when it comes: an identity provider's descriptor with a
certificate to sign with, as AWS asks. Called through the action table. Not its business: trading an
assertion for a role, which this cloud does not do (see design 014).
"""

import base64
import binascii
import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from cryptography import x509
from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, tags
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity import identities
from mallee.model.identity.providers import SamlProvider

PROVIDERS_MAX = 100
"""In an account."""
_METADATA = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_CERTIFICATE = "{http://www.w3.org/2000/09/xmldsig#}X509Certificate"

ProviderRecord = Record[SamlProvider, None]


def create(call: WriteCall, request: Request) -> Result:
    """Make a provider of its metadata."""
    document: str = request["SAMLMetadataDocument"]
    if len(call.tx.list(records.SAML_PROVIDER, call.account)) >= PROVIDERS_MAX:
        raise errors.LimitExceeded("SAMLProvidersPerAccount", PROVIDERS_MAX)
    provider = SamlProvider(
        id=str(uuid.UUID(bytes=call.entropy(16), version=4)),
        name=request["Name"],
        metadata=document,
        valid_until=parse_metadata(document),
        created_at=call.tx.now,
        tags=entities.with_tags({}, entities.parse_tags(request.get("Tags"))),
    )
    entities.claim_name(call, records.SAML_PROVIDER, provider.name, provider.id)
    record = call.tx.insert(records.SAML_PROVIDER, call.account, provider.id, provider)
    shown = entities.render_tags(provider.tags) or None
    return {"SAMLProviderArn": entities.arn(record), "Tags": shown}


def get(call: Call, request: Request) -> Result:
    """Describe a provider, its metadata included."""
    doc = named(call, request).doc
    return {
        "SAMLProviderUUID": doc.id,
        "SAMLMetadataDocument": doc.metadata,
        "CreateDate": doc.created_at,
        "ValidUntil": doc.valid_until,
        "Tags": entities.render_tags(doc.tags) or None,
    }


def list_all(call: Call, _request: Request) -> Result:
    """List the account's providers."""
    found = sorted(call.view.list(records.SAML_PROVIDER, call.account), key=entities.arn)
    return {"SAMLProviderList": [_render_short(record) for record in found]}


def update(call: WriteCall, request: Request) -> Result:
    """Replace a provider's metadata."""
    provider = named(call, request)
    document: str | None = request.get("SAMLMetadataDocument")
    if document is None:
        raise errors.InvalidInput("SAMLMetadataDocument must be given: nothing else can change.")
    ends_at = parse_metadata(document)
    call.tx.write(provider, replace(provider.doc, metadata=document, valid_until=ends_at))
    return {"SAMLProviderArn": entities.arn(provider)}


def delete(call: WriteCall, request: Request) -> Result:
    """Believe a provider no more."""
    provider = named(call, request)
    entities.release_name(call, records.SAML_PROVIDER, provider.doc.name)
    call.tx.delete(provider)
    return {}


def named(call: Call, request: Request) -> ProviderRecord:
    """Return the provider that the request names; raise `NoSuchEntity`."""
    arn: str = request["SAMLProviderArn"]
    prefix = identities.arn(call.account, "saml-provider", "/", "")
    name = arn.removeprefix(prefix) if arn.startswith(prefix) else ""
    found = entities.find_or_none(call, records.SAML_PROVIDER, name) if name else None
    if found is None:
        raise errors.NoSuchSamlProvider(arn)
    return found


def parse_metadata(document: str) -> float:
    """Return until when the certificates in the metadata are good; raise `InvalidInput`."""
    # Without a document type there are no entities that could grow.
    if "<!" in document.replace("<!--", "").replace("<![CDATA[", ""):
        raise errors.InvalidInput("Metadata with a document type is not accepted.")
    try:
        parser = ElementTree.XMLParser(encoding="utf-8")
        root = ElementTree.fromstring(document.encode(), parser)
    except (ElementTree.ParseError, ValueError) as error:
        raise errors.InvalidInput(f"Could not parse metadata: {error}") from error
    if root.tag != f"{_METADATA}EntityDescriptor" or not root.get("entityID"):
        raise errors.InvalidInput("Metadata must be an EntityDescriptor with an entityID.")
    described = root.find(f"{_METADATA}IDPSSODescriptor")
    if described is None or described.find(f"{_METADATA}SingleSignOnService") is None:
        raise errors.InvalidInput("Metadata must hold an IDPSSODescriptor with a sign-on service.")
    ends = [one.not_valid_after_utc.timestamp() for one in _certificates(described)]
    if not ends:
        raise errors.InvalidInput("Metadata must hold a certificate to sign with.")
    return max(ends)


def _certificates(described: ElementTree.Element) -> Iterator[x509.Certificate]:
    """Yield the certificates that may sign."""
    for key in described.iterfind(f"{_METADATA}KeyDescriptor"):
        if key.get("use", "signing") != "signing":
            continue
        for text in key.iter(_CERTIFICATE):
            try:
                yield x509.load_der_x509_certificate(base64.b64decode(text.text or ""))
            except (ValueError, binascii.Error) as error:
                raise errors.InvalidInput("A certificate in the metadata is none.") from error


def _render_short(provider: ProviderRecord) -> dict[str, Any]:
    return {
        "Arn": entities.arn(provider),
        "ValidUntil": provider.doc.valid_until,
        "CreateDate": provider.doc.created_at,
    }


def _about(call: Call, asked: Request) -> tuple[str, ...]:
    """Return the ARN that a request is about."""
    if "Name" in asked:
        return (identities.arn(call.account, "saml-provider", "/", asked["Name"]),)
    return (asked["SAMLProviderArn"],)


def _row(name: str, does: Read | Write, *honours: str) -> Action:
    resources = _about if honours else None
    return Action(
        service="iam", name=name, does=does, honours=frozenset(honours), resources=resources
    )


_ARN = "SAMLProviderArn"
_TAGGED = tags.Tagged(noun="SAMLProvider", member=_ARN, named=named, changed=named)

ACTIONS: tuple[Action, ...] = (
    _row("CreateSAMLProvider", Write(handle=create), "SAMLMetadataDocument", "Name", "Tags"),
    _row("GetSAMLProvider", Read(handle=get), _ARN),
    _row("ListSAMLProviders", Read(handle=list_all)),
    _row("UpdateSAMLProvider", Write(handle=update), _ARN, "SAMLMetadataDocument"),
    _row("DeleteSAMLProvider", Write(handle=delete), _ARN),
    *(dataclasses.replace(row, resources=_about) for row in tags.rows(_TAGGED)),
)
