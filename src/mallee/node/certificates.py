"""This host's certificate, by which the cloud and other hosts know it: checked, kept, shown.

It lies in one file with its key, which never leaves the host, beside what the host trusts. None
takes its place that could not be used: a host that has lost its own is nobody's any more, and has
to be joined again. Called by `cloud`. Not its business: when one is asked for.
"""

import ssl
from datetime import UTC, datetime

import msgspec

from mallee.kit import files, pki
from mallee.model import ids
from mallee.model.layout import Layout


class Certified(msgspec.Struct, frozen=True):
    """What the cloud answers to a request for a certificate."""

    host_id: str
    certificate_pem: str
    ca_pem: str


def read_answer(answer: bytes, request: pki.Request, host_id: str = "") -> Certified:
    """Return what came when it can be used; raise `pki.BadCertificate`.

    `host_id` is whose it must be; empty: any host's.
    """
    try:
        told = msgspec.json.decode(answer, type=Certified)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise pki.BadCertificate(f"that is no certificate: {error}") from error
    issued = pki.check_issued(told.certificate_pem.encode(), request.key_pem, told.ca_pem.encode())
    is_whose = told.host_id == host_id if host_id else ids.is_well_formed(told.host_id, "host")
    if not is_whose or issued.name != told.host_id:
        raise pki.BadCertificate(f"the certificate of {issued.name[:80]!r}")
    return told


def keep(layout: Layout, request: pki.Request, told: Certified) -> None:
    """Keep key and certificate in one file, so that they can never be of two minds."""
    layout.node_pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write_atomically(layout.host_authority, told.ca_pem.encode())
    files.write_atomically(layout.host_certificate, told.certificate_pem.encode() + request.key_pem)


def find_trouble(layout: Layout, now: float) -> str:
    """Return why the cloud may not take this host's certificate, by its times; empty: it may."""
    own = pki.read_certificate(layout.host_certificate.read_bytes())
    says = f"by this machine's clock, which says {_shown(now)}"
    if now < own.begins_at:
        return f"this host's certificate begins at {_shown(own.begins_at)} {says}: set the clock"
    if now > own.ends_at:
        return (
            f"this host's certificate ended at {_shown(own.ends_at)} {says}: if that is right, "
            "mallee down, and mallee node join --again with a new invitation"
        )
    return ""


def own_tls(layout: Layout) -> ssl.SSLContext:
    """Return what shows the certificate to the cloud, and trusts the cloud's."""
    context = ssl.create_default_context(cafile=layout.host_authority)
    context.load_cert_chain(layout.host_certificate)
    return context


def _shown(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
