"""Several authorities in one file: the first signs, all are trusted, and who left is not."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mallee.kit import authorities, pki
from mallee.kit.authorities import Authorities

NOW = 1_800_000_000.0


def certificate(of: pki.Authority) -> bytes:
    request = pki.make_request("host")
    issued = pki.issue(of, request.csr_pem, pki.Grant(name="host", now=NOW, life_s=60.0))
    return x509.load_pem_x509_certificate(issued).public_bytes(Encoding.DER)


def test_the_first_is_made_once(tmp_path: Path) -> None:
    made = authorities.load_or_create(tmp_path / "file", NOW)
    again = authorities.load_or_create(tmp_path / "file", NOW)
    assert made.ids == again.ids == authorities.ids_of(made.bundle_pem.encode())
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_the_first_signs_and_all_are_trusted(tmp_path: Path) -> None:
    all = authorities.load_or_create(tmp_path / "file", NOW)
    new, stranger = pki.create_authority("new", NOW), pki.create_authority("mallee", NOW)
    former, heard = all.signer, list[int]()
    all.changed.append(lambda: heard.append(len(all.ids)))
    all.choose((authorities.id_of(new), *all.ids), (new,))
    assert all.signer == new
    assert heard == [2]
    assert all.issued(certificate(former))
    assert all.issued(certificate(new))
    assert not all.issued(certificate(stranger))
    all.choose((authorities.id_of(new),))
    assert not all.issued(certificate(former))
    assert all.issued(certificate(new))
    assert all.text_of(authorities.id_of(former)) is None


def test_a_name_alone_makes_nobody_an_authority(tmp_path: Path) -> None:
    all = authorities.load_or_create(tmp_path / "file", NOW)
    name = all.signer.certificate.subject.rfc4514_string().removeprefix("CN=")
    assert not all.issued(certificate(pki.create_authority(name, NOW)))


def test_another_process_notices(tmp_path: Path) -> None:
    writes = authorities.load_or_create(tmp_path / "file", NOW)
    reads = Authorities(tmp_path / "file")
    new = pki.create_authority("new", NOW)
    writes.choose((*writes.ids, authorities.id_of(new)), (new,))
    reads.refresh()
    assert reads.ids == writes.ids
    assert reads.signer.certificate == writes.signer.certificate


def test_a_file_without_any_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(pki.BadCertificate, match="no certificate"):
        Authorities(tmp_path / "file")
