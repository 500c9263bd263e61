"""Checksums are AWS's, however the bytes are cut, and CRCs of parts are that of the whole."""

import base64

import pytest
from awscrt import checksums as crt
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.aws import checksums, model
from mallee.aws.checksums import Algorithm

EVERY = pytest.mark.parametrize("algorithm", Algorithm, ids=lambda algorithm: algorithm.value)

KNOWN = {
    Algorithm.CRC32: "cbf43926",
    Algorithm.CRC32C: "e3069283",
    Algorithm.CRC64NVME: "ae8b14860a799888",
    Algorithm.SHA1: "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    Algorithm.MD5: "25f9e794323b453885f5181f1b624d0b",
    Algorithm.XXHASH64: "8cb841db40e6ae83",
}
"""Of the text 123456789, as the catalogues of checksums have it."""


@pytest.mark.parametrize("algorithm", KNOWN, ids=lambda algorithm: algorithm.value)
def test_values_are_the_catalogues(algorithm: Algorithm) -> None:
    assert checksums.of(algorithm, b"123456789").hex() == KNOWN[algorithm]


def test_xxhashes_are_written_as_the_library_of_amazon_does() -> None:
    data = b"123456789"
    assert checksums.of(Algorithm.XXHASH3, data) == crt.XXHash.compute_xxhash3_64(data)
    assert checksums.of(Algorithm.XXHASH128, data) == crt.XXHash.compute_xxhash3_128(data)


def test_the_model_knows_these_algorithms_and_no_other() -> None:
    service = model.load("s3")
    assert set(service.shape("ChecksumAlgorithm").enum) == {one.value for one in Algorithm}
    members = service.shape("PutObjectRequest").members
    for algorithm in Algorithm:
        assert (members[algorithm.member].location_name or "").lower() == algorithm.header


@EVERY
@settings(deadline=None, max_examples=50)
@given(pieces=st.lists(st.binary(max_size=100), max_size=5))
def test_how_bytes_are_cut_is_nothing(algorithm: Algorithm, pieces: list[bytes]) -> None:
    hasher = checksums.new(algorithm)
    for piece in pieces:
        hasher.update(memoryview(bytearray(piece)))
        hasher.digest()
    assert hasher.digest() == checksums.of(algorithm, b"".join(pieces))


@pytest.mark.parametrize("algorithm", [one for one in Algorithm if one.combines])
@settings(deadline=None, max_examples=100)
@given(pieces=st.lists(st.binary(max_size=100), max_size=5))
def test_parts_combine_to_the_whole(algorithm: Algorithm, pieces: list[bytes]) -> None:
    parts = [(checksums.of(algorithm, piece), len(piece)) for piece in pieces]
    assert checksums.combine(algorithm, parts) == checksums.of(algorithm, b"".join(pieces))


def test_digests_that_do_not_combine_are_refused() -> None:
    with pytest.raises(KeyError):
        checksums.combine(Algorithm.SHA256, [])


@EVERY
def test_a_composite_tells_the_number_of_parts(algorithm: Algorithm) -> None:
    digests = [checksums.of(algorithm, b"a"), checksums.of(algorithm, b"b")]
    value, _, count = checksums.composite(algorithm, digests).rpartition("-")
    assert count == "2"
    assert base64.b64decode(value) == checksums.of(algorithm, digests[0] + digests[1])


@EVERY
def test_values_are_read_as_they_are_written(algorithm: Algorithm) -> None:
    digest = checksums.of(algorithm, b"x")
    text = checksums.encode(digest)
    assert checksums.decode(algorithm, text) == digest
    for wrong in (text[:-4], text + "AAAA", "", "é" * 8, text.replace("=", "") + "\n", "%"):
        with pytest.raises(checksums.Malformed):
            checksums.decode(algorithm, wrong)


def test_a_body_has_one_checksum() -> None:
    crc = checksums.encode(checksums.of(Algorithm.CRC32C, b"x"))
    assert checksums.given({"Key": "k"}) is None
    found = checksums.in_headers({"x-amz-checksum-crc32c": f" {crc} "})
    assert found == checksums.Given(Algorithm.CRC32C, checksums.of(Algorithm.CRC32C, b"x"))
    with pytest.raises(checksums.Several):
        checksums.given({"ChecksumCRC32C": crc, "ChecksumCRC32": crc})
    assert checksums.of_header(" X-Amz-Checksum-SHA256 ") is Algorithm.SHA256
    assert checksums.of_header("x-amz-checksum-crc") is None
