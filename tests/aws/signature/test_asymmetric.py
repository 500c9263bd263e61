"""Signature Version 4A: what the AWS runtime signs holds, altered nothing does, nor for others."""

import datetime
import hashlib
from dataclasses import replace
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import botocore.auth  # noqa: F401 - before what is made of it
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.crt import auth
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from mallee.aws import checksums
from mallee.aws.signature import asymmetric, s3, streaming
from mallee.aws.signature.s3 import Mode, Payload
from tests.aws.codec.oracle import refusal
from tests.aws.signature.wires import KEY_ID, NOW, SECRET, Wire

SIGNERS = {
    "header": lambda who: auth.CrtS3SigV4AsymAuth(who, "s3", "us-east-1"),
    "query": lambda who: auth.CrtS3SigV4AsymQueryAuth(who, "s3", "*", expires=600),
}
EVERY = pytest.mark.parametrize("signer", SIGNERS)
PATH = "/bucket/a%20key//..%2F%C3%A9~"


def sign(signer: str, wire: Wire, token: str | None = None) -> Wire:
    """Let the AWS runtime sign, and return what it would put on the wire."""
    url = f"http://s3.example:8773{wire.path}" + (f"?{wire.query}" if wire.query else "")
    request = AWSRequest(wire.method, url, dict(wire.headers), wire.body)
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    with mock.patch("botocore.crt.auth.get_current_datetime", return_value=moment):
        SIGNERS[signer](Credentials(KEY_ID, SECRET, token)).add_auth(request)
    parts = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.setdefault("host", "s3.example:8773")
    return Wire(wire.method, parts.path, parts.query, headers, wire.body)


def verify(wire: Wire, *, now: float = NOW, secret: str = SECRET) -> Any:
    claim = s3.parse(wire)
    assert claim is not None
    assert (claim.access_key_id, claim.region) == (KEY_ID, None)
    s3.verify(claim, secret, now)
    return claim


def test_the_pair_follows_from_the_key_as_amazon_has_it() -> None:
    found = asymmetric.public_key(
        "AKISORANDOMAASORANDOM", "q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom"
    ).public_numbers()
    assert f"{found.x:064X}" == "15D242CEEBF8D8169FD6A8B5A746C41140414C3B07579038DA06AF89190FFFCB"
    assert f"{found.y:064X}" == "0515242CEDD82E94799482E4C0514B505AFCCF2C0C98D6A553BF539F424C5EC0"


@EVERY
def test_what_is_signed_holds_and_nothing_altered_does(signer: str) -> None:
    headers = {"x-amz-meta-a": "b  c"} if signer == "header" else {}
    signed = sign(signer, Wire("PUT", PATH, "versionId=7&acl", headers), token="to/ken")
    assert verify(signed).session_token == "to/ken"
    where = (signed.query or "") + signed.headers.get("authorization", "")
    assert asymmetric.ALGORITHM in where
    for altered in (
        replace(signed, method="DELETE"),
        replace(signed, path=signed.path + "x"),
        replace(signed, query=signed.query.replace("versionId=7", "versionId=8")),
        replace(signed, query=signed.query + "&tagging"),
        replace(signed, headers={**signed.headers, "x-amz-meta-b": "x"}),
    ):
        assert refusal(lambda altered=altered: verify(altered)).status in (400, 403), altered
    assert refusal(lambda: verify(signed, secret="other")).code == "SignatureDoesNotMatch"
    late = refusal(lambda: verify(signed, now=NOW + 901))
    assert late.code in ("AccessDenied", "RequestTimeTooSkewed")


@EVERY
def test_regions_must_be_named_and_are_signed(signer: str) -> None:
    signed = sign(signer, Wire("GET", PATH))
    without = {name: value for name, value in signed.headers.items() if name != asymmetric.REGIONS}
    query = signed.query.replace("X-Amz-Region-Set=", "X-Other=")
    code = refusal(lambda: s3.parse(replace(signed, headers=without, query=query))).code
    assert code in ("AuthorizationHeaderMalformed", "AuthorizationQueryParametersError")
    other = {**signed.headers}
    if signer == "header":
        other[asymmetric.REGIONS] = "eu-west-1"
    else:
        query = signed.query.replace("X-Amz-Region-Set=%2A", "X-Amz-Region-Set=eu-west-1")
    altered = replace(signed, headers=other, query=query if signer == "query" else "")
    assert refusal(lambda: verify(altered)).code == "SignatureDoesNotMatch"


def test_a_signature_of_one_kind_is_none_of_the_other() -> None:
    signed = sign("header", Wire("GET", PATH))
    text = signed.headers["authorization"].replace("ECDSA-P256", "HMAC")
    claimed = replace(signed, headers={**signed.headers, "authorization": text})
    assert refusal(lambda: verify(claimed)).code == "AuthorizationHeaderMalformed"


OBJECT = b"a" * 66_560
CRC = checksums.encode(checksums.of(checksums.Algorithm.CRC32C, OBJECT))
TRAILED = Payload(
    Mode.ECDSA_CHUNKS_TRAILER, decoded_length=len(OBJECT), trailers=("x-amz-checksum-crc32c",)
)


def _body(seed: s3.Seed) -> bytes:
    """The object in chunks that are signed one after the other, as the manual has it."""
    number = asymmetric.secret_number(KEY_ID, SECRET)
    key = ec.derive_private_key(number, ec.SECP256R1())

    def sign_next(kind: str, before: str, *lines: str) -> str:
        text = "\n".join((f"{asymmetric.ALGORITHM}-{kind}", seed.timestamp, seed.scope, before))
        whole = "\n".join((text, *lines)).encode()
        return key.sign(whole, ec.ECDSA(hashes.SHA256())).hex()

    empty, signature, out = hashlib.sha256(b"").hexdigest(), seed.signature, b""
    for data in (OBJECT[:65536], OBJECT[65536:], b""):
        digest = hashlib.sha256(data).hexdigest()
        signature = sign_next("PAYLOAD", signature, empty, digest)
        end = b"\r\n" if data else b""
        filled = signature.ljust(144, "*").encode()
        out += b"%x;chunk-signature=%s\r\n%s%s" % (len(data), filled, data, end)
    trailer = f"x-amz-checksum-crc32c:{CRC}\n"
    last = sign_next("TRAILER", signature, hashlib.sha256(trailer.encode()).hexdigest())
    return out + f"{trailer[:-1]}\r\nx-amz-trailer-signature:{last}\r\n\r\n".encode()


def test_chunks_go_on_from_the_signature_of_the_head() -> None:
    claim = verify(sign("header", Wire("PUT", PATH)))
    seed = s3.seed_of(claim, SECRET)
    body = _body(seed)

    def read(data: bytes) -> bytes:
        decoder = streaming.Decoder(TRAILED, seed)
        out = b"".join(map(bytes, decoder.feed(data)))
        assert decoder.finish() == {"x-amz-checksum-crc32c": CRC}
        return out

    assert read(body) == OBJECT
    for place in (body.index(b"aaa"), body.index(b"chunk-signature=") + 30, len(body) - 10):
        altered = bytearray(body)
        altered[place] ^= 1
        assert refusal(lambda altered=bytes(altered): read(altered)).status in (400, 403)
    swapped = body.replace(CRC.encode(), b"AAAAAA==")
    assert refusal(lambda: read(swapped)).code == "SignatureDoesNotMatch"


def test_chunks_of_pairs_need_a_head_of_pairs() -> None:
    headers = {"x-amz-decoded-content-length": "5", s3.SHA256_HEADER: Mode.ECDSA_CHUNKS.value}
    wire = Wire("PUT", PATH, "", {"host": "x", **headers})
    claim = verify(sign("header", Wire("PUT", PATH)))
    assert s3.payload_of(wire, claim).mode is Mode.ECDSA_CHUNKS
    other = replace(claim, algorithm="AWS4-HMAC-SHA256")
    assert refusal(lambda: s3.payload_of(wire, other)).code == "InvalidRequest"
    assert refusal(lambda: s3.payload_of(wire, None)).code == "InvalidRequest"
