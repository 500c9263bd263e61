"""Import manifests of tools are read; forged ones are refused, whatever is wrong with them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.aws import importmanifests, objecturls

PART = (
    '<part index="{0}"><byte-range end="{2}" start="{1}"/><key>in/{0}</key>'
    "<head-url>http://h/</head-url>"
    "<get-url>https://disks.s3.example.org/in/p{0}?Signature=a&amp;Expires=1</get-url>"
    "<delete-url>http://h/</delete-url></part>"
)


def manifest(*ranges: tuple[int, int, int], size: int = 20, head: str = "") -> bytes:
    parts = "".join(PART.format(*one) for one in ranges)
    text = (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{head}<manifest>'
        "<version>2010-11-15</version><file-format>RAW</file-format>"
        "<importer><name>ec2-upload-disk-image</name></importer>"
        "<self-destruct-url>https://disks.s3.example.org/in/it</self-destruct-url><import>"
        f"<size>{size}</size><volume-size>1</volume-size>"
        f'<parts count="{len(ranges)}">{parts}</parts></import></manifest>'
    )
    return text.encode()


def test_a_manifest_lists_its_parts_in_order() -> None:
    found = importmanifests.parse(manifest((1, 10, 19), (0, 0, 9)))
    assert (found.format, found.size_bytes) == ("raw", 20)
    assert [(one.object.bucket, one.object.key, one.size_bytes) for one in found.parts] == [
        ("disks", "in/p0", 10),
        ("disks", "in/p1", 10),
    ]


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        b"<manifest/>",
        b"\xff\xfe<",
        manifest(),
        manifest((0, 0, 9)),
        manifest((0, 0, 9), (2, 10, 19)),
        manifest((0, 0, 9), (1, 9, 19)),
        manifest((0, 0, 9), (0, 10, 19)),
        manifest((0, 5, 19)),
        manifest((0, 0, 19), (1, 20, 18)),
        manifest((0, 0, 19), size=10**15 - 1),
        manifest((0, 0, 19), head='<!DOCTYPE a [<!ENTITY b "c">]>'),
        manifest((0, 0, 19)).replace(b"https://disks", b"file:///disks"),
        manifest((0, 0, 19)).replace(b'start="0"', b'start="-1"'),
        manifest((0, 0, 19)).replace(b'start="0"', 'start="٠"'.encode()),
    ],
)
def test_what_is_no_manifest_is_refused(forged: bytes) -> None:
    with pytest.raises(importmanifests.NotAManifest):
        importmanifests.parse(forged)


@pytest.mark.parametrize("stuffed", [b"<a/>" * (1 << 20), b"<a " + b"b='' " * (1 << 20) + b"/>"])
def test_a_manifest_is_not_made_into_what_fills_the_memory(stuffed: bytes) -> None:
    forged = manifest((0, 0, 19)).replace(b"</manifest>", stuffed + b"</manifest>")
    assert len(forged) < importmanifests.BYTES_MAX
    with pytest.raises(importmanifests.NotAManifest, match="more in it"):
        importmanifests.parse(forged)


@given(st.binary(max_size=200), st.integers(0, 800))
def test_no_bytes_break_the_reader(noise: bytes, at: int) -> None:
    good = manifest((0, 0, 9), (1, 10, 19))
    try:
        found = importmanifests.parse(good[:at] + noise + good[at + len(noise) :])
    except importmanifests.NotAManifest:
        return
    assert sum(one.size_bytes for one in found.parts) == found.size_bytes


@pytest.mark.parametrize(
    "url",
    [
        "s3://disks/a/b c",
        "https://s3.example.org/disks/a/b%20c?X-Amz-Signature=1#x",
        "http://disks.s3.us-east-1.example.org:8080/a/b%20c",
    ],
)
def test_a_url_names_an_object_and_nothing_else(url: str) -> None:
    named = objecturls.parse(url)
    assert (named.bucket, named.key) == ("disks", "a/b c")


@pytest.mark.parametrize(
    "url", ["", "disks/a", "ftp://disks/a", "https://u@s3.h/d/a", "https://s3.h/d", "http://[/a/b"]
)
def test_other_urls_name_none(url: str) -> None:
    with pytest.raises(objecturls.NotAnObject):
        objecturls.parse(url)
