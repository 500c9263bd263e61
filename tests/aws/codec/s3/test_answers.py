"""Answers and errors as S3's clients read them, whatever the values are."""

from xml.etree import ElementTree

import pytest

from mallee.aws import codec, errors
from mallee.aws.codec import s3

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def test_a_list_is_as_in_the_manual() -> None:
    result = {
        "Name": "b",
        "Prefix": "",
        "MaxKeys": 2,
        "IsTruncated": False,
        "Contents": [{"Key": "a&<b>\r", "Size": 1, "ETag": '"e"', "LastModified": 0.0}],
        "CommonPrefixes": [{"Prefix": "c/"}],
    }
    answer = s3.encode("ListObjects", result)
    assert answer.status == 200
    assert answer.headers == {"Content-Type": "application/xml"}
    assert answer.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>'
        b"<Prefix></Prefix><MaxKeys>2</MaxKeys><IsTruncated>false</IsTruncated><Contents>"
        b'<Key>a&amp;&lt;b&gt;&#13;</Key><Size>1</Size><ETag>"e"</ETag>'
        b"<LastModified>1970-01-01T00:00:00.000Z</LastModified></Contents>"
        b"<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes></ListBucketResult>"
    )


def test_a_location_is_an_element_alone() -> None:
    empty = s3.encode("GetBucketLocation", {})
    assert ElementTree.fromstring(empty.body or b"").text is None
    named = s3.encode("GetBucketLocation", {"LocationConstraint": "my-region"})
    root = ElementTree.fromstring(named.body or b"")
    assert (root.tag, root.text) == (NAMESPACE + "LocationConstraint", "my-region")


def test_statuses_are_the_models_and_206_for_a_range() -> None:
    assert s3.encode("DeleteObject", {}) == s3.Answer(204, {}, b"")
    whole = s3.encode("GetObject", {"ContentLength": 3, "ETag": '"e"'})
    assert whole == s3.Answer(200, {"Content-Length": "3", "ETag": '"e"'}, None)
    part = s3.encode("GetObject", {"ContentRange": "bytes 0-1/3"})
    assert (part.status, part.body) == (206, None)


def test_metadata_beyond_ascii_is_encoded_words() -> None:
    answer = s3.encode("HeadObject", {"Metadata": {"a": "plain", "b": "é" * 40}})
    assert answer.headers["x-amz-meta-a"] == "plain"
    words = answer.headers["x-amz-meta-b"].split(" ")
    assert all(word.startswith("=?UTF-8?B?") and len(word) <= 75 for word in words)
    assert len(words) == 2


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\x00b", "\x7f"])
def test_no_header_ends_its_line(value: str) -> None:
    for result in ({"ContentType": value}, {"Metadata": {"a": value}}):
        with pytest.raises(codec.Mismatch):
            s3.encode("GetObject", result)


def test_results_that_do_not_fit_are_our_own_fault() -> None:
    for operation, result in (
        ("DeleteObject", {"Colour": "red"}),
        ("GetObject", {"Colour": "red"}),
        ("GetObject", {"ContentLength": "many"}),
        ("ListObjects", {"Contents": [{"Size": "many"}]}),
    ):
        with pytest.raises(codec.Mismatch):
            s3.encode(operation, result)


PLACE = s3.Place("R1", "H1", "/b/k")


def test_errors_have_their_elements() -> None:
    answer = s3.encode_error(errors.s3.NoSuchKey(key="a<b"), PLACE)
    assert answer.status == 404
    root = ElementTree.fromstring(answer.body or b"")
    assert root.tag == "Error"
    assert {child.tag: child.text for child in root} == {
        "Code": "NoSuchKey",
        "Message": "The specified key does not exist.",
        "Key": "a<b",
        "Resource": "/b/k",
        "RequestId": "R1",
        "HostId": "H1",
    }


def test_errors_of_other_rooms_are_written_the_same_way() -> None:
    answer = s3.encode_error(errors.InternalError(), PLACE)
    assert answer.status == 500
    assert b"<Code>InternalError</Code>" in (answer.body or b"")


def test_what_has_no_body_gets_none() -> None:
    head = s3.Place("R1", is_head=True)
    assert s3.encode_error(errors.s3.NoSuchKey(), head) == s3.Answer(404, {}, b"")
    assert s3.encode_error(errors.s3.NotModified(), PLACE) == s3.Answer(304, {}, b"")
