"""Forms are taken apart as browsers put them together, however they are cut."""

import itertools
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.aws import errors
from mallee.aws.codec.s3 import form, formfields
from tests.aws.codec.oracle import refusal

TYPE = 'multipart/form-data; charset=utf-8; boundary="xYz 1"'
FILE = b"a\r\n--xYz\r\n\r\n--xYz 2\r\n-" * 50


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    named = f'; filename="{filename}"'.encode() if filename is not None else b""
    head = b'Content-Disposition: form-data; name="%s"%s' % (name.encode(), named)
    kind = b"\r\nContent-Type: image/png" if filename is not None else b""
    return b"--xYz 1\r\n" + head + kind + b"\r\n\r\n" + value + b"\r\n"


BODY = (
    part("Key", "u/${filename}é".encode())
    + part("x-amz-meta-a", b" b ")
    + part("empty", b"")
    + part("file", FILE, "C:\\pictures\\cat.png")
    + part("submit", b"Upload")
    + b"--xYz 1--\r\n"
)


def read(pieces: list[bytes]) -> tuple[form.Form, bytes]:
    made = form.Form(TYPE)
    file = b"".join(piece for data in pieces for piece in made.feed(data))
    made.finish()
    return made, file


@settings(deadline=None)
@given(st.lists(st.integers(0, len(BODY)), max_size=10))
def test_how_the_form_is_cut_is_nothing(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(BODY)]
    made, file = read([BODY[start:end] for start, end in itertools.pairwise(edges)])
    assert file == FILE
    assert made.fields == {"key": "u/${filename}é", "x-amz-meta-a": " b ", "empty": ""}
    assert made.filename == "cat.png"


def test_byte_by_byte_is_the_same() -> None:
    assert read([BODY[n : n + 1] for n in range(len(BODY))])[1] == FILE


@pytest.mark.parametrize(
    ("name", "value"),
    [("x-amz-meta-a", "1\r\nB: c"), ("x-amz-meta-a\n", "1"), ("content-type", "a\nb")],
)
def test_a_field_says_what_a_header_could(name: str, value: str) -> None:
    assert refusal(lambda: formfields.headers({name: value})).code == "InvalidArgument"
    assert formfields.headers({"policy": "YQ==\n"}) == {"policy": "YQ==\n"}


def test_an_empty_file_is_a_file() -> None:
    body = part("key", b"k") + part("file", b"", "") + b"--xYz 1--\r\n"
    made, file = read([body])
    assert (file, made.filename) == (b"", "")


def test_the_file_is_given_out_as_it_comes() -> None:
    made = form.Form(TYPE)
    made.feed(BODY[: BODY.index(FILE)])
    assert made.has_file
    taken = sum(len(piece) for _ in range(100) for piece in made.feed(b"x" * 1000))
    assert taken > 100_000 - 100
    assert refusal(made.finish).code == "IncompleteBody"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "IncorrectNumberOfFilesInPOSTRequest"),
        (b"--xYz 1--\r\n", "IncorrectNumberOfFilesInPOSTRequest"),
        (part("key", b"k") + b"--xYz 1--\r\n", "IncorrectNumberOfFilesInPOSTRequest"),
        (part("key", b"k") + part("key", b"l") + part("file", b""), "InvalidArgument"),
        (b"--xYz 1\r\nContent-Type: a/b\r\n\r\nx\r\n--xYz 1", "MalformedPOSTRequest"),
        (b"--xYz 1..", "MalformedPOSTRequest"),
        (part("key", b"\xff") + part("file", b""), "MalformedPOSTRequest"),
        (b"--xYz 1\r\n" + b"a" * 5000, "MalformedPOSTRequest"),
        (b"a" * 30_000, "MaxPostPreDataLengthExceededError"),
        (part("key", b"a" * 30_000) + part("file", b""), "MaxPostPreDataLengthExceededError"),
        (part("key", b"a" * 30_000)[:25_000], "MaxPostPreDataLengthExceededError"),
    ],
)
def test_forms_that_are_none_are_refused(body: bytes, code: str) -> None:
    assert refusal(lambda: read([body])).code == code


def test_many_fields_are_too_many() -> None:
    body = b"".join(part(f"f{number}", b"") for number in range(300))
    pieces = [body[start : start + 100] for start in range(0, len(body), 100)]
    assert refusal(lambda: read(pieces)).code in (
        "InvalidArgument",
        "MaxPostPreDataLengthExceededError",
    )


@pytest.mark.parametrize("kind", ["multipart/form-data", "", "multipart/form-data; boundary="])
def test_a_type_without_a_boundary_is_refused(kind: str) -> None:
    assert refusal(lambda: form.Form(kind)).code == "MalformedPOSTRequest"


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=30), st.just(b"--xYz 1\r\n"), st.just(b"\r\n\r\n"))))
def test_garbage_is_refused_in_order(pieces: list[bytes]) -> None:
    with pytest.raises(errors.s3.S3Error):
        read(pieces)


def test_fields_are_members_of_put_object() -> None:
    tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>&amp;</Value></Tag></TagSet></Tagging>"
    fields = formfields.with_key(
        {
            "key": "u/${filename}",
            "acl": "private",
            "content-type": "image/png",
            "x-amz-meta-a": "b",
            "tagging": tags,
            "success_action_status": "201",
            "policy": "x",
        },
        "cat.png",
    )
    values = formfields.decode("b", fields)
    assert urllib.parse.parse_qsl(values.pop("Tagging")) == [("a b", "&")]
    assert values == {
        "Bucket": "b",
        "Key": "u/cat.png",
        "ACL": "private",
        "ContentType": "image/png",
        "Metadata": {"a": "b"},
    }


def test_a_form_needs_a_key() -> None:
    assert refusal(lambda: formfields.with_key({}, "f")).code == "InvalidArgument"
    assert refusal(lambda: formfields.with_key({"key": "${filename}"}, "")).code == (
        "InvalidArgument"
    )
    long = {"key": "${filename}"}
    assert refusal(lambda: formfields.with_key(long, "k" * 1025)).code == "KeyTooLongError"
