"""The authorities of a cloud: the first signs, and all are trusted.

There is one, save while it is being replaced. They lie in one file, each a certificate and its key,
that which signs first. Several processes read it; one writes it, and the others notice. An
authority's *id* is a digest of its certificate.
Called by whoever signs, trusts, or replaces. Not its business: when it is replaced.
"""

import functools
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from mallee.kit import files, pki

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_ID_DIGITS = 32


class Authorities:
    """Those of one file, as they are now. Belongs to one thread; others only look."""

    def __init__(self, path: Path, found: Sequence[pki.Authority] = ()) -> None:
        """Read the file unless they are given; raise `BadCertificate`."""
        self._path = path
        self._all = tuple(found) or _read(path)
        self._seen = _mark(path)
        self.changed: list[Callable[[], None]] = []
        """Are called when they are others now."""

    @property
    def signer(self) -> pki.Authority:
        """The one that signs."""
        return self._all[0]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all, that which signs first."""
        return tuple(map(id_of, self._all))

    @property
    def bundle_pem(self) -> str:
        """The certificates of all, for those who shall trust them."""
        return b"".join(one.certificate_pem for one in self._all).decode()

    def text_of(self, id: str) -> bytes | None:
        """Return one as it lies in the file, key and all; None: it is not there."""
        found = [one for one in self._all if id_of(one) == id]
        return found[0].certificate_pem + found[0].key_pem if found else None

    def put(self, all: Sequence[pki.Authority]) -> None:
        """Have these from now on; durable when this returns."""
        files.write_atomically(
            self._path, b"".join(one.certificate_pem + one.key_pem for one in all)
        )
        self._take(tuple(all))

    def choose(self, ids: Sequence[str], more: Sequence[pki.Authority] = ()) -> None:
        """Have those with these ids, in this order, of those that there are and of these."""
        known = {id_of(one): one for one in (*self._all, *more)}
        self.put([known[id] for id in ids])

    def refresh(self) -> None:
        """Look whether another process has written the file."""
        if _mark(self._path) != self._seen:
            self._take(_read(self._path))

    def issued(self, certificate: bytes) -> bool:
        """Tell whether a certificate (DER) is of one that is trusted."""
        return _issued(certificate, self.bundle_pem)

    def _take(self, all: tuple[pki.Authority, ...]) -> None:
        self._seen = _mark(self._path)
        former, self._all = self.ids, all
        if self.ids != former:
            for hear in self.changed:
                hear()


def load_or_create(path: Path, now: float) -> Authorities:
    """Return the authorities of a cloud; the first is made at its first start."""
    if not path.exists():
        made = pki.create_authority(f"mallee {os.urandom(4).hex()}", now)
        files.create_atomically(path, made.certificate_pem + made.key_pem)
    return Authorities(path)


def id_of(authority: pki.Authority) -> str:
    """Return an authority's id."""
    return hashlib.sha256(authority.certificate_pem).hexdigest()[:_ID_DIGITS]


def parse(text: bytes) -> tuple[pki.Authority, ...]:
    """Return the authorities of a file's text; raise `BadCertificate`."""
    parts = [_BEGIN + part for part in text.split(_BEGIN)[1:]]
    if not parts:
        raise pki.BadCertificate("the authority cannot be read: there is no certificate")
    return tuple(pki.load_authority(part, part) for part in parts)


@functools.lru_cache(maxsize=64)
def ids_of(bundle_pem: bytes) -> tuple[str, ...]:
    """Return the ids of the authorities of a bundle, in its order."""
    parts = [_BEGIN + part for part in bundle_pem.split(_BEGIN)[1:]]
    texts = [part[: part.rindex(b"-----\n") + 6] for part in parts]
    return tuple(hashlib.sha256(text).hexdigest()[:_ID_DIGITS] for text in texts)


@functools.lru_cache(maxsize=pki.READ_KEPT)
def _issued(certificate: bytes, bundle_pem: str) -> bool:
    shown = x509.load_der_x509_certificate(certificate)
    for authority in x509.load_pem_x509_certificates(bundle_pem.encode()):
        try:
            shown.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def _read(path: Path) -> tuple[pki.Authority, ...]:
    return parse(path.read_bytes())


def _mark(path: Path) -> tuple[int, int]:
    """Return what changes when the file is another."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_ino, found.st_mtime_ns)
