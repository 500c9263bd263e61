"""URLs of objects, taken apart: which bucket and which key they name.

Nobody follows such a URL. It is a name of an object of this cloud's own, whatever host it says, and
by whose rights that is read has nothing to do with the signature that may be in it. Pure.
"""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


class NotAnObject(Exception):
    """The URL names no object; the message says what one does."""


@dataclass(frozen=True, slots=True)
class Named:
    """An object as a URL names it."""

    bucket: str
    key: str


def parse(url: str) -> Named:
    """Return what a URL names: `s3://BUCKET/KEY`, or `https://` with the bucket in the path or
    before the host. Raises `NotAnObject`."""
    try:
        parts = urlsplit(url)
        host, path = parts.hostname or "", unquote(parts.path, errors="strict")
    except ValueError:
        raise NotAnObject("it cannot be read") from None
    whole = path.removeprefix("/")
    first, _, rest = host.partition(".")
    if parts.scheme == "s3":
        bucket, key = host or parts.netloc, whole
    elif parts.scheme not in ("http", "https") or parts.username is not None:
        raise NotAnObject("it must be s3://BUCKET/KEY, or https:// with the address of this S3")
    elif rest and (rest.startswith(("s3.", "s3-")) or ".s3." in f".{rest}."):
        bucket, key = first, whole
    else:
        bucket, _, key = whole.partition("/")
    if not bucket or not key:
        raise NotAnObject("it names no object in a bucket")
    return Named(bucket, key)
