"""Import manifests: a disk's file in a bucket, cut into parts, as AWS's old tools list it.

ImportVolume and ImportInstance name such a manifest (version 2010-11-15). Of each part it has the
range of bytes and signed URLs; only which object a URL names is taken from it. Read here, by hosts.
Not its business: where parts may be, and by whose rights they are read. Pure.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from mallee.aws import objecturls
from mallee.aws.objecturls import Named

BYTES_MAX = 64 << 20
PARTS_MAX = 50_000
_TAGS_MAX = 20 * PARTS_MAX
"""Beginnings and ends of elements, and quotes: a part has a dozen of these, and eight of those."""
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)


class NotAManifest(Exception):
    """It is no import manifest; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the file."""

    object: Named
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an import manifest says."""

    format: str
    """In small letters."""
    size_bytes: int
    """Of the file."""
    parts: tuple[Part, ...]
    """In the file's order, without gaps."""


def parse(data: bytes) -> Manifest:
    """Read a manifest; raise `NotAManifest`."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise NotAManifest("it has a document type, and no manifest has one")
    # A tree takes many times the room of its text: only what can be one is made into one.
    if data.count(b"<") > _TAGS_MAX or data.count(b'"') + data.count(b"'") > _TAGS_MAX:
        raise NotAManifest(f"it has more in it than {PARTS_MAX} parts have")
    try:
        # Read as text: in another encoding a document type would not have been seen.
        root = ElementTree.fromstring(data.decode())
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise NotAManifest(f"it cannot be read: {error}") from error
    listed = root.find("import/parts")
    if root.tag != "manifest" or listed is None:
        raise NotAManifest("it does not list parts as one does")
    size_bytes = _number(root.findtext("import/size"))
    parts = tuple(_parts(listed))
    if not parts or sum(part.size_bytes for part in parts) != size_bytes:
        raise NotAManifest("its parts are not as large together as it says that the file is")
    return Manifest((root.findtext("file-format") or "").strip().lower(), size_bytes, parts)


def _parts(listed: ElementTree.Element) -> Iterator[Part]:
    found = listed.findall("part")
    if len(found) > PARTS_MAX:
        raise NotAManifest(f"it lists more than {PARTS_MAX} parts")
    end = 0
    for index, one in enumerate(sorted(found, key=lambda it: _number(it.get("index")))):
        stretch = one.find("byte-range")
        begin = _number(stretch.get("start")) if stretch is not None else -1
        if _number(one.get("index")) != index or stretch is None or begin != end:
            raise NotAManifest(f"its part {index} is missing, or does not follow the one before")
        end = _number(stretch.get("end")) + 1
        if end <= begin:
            raise NotAManifest(f"its part {index} has nothing in it")
        try:
            named = objecturls.parse((one.findtext("get-url") or "").strip())
        except objecturls.NotAnObject as error:
            raise NotAManifest(f"the URL of its part {index} is not taken: {error}") from error
        yield Part(named, end - begin)


def _number(text: str | None) -> int:
    stripped = (text or "").strip()
    if not _NUMBER.fullmatch(stripped):
        raise NotAManifest(f"it says {stripped[:20]!r} for a number")
    return int(stripped)
