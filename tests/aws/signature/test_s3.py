"""S3's signatures against botocore as the oracle: what it signs holds, and nothing else does."""

import datetime
from dataclasses import replace
from typing import Any
from unittest import mock
from urllib.parse import quote, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.aws import errors
from mallee.aws.signature import hoisted, s3
from mallee.aws.signature.claims import Scheme
from tests.aws.codec.oracle import refusal
from tests.aws.signature.wires import KEY_ID, NOW, SECRET, Wire, clock_at

SIGNERS = {
    "v4": lambda who: botocore.auth.S3SigV4Auth(who, "s3", "us-east-1"),
    "v4 query": lambda who: botocore.auth.S3SigV4QueryAuth(who, "s3", "us-east-1", expires=600),
    "v2": botocore.auth.HmacV1Auth,
    "v2 query": lambda who: botocore.auth.HmacV1QueryAuth(who, expires=600),
}
EVERY = pytest.mark.parametrize("signer", SIGNERS)
PATH = "/bucket/a%20key//..%2F%C3%A9~(x)"


def sign(
    signer: str, wire: Wire, *, token: str | None = None, host: str = "s3.example:8773"
) -> Wire:
    """Let botocore sign, and return what it would put on the wire."""
    url = f"http://{host}{wire.path}" + (f"?{wire.query}" if wire.query else "")
    request = AWSRequest(wire.method, url, dict(wire.headers), wire.body)
    request.auth_path = None
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    with clock_at(NOW), mock.patch("time.time", return_value=NOW), _date(moment):
        SIGNERS[signer](Credentials(KEY_ID, SECRET, token)).add_auth(request)
    parts = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.setdefault("host", host)
    return Wire(wire.method, parts.path, parts.query, headers, wire.body)


def _date(moment: datetime.datetime) -> Any:
    return mock.patch(
        "botocore.auth.formatdate", return_value=moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
    )


def verify(wire: Wire, *, now: float = NOW, secret: str = SECRET, host_bucket: str = "") -> None:
    claim = s3.parse(wire)
    assert claim is not None
    assert claim.access_key_id == KEY_ID
    s3.verify(claim, secret, now, host_bucket)


keys = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8)


@EVERY
@settings(deadline=None, max_examples=60)
@given(key=keys, value=keys, method=st.sampled_from(["GET", "PUT", "DELETE"]))
def test_every_request_that_botocore_signs_holds(
    signer: str, key: str, value: str, method: str
) -> None:
    path = "/bucket/" + quote(key, safe="/-_.~")
    wire = Wire(method, path, f"prefix={quote(value, safe='')}&acl")
    verify(sign(signer, wire))


@EVERY
def test_anything_altered_is_refused(signer: str) -> None:
    wire = Wire("PUT", PATH, "versionId=7&acl", {"x-amz-meta-a": "b  c", "content-md5": "abc="})
    signed = sign(signer, wire)
    verify(signed)
    for altered in (
        replace(signed, method="DELETE"),
        replace(signed, path=signed.path + "x"),
        replace(signed, path=signed.path.replace("//", "/")),
        replace(signed, query=signed.query.replace("versionId=7", "versionId=8")),
        replace(signed, query=signed.query.replace("acl", "policy")),
        replace(signed, query=signed.query + "&tagging"),
        replace(signed, query=signed.query + "&encryption"),
        replace(signed, headers={**signed.headers, "x-amz-meta-b": "x"}),
        replace(signed, headers={**signed.headers, "x-amz-copy-source": "/b/k"}),
    ):
        error = refusal(lambda altered=altered: verify(altered))
        assert error.status in (400, 403), altered
    assert refusal(lambda: verify(signed, secret="other")).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("signer", ["v2", "v2 query"])
def test_the_hosts_bucket_is_before_the_path_of_version_2(signer: str) -> None:
    by_path = sign(signer, Wire("GET", "/bucket/key"))
    by_host = replace(by_path, path="/key")
    verify(by_host, host_bucket="bucket")
    error = refusal(lambda: verify(by_host, host_bucket="other"))
    assert error.code == "SignatureDoesNotMatch"


@EVERY
def test_times_outside_the_window_are_refused(signer: str) -> None:
    signed = sign(signer, Wire("GET", PATH))
    is_link = "query" in signer
    verify(signed, now=NOW + (599 if is_link else 899))
    late = refusal(lambda: verify(signed, now=NOW + 901))
    assert late.code == ("AccessDenied" if is_link else "RequestTimeTooSkewed")
    assert late.status == 403
    if signer != "v2 query":
        early = refusal(lambda: verify(signed, now=NOW - 901))
        assert early.code == late.code


@EVERY
def test_the_token_is_signed(signer: str) -> None:
    signed = sign(signer, Wire("GET", PATH), token="token/+=")
    claim = s3.parse(signed)
    assert claim is not None
    assert claim.session_token == "token/+="
    verify(signed)
    altered = replace(
        signed,
        query=signed.query.replace("token/", "taken/").replace("token%2F", "taken%2F"),
        headers={
            name: value.replace("token/", "taken/").replace("token%2F", "taken%2F")
            for name, value in signed.headers.items()
        },
    )
    assert refusal(lambda: verify(altered)).code == "SignatureDoesNotMatch"


def test_headers_may_stand_in_the_query_of_a_link() -> None:
    wire = Wire("PUT", PATH, "x-amz-acl=public-read&x-amz-meta-colour=red")
    verify(sign("v4 query", wire))
    headers = {"x-amz-acl": "public-read", "content-md5": "abc=", "content-type": "text/plain"}
    signed = sign("v2 query", Wire("PUT", PATH, "", headers))
    verify(replace(signed, headers={"host": "x"}))


@pytest.mark.parametrize(
    "query",
    [
        "x-amz-meta-a=1%0Ax-amz-object-lock-mode:COMPLIANCE",
        "x-amz-meta-a=%0D%0AB:%20c",
        "x-amz-meta-a%0A=1",
        "x-amz-meta-a%3A%20b=1",
        "content-type=text/html%0D%0AB:%20c",
        "x-amz-website-redirect-location=/a%0D%0AB:%20c",
        "x-amz-meta-a=%00",
    ],
)
def test_what_could_be_no_header_stands_in_no_query(query: str) -> None:
    """Two signed headers of version 2 would else be one with the other in its value."""
    wire = Wire("PUT", PATH, query, {"host": "x"})
    assert refusal(lambda: hoisted.headers_of(wire)).code == "InvalidArgument"


def test_a_request_without_a_signature_is_nobodys() -> None:
    assert s3.parse(Wire("GET", PATH, "prefix=Signature", {"host": "x"})) is None


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ("Signature=a", {}, "AccessDenied"),
        ("AWSAccessKeyId=a&Signature=b&Expires=soon", {}, "AccessDenied"),
        ("AWSAccessKeyId=a&AWSAccessKeyId=b&Signature=b&Expires=1", {}, "AccessDenied"),
        ("X-Amz-Signature=0", {}, "AuthorizationQueryParametersError"),
        ("X-Amz-Signature=0&Signature=1", {}, "InvalidArgument"),
        ("Signature=1", {"authorization": "AWS a:b"}, "InvalidArgument"),
        ("", {"authorization": "Basic abc"}, "InvalidArgument"),
        ("", {"authorization": "AWS abc"}, "InvalidArgument"),
        ("", {"authorization": "AWS a:b"}, "AccessDenied"),
        ("", {"authorization": "AWS4-HMAC-SHA256 x"}, "AuthorizationHeaderMalformed"),
        ("", {"authorization": "AWS4-ECDSA-P256-SHA256 x"}, "AuthorizationHeaderMalformed"),
    ],
)
def test_half_a_signature_is_refused(query: str, headers: dict[str, str], code: str) -> None:
    wire = Wire("GET", "/b/k", query, {"host": "x", **headers})
    assert refusal(lambda: s3.parse(wire)).code == code


@pytest.mark.parametrize(
    ("old", "new"),
    [("/s3/", "/ec2/"), ("20261121/", "20261120/"), ("aws4_request", "aws5_request")],
)
@pytest.mark.parametrize("signer", ["v4", "v4 query"])
def test_a_scope_of_something_else_is_refused(signer: str, old: str, new: str) -> None:
    signed = sign(signer, Wire("GET", PATH))
    authorization = signed.headers.get("authorization", "").replace(old, new)
    headers = {**signed.headers, **({"authorization": authorization} if authorization else {})}
    query = signed.query.replace(quote(old, safe=""), quote(new, safe=""))
    error = refusal(lambda: verify(replace(signed, headers=headers, query=query)))
    assert error.code in ("AuthorizationHeaderMalformed", "AuthorizationQueryParametersError")


def test_what_vouches_for_the_body_is_known() -> None:
    claim = s3.parse(sign("v4", Wire("PUT", PATH)))
    assert claim is not None

    def payload(said: str | None, **headers: str) -> s3.Payload:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if said is not None:
            given[s3.SHA256_HEADER] = said
        return s3.payload_of(Wire("PUT", PATH, "", {"host": "x", **given}), claim)

    assert payload("UNSIGNED-PAYLOAD").mode is s3.Mode.UNSIGNED
    assert payload("AB" * 32) == s3.Payload(s3.Mode.SHA256, sha256="ab" * 32)
    length = {"x_amz_decoded_content_length": "66"}
    assert payload(s3.Mode.CHUNKS.value, **length).decoded_length == 66
    trailing = payload(
        s3.Mode.UNSIGNED_TRAILER.value, x_amz_trailer=" X-Amz-Checksum-Crc32 ", **length
    )
    assert trailing.trailers == ("x-amz-checksum-crc32",)
    assert refusal(lambda: payload(None)).code == "InvalidRequest"
    assert refusal(lambda: payload("abc")).code == "InvalidArgument"
    assert refusal(lambda: payload(s3.Mode.CHUNKS.value)).code == "MissingContentLength"
    sigv4a = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
    assert refusal(lambda: payload(sigv4a, **length)).code == "InvalidRequest"
    for trailer in ("a,a", "a b", "é"):
        wrong = refusal(
            lambda trailer=trailer: payload(
                s3.Mode.UNSIGNED_TRAILER.value, x_amz_trailer=trailer, **length
            )
        )
        assert wrong.code == "InvalidRequest"


def test_an_unsigned_body_may_be_wrapped_too() -> None:
    wrapped = {"content-encoding": "gzip, aws-chunked", "x-amz-decoded-content-length": "5"}
    for said in ({}, {s3.SHA256_HEADER: "UNSIGNED-PAYLOAD"}):
        payload = s3.payload_of(Wire("PUT", PATH, "", {"host": "x", **wrapped, **said}), None)
        assert (payload.mode, payload.decoded_length) == (s3.Mode.UNSIGNED_TRAILER, 5)
    plain = {"host": "x", "content-encoding": "aws-chunked"}
    assert s3.payload_of(Wire("PUT", PATH, "", plain), None).mode is s3.Mode.UNSIGNED


def test_nobody_signs_chunks_without_a_key_of_version_4() -> None:
    headers = {
        "host": "x",
        s3.SHA256_HEADER: s3.Mode.CHUNKS.value,
        "x-amz-decoded-content-length": "1",
    }
    wire = Wire("PUT", PATH, "", headers)
    old = s3.parse(sign("v2", Wire("PUT", PATH)))
    assert old is not None
    assert old.scheme is Scheme.V2_OF_S3
    assert refusal(lambda: s3.payload_of(wire, None)).code == "InvalidRequest"
    assert refusal(lambda: s3.payload_of(wire, old)).code == "InvalidRequest"
    unsigned = Wire("PUT", PATH, "", {"host": "x"})
    assert s3.payload_of(unsigned, None).mode is s3.Mode.UNSIGNED


@settings(deadline=None, max_examples=200)
@given(
    query=st.text(st.sampled_from("AWSccessKeyIdSignatureExpires&=X-Amz-%41+é"), max_size=60),
    authorization=st.text(max_size=60),
)
def test_garbage_is_refused_in_order(query: str, authorization: str) -> None:
    for headers in ({}, {"authorization": authorization}, {"authorization": f"AWS {query}"}):
        wire = Wire("GET", "/b/k", query, {"host": "x", **headers})
        try:
            claim = s3.parse(wire)
            if claim is not None:
                s3.verify(claim, SECRET, NOW)
        except errors.AwsError:
            continue
        assert claim is None
