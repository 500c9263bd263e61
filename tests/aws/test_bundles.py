"""Bundles: what is written can be read, and what was altered, or is somebody else's, is not."""

import datetime
import gzip
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from mallee.aws import bundles
from mallee.aws.bundles import Key, Manifest, NotABundle, Part, Sealer

KEY = Key(bytes(range(16)), bytes(range(16, 32)))


def pair() -> tuple[bytes, bytes]:
    """A private key and its certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "one")])
    now = datetime.datetime.now(datetime.UTC)
    ends_at = now + datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, ends_at)
    certificate = builder.sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    pem = key.private_bytes(*form, serialization.NoEncryption())
    return pem, certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def cloud() -> tuple[bytes, bytes]:
    return pair()


def manifest(certificate: bytes, **said: object) -> Manifest:
    locked = bundles.lock(KEY, certificate)
    told: dict[str, object] = {
        "name": "disk & more",
        "kind": "machine",
        "architecture": "x86_64",
        "sha1": "0" * 40,
        "size_bytes": 7,
        "bundled_bytes": 9,
        "for_cloud": locked,
        "for_user": locked,
        "parts": (Part("disk.part.0", "a" * 40),),
    }
    return Manifest(**told | said)  # type: ignore[arg-type]


def test_a_manifest_says_what_was_said(cloud: tuple[bytes, bytes]) -> None:
    told = manifest(cloud[1], kernel_id="aki-12345678", ramdisk_id="eri-12345678")
    assert bundles.parse(bundles.render(told)) == told
    kernel = manifest(cloud[1], kind="kernel")
    assert b"<kernel_id>true</kernel_id>" in bundles.render(kernel)
    assert bundles.parse(bundles.render(kernel)).kind == "kernel"


def test_a_key_is_the_clouds_alone(cloud: tuple[bytes, bytes]) -> None:
    locked = bundles.lock(KEY, cloud[1])
    assert bundles.unlock(locked, cloud[0]) == KEY
    with pytest.raises(NotABundle, match="another cloud"):
        bundles.unlock(locked, pair()[0])


def test_parts_are_those_that_were_cut() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.update(gzip.compress(b"it" * 1000)) + sealer.finish()
    cut = [sealed[:40], sealed[40:]]
    parts = [Part(f"p{at}", hashlib.sha1(data).hexdigest()) for at, data in enumerate(cut)]
    both = list(zip(parts, cut, strict=True))
    assert gzip.decompress(b"".join(bundles.open_parts(both, KEY))) == b"it" * 1000
    with pytest.raises(NotABundle, match="checksum of p1"):
        list(bundles.open_parts([both[0], (parts[1], b"else")], KEY))
    with pytest.raises(NotABundle, match="do not fit"):
        list(bundles.open_parts(both[:1], KEY))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"<manifest>", b"<!DOCTYPE x><manifest>", "document type"),
        (b"</manifest>", b"", "cannot be read"),
        (b"disk.part.0", b"../../etc/shadow", "is no part"),
        (b"disk.part.0", b"/etc/shadow", "is no part"),
        (b"<type>machine", b"<type>floppy", "no kind of image"),
        (b"x86_64", b"vax", "architecture"),
        (b"<size>7", b"<size>-7", "for a size"),
        (b"manifest>", b"other>", "does not begin"),
    ],
)
def test_a_manifest_that_says_else_is_refused(
    cloud: tuple[bytes, bytes], old: bytes, new: bytes, words: str
) -> None:
    data = bundles.render(manifest(cloud[1])).replace(old, new)
    with pytest.raises(NotABundle, match=words):
        bundles.parse(data)


def test_a_document_type_is_seen_in_whichever_encoding(cloud: tuple[bytes, bytes]) -> None:
    text = bundles.render(manifest(cloud[1])).decode()
    hidden = text.replace("UTF-8", "UTF-16").replace(
        "?>\n", '?>\n<!DOCTYPE x [<!ENTITY a "b">]>', 1
    )
    with pytest.raises(NotABundle, match="cannot be read"):
        bundles.parse(hidden.encode("utf-16"))
