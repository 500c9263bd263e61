from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.aws import errors
from mallee.aws.signature import check, claims
from tests.aws.signature.wires import GET, NOW, POST, V2, V4, V4_QUERY, Wire, sign

BARE = Wire("POST", "/", headers={"host": "cloud.example"}, body=b"")


def _with(wire: Wire, **headers: str) -> Wire:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(wire, headers=wire.headers | named)


def test_there_is_no_anonymous_call() -> None:
    with pytest.raises(errors.MissingAuthenticationToken):
        claims.parse(BARE, "sts")


def test_two_signatures_in_one_request_are_refused() -> None:
    header, query, old = sign(V4, GET), sign(V4_QUERY, GET), sign(V2, GET)
    for wire in (
        replace(header, query=query.query),
        replace(header, query=old.query),
        replace(query, query=query.query + "&" + old.query),
    ):
        with pytest.raises(errors.IncompleteSignature, match="Only one auth mechanism"):
            claims.parse(wire, "sts")


def test_parameters_said_twice_are_refused() -> None:
    for wire in (sign(V4_QUERY, GET), sign(V2, GET)):
        for pair in wire.query.split("&"):
            if pair.partition("=")[0] in claims.AUTH_PARAMETERS:
                with pytest.raises(errors.IncompleteSignature, match="twice"):
                    claims.parse(replace(wire, query=f"{wire.query}&{pair}"), "sts")


def test_an_authorization_header_said_twice_is_refused() -> None:
    wire = sign(V4, POST)
    text = wire.headers["authorization"]
    with pytest.raises(errors.IncompleteSignature):
        claims.parse(_with(wire, authorization=f"{text}, {text}"), "sts")


@pytest.mark.parametrize("part", ["Credential", "SignedHeaders", "Signature"])
def test_a_part_of_the_header_that_is_missing_is_named(part: str) -> None:
    wire = sign(V4, POST)
    algorithm, _, rest = wire.headers["authorization"].partition(" ")
    kept = ", ".join(item for item in rest.split(", ") if not item.startswith(part))
    with pytest.raises(errors.IncompleteSignature, match=f"requires '{part}'"):
        claims.parse(_with(wire, authorization=f"{algorithm} {kept}"), "sts")


@pytest.mark.parametrize("part", ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders"])
def test_a_part_of_the_query_that_is_missing_is_named(part: str) -> None:
    wire = sign(V4_QUERY, GET)
    kept = [item for item in wire.query.split("&") if not item.startswith(f"X-Amz-{part}=")]
    with pytest.raises(errors.IncompleteSignature, match=part):
        claims.parse(replace(wire, query="&".join(kept)), "sts")


def test_host_and_amazons_headers_must_be_signed() -> None:
    wire = sign(V4, POST)
    with pytest.raises(errors.IncompleteSignature, match="'x-amz-target' must be a 'SignedHeader'"):
        claims.parse(_with(wire, x_amz_target="Other"), "sts")
    unsigned = wire.headers["authorization"].replace("host;", "")
    with pytest.raises(errors.IncompleteSignature, match="'host' must be"):
        claims.parse(_with(wire, authorization=unsigned), "sts")
    absent = {name: value for name, value in wire.headers.items() if name != "content-type"}
    with pytest.raises(errors.IncompleteSignature, match="'content-type' is not in the request"):
        claims.parse(replace(wire, headers=absent), "sts")


@pytest.mark.parametrize("life", ["0", "604801", "-1", "x", "", "99999999999", "1.5"])
def test_a_presigned_url_lives_a_week_at_most(life: str) -> None:
    wire = sign(V4_QUERY, GET)
    query = wire.query.replace("X-Amz-Expires=3600", f"X-Amz-Expires={life}")
    with pytest.raises(errors.IncompleteSignature, match="Expires"):
        claims.parse(replace(wire, query=query), "sts")


def test_a_date_header_will_do() -> None:
    wire = sign(V4, POST)
    headers = {name: value for name, value in wire.headers.items() if name != "x-amz-date"}
    headers["authorization"] = headers["authorization"].replace(";x-amz-date", "")
    for date in ("Sat, 21 Nov 2026 08:00:00 GMT", "20261121T080000Z"):
        claim = claims.parse(replace(wire, headers=headers | {"date": date}), "sts")
        assert claim.signed_at == NOW
    for date in ("yesterday", ""):
        with pytest.raises(errors.IncompleteSignature):
            claims.parse(replace(wire, headers=headers | {"date": date}), "sts")
    with pytest.raises(errors.IncompleteSignature, match="requires existence of either"):
        claims.parse(replace(wire, headers=headers), "sts")


def test_other_algorithms_and_versions_are_refused() -> None:
    for text in ("AWS AKIA:sig", "AWS3-HTTPS x", "Bearer x", "AWS4-HMAC-SHA1 x", ""):
        with pytest.raises(errors.IncompleteSignature):
            claims.parse(_with(BARE, authorization=text), "sts")
    old = sign(V2, GET)
    for change in (("SignatureVersion=2", "SignatureVersion=1"), ("HmacSHA256", "HmacMD5")):
        with pytest.raises(errors.IncompleteSignature):
            claims.parse(replace(old, query=old.query.replace(*change)), "sts")


def test_a_version_2_request_says_one_time() -> None:
    old = sign(V2, GET)
    with pytest.raises(errors.IncompleteSignature, match="either Timestamp or Expires"):
        claims.parse(replace(old, query=old.query + "&Expires=2026-11-21T09:00:00Z"), "sts")
    with pytest.raises(errors.IncompleteSignature, match="either Timestamp or Expires"):
        claims.parse(replace(old, query=old.query.replace("Timestamp=", "Time=")), "sts")


_names = st.sampled_from(sorted(claims.AUTH_PARAMETERS))
_garbage = st.text(max_size=20)


@given(
    st.lists(st.tuples(_names, _garbage), max_size=8), st.none() | _garbage, st.none() | _garbage
)
def test_garbage_gets_an_answer_and_never_a_crash(
    pairs: list[tuple[str, str]], authorization: str | None, date: str | None
) -> None:
    headers = {"host": "h"}
    if authorization is not None:
        headers["authorization"] = "AWS4-HMAC-SHA256 Credential=" + authorization
    if date is not None:
        headers["x-amz-date"] = date
    wire = Wire("GET", "/", "&".join(f"{name}={value}" for name, value in pairs), headers)
    with pytest.raises(errors.AwsError):
        check.verify(claims.parse(wire, "sts"), "secret", NOW)


@given(st.binary(max_size=60))
def test_garbage_bytes_in_scope_and_headers_are_no_crash(garbage: bytes) -> None:
    text = garbage.decode("utf-8", "surrogateescape").replace("/", "").replace(",", "")
    wire = sign(V4, POST)
    forged = wire.headers["authorization"].replace("us-east-1", text)
    with pytest.raises(errors.AwsError):
        check.verify(claims.parse(_with(wire, authorization=forged, host=text), "sts"), "x", NOW)
