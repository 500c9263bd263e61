"""Signatures against botocore as the oracle: what it signs holds, and nothing else does."""

import base64
import hmac
from dataclasses import replace
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from mallee.aws import errors
from mallee.aws.signature import check, claims
from tests.aws.signature.wires import (
    FORM,
    GET,
    KEY_ID,
    NOW,
    POST,
    SECRET,
    V2,
    V4,
    V4_QUERY,
    Wire,
    clock_at,
    sign,
)


def verify(wire: Wire, *, service: str = "sts", now: float = NOW, secret: str = SECRET) -> None:
    claim = claims.parse(wire, service)
    assert claim.access_key_id == KEY_ID
    check.verify(claim, secret, now)


text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
encoded = text.map(lambda value: quote(value, safe="-_.~"))
paths = st.lists(
    st.one_of(encoded, st.sampled_from(["", ".", "..", "a b", "~x", "%41"])), max_size=4
)
paths = paths.map(lambda parts: "/" + "/".join(quote(part, safe="%~.") for part in parts))
queries = st.lists(
    st.tuples(
        st.text("abAB-._~ ", min_size=1, max_size=3).map(lambda n: quote(n, safe="")), encoded
    ),
    max_size=5,
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
header_maps = st.dictionaries(
    st.sampled_from(["x-amz-meta-a", "x-amz-b", "x-other", "accept"]), values, max_size=4
)


@given(paths, queries, header_maps, st.binary(max_size=30), st.sampled_from(["GET", "POST", "PUT"]))
def test_every_request_that_botocore_signs_holds(
    path: str, query: str, headers: dict[str, str], body: bytes, method: str
) -> None:
    verify(sign(V4, Wire(method, path, query, headers, body), token="session"))


@given(paths, queries)
def test_every_url_that_botocore_presigns_holds(path: str, query: str) -> None:
    verify(sign(V4_QUERY, Wire("GET", path, query)))


@given(st.dictionaries(st.text("abAB.0_", min_size=1, max_size=5), text, max_size=5))
def test_every_request_that_botocore_signs_by_version_2_holds(parameters: dict[str, str]) -> None:
    who = Credentials(KEY_ID, SECRET)
    aws = AWSRequest("GET", "http://cloud.example:8773/", params=dict(parameters))
    with clock_at(NOW):
        V2(who).add_auth(aws)
    for space in ("%20", "+"):
        pairs = [
            f"{quote(k, '')}={quote(v, '').replace('%20', space)}" for k, v in aws.params.items()
        ]
        wire = Wire("GET", "/", "&".join(pairs), {"host": "cloud.example:8773"})
        verify(wire)
        with pytest.raises(errors.SignatureDoesNotMatch):
            verify(replace(wire, query=wire.query + "&more=1"))


def test_version_2_in_a_form_and_with_sha1_holds() -> None:
    query = sign(V2, replace(GET, body=b"")).query
    headers = {"host": "cloud.example:8773", **FORM}
    with pytest.raises(errors.SignatureDoesNotMatch):
        verify(Wire("POST", "/", headers=headers, body=query.encode()))
    for name, digest in (("HmacSHA256", "sha256"), ("HmacSHA1", "sha1")):
        base = f"AWSAccessKeyId={KEY_ID}&Action=X&SignatureMethod={name}&SignatureVersion=2"
        base += "&Timestamp=2026-11-21T08%3A00%3A00Z"
        to_sign = f"POST\ncloud.example:8773\n/\n{base}".encode()
        mac = base64.b64encode(hmac.new(SECRET.encode(), to_sign, digest).digest()).decode()
        body = f"{base}&Signature={quote(mac, '')}".encode()
        verify(Wire("POST", "/", headers=headers, body=body))


@pytest.mark.parametrize(
    "forge",
    [
        lambda w: replace(w, method="GET"),
        lambda w: replace(w, path="/other"),
        lambda w: replace(w, query="a=1"),
        lambda w: replace(w, body=w.body + b"&x=1"),
        lambda w: replace(w, headers=w.headers | {"host": "evil.example"}),
        lambda w: replace(w, headers=w.headers | {"x-amz-date": "20261121T080001Z"}),
        lambda w: replace(w, headers=w.headers | {"x-amz-security-token": "other"}),
        lambda w: (
            replace(w, headers=w.headers | {"authorization": w.headers["authorization"][:-1] + "0"})
            if not w.headers["authorization"].endswith("0")
            else replace(
                w, headers=w.headers | {"authorization": w.headers["authorization"][:-1] + "1"}
            )
        ),
        lambda w: replace(
            w,
            headers=w.headers
            | {"authorization": w.headers["authorization"].replace("us-east-1", "eu-west-1")},
        ),
    ],
)
@pytest.mark.parametrize(
    ("service", "error"), [("sts", errors.SignatureDoesNotMatch), ("ec2", errors.AuthFailure)]
)
def test_a_request_forged_in_any_part_is_refused(forge, service, error) -> None:  # type: ignore[no-untyped-def]
    wire = sign(V4, POST, service=service, token="session")
    verify(wire, service=service)
    with pytest.raises(error):
        verify(forge(wire), service=service)
    with pytest.raises(error):
        verify(wire, service=service, secret=SECRET + "x")


@pytest.mark.parametrize("part", ["Date", "Expires", "SignedHeaders", "Signature", "Credential"])
def test_a_presigned_url_forged_in_any_part_is_refused(part: str) -> None:
    wire = sign(V4_QUERY, GET)
    name = f"X-Amz-{part}="
    forged = {
        "Date": "20261121T080001Z",
        "Expires": "3599",
        "SignedHeaders": "accept%3Bhost",
        "Signature": "0" * 64,
        "Credential": f"{KEY_ID}%2F20261121%2Feu-west-1%2Fsts%2Faws4_request",
    }[part]
    parts = [name + forged if item.startswith(name) else item for item in wire.query.split("&")]
    changed = replace(wire, query="&".join(parts), headers=wire.headers | {"accept": "x"})
    with pytest.raises(errors.SignatureDoesNotMatch):
        verify(changed)


def test_clocks_may_differ_by_fifteen_minutes_both_ways() -> None:
    wire = sign(V4, POST)
    verify(wire, now=NOW + 900)
    verify(wire, now=NOW - 900)
    with pytest.raises(errors.SignatureExpired) as caught:
        verify(wire, now=NOW + 901)
    assert caught.value.message == (
        "Signature expired: 20261121T080000Z is now earlier than 20261121T080001Z "
        "(20261121T081501Z - 15 min.)"
    )
    with pytest.raises(errors.SignatureExpired, match="not yet current: 20261121T080000Z"):
        verify(wire, now=NOW - 901)


def test_ec2_has_its_own_words_for_the_clock() -> None:
    for now in (NOW + 901, NOW - 901):
        with pytest.raises(errors.RequestExpired):
            verify(sign(V4, POST, service="ec2"), service="ec2", now=now)


def test_a_presigned_url_lives_as_long_as_it_says() -> None:
    wire = sign(V4_QUERY, GET)
    verify(wire, now=NOW + 3600)
    with pytest.raises(errors.SignatureExpired, match="is now earlier than"):
        verify(wire, now=NOW + 3601)
    with pytest.raises(errors.SignatureExpired, match="not yet current"):
        verify(wire, now=NOW - 901)


def test_a_version_2_request_that_expires_holds_until_then() -> None:
    base = f"AWSAccessKeyId={KEY_ID}&Action=X&Expires=2026-11-21T09%3A00%3A00Z"
    base += "&SignatureMethod=HmacSHA256&SignatureVersion=2"
    to_sign = f"GET\ncloud.example:8773\n/\n{base}".encode()
    mac = base64.b64encode(hmac.new(SECRET.encode(), to_sign, "sha256").digest()).decode()
    query = f"{base}&Signature={quote(mac, '')}"
    wire = Wire("GET", "/", query, {"host": "cloud.example:8773"})
    verify(wire, now=NOW + 3600)
    with pytest.raises(errors.SignatureExpired):
        verify(wire, now=NOW + 3601)


def test_the_scope_must_name_the_service_the_date_and_its_end() -> None:
    wire = sign(V4, POST)
    with pytest.raises(errors.SignatureExpired, match="correct service: 'iam'"):
        verify(wire, service="iam")
    for old, new, words in (
        ("/20261121/", "/20261120/", "Date in Credential scope does not match"),
        ("aws4_request", "aws5_request", "valid terminator"),
    ):
        header = wire.headers["authorization"].replace(old, new)
        with pytest.raises(errors.SignatureExpired, match=words):
            verify(replace(wire, headers=wire.headers | {"authorization": header}))


def test_the_payload_hash_that_is_sent_must_be_that_of_the_body() -> None:
    wire = sign(botocore.auth.S3SigV4Auth, POST, service="sts")
    said = wire.headers["x-amz-content-sha256"]
    assert said == check.canonical.sha256_hex(POST.body)
    verify(wire)
    with pytest.raises(errors.SignatureDoesNotMatch):
        verify(replace(wire, body=b"Action=Other"))


def test_a_claim_shows_neither_signature_nor_token() -> None:
    wire = sign(V4, POST, token="session-token")
    claim = claims.parse(wire, "sts")
    assert claim.session_token == "session-token"
    assert claim.region == "us-east-1"
    assert claim.signature not in repr(claim)
    assert "session-token" not in repr(claim)
