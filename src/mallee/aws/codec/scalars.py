"""Numbers, booleans, times and blobs as text, the same in every protocol that has them as text.

`parse_…` functions take what a client sent and raise `ValueError` when it is not that;
`format_…` functions take a result's value and raise `TypeError` or `ValueError` when it does not
fit. Times in results are aware datetimes or seconds since the epoch.
"""

import base64
import binascii
import email.utils
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime

Moment = datetime | float
FormatTime = Callable[[Moment], str]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?([0-9]{1,400}(\.[0-9]{0,400})?|\.[0-9]{1,400})([eE][+-]?[0-9]{1,4})?", re.ASCII
)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII
)
_EPOCH = re.compile(r"-?[0-9]{1,11}(\.[0-9]{1,9})?", re.ASCII)
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def is_clean(text: str) -> bool:
    """Tell whether XML can carry the text: no control characters, no lone surrogates."""
    return text.isprintable() or _NOT_IN_XML.search(text) is None


def is_unicode(text: str) -> bool:
    """Tell whether UTF-8 can carry the text: no lone surrogates."""
    return text.isprintable() or _SURROGATE.search(text) is None


def replace_surrogates(text: str) -> str:
    """Return the text with U+FFFD for each lone surrogate."""
    return text if text.isprintable() else _SURROGATE.sub("\ufffd", text)


def replace_unclean(text: str) -> str:
    """Return the text with U+FFFD for each character that XML cannot carry."""
    return _NOT_IN_XML.sub("\ufffd", text)


def parse_boolean(text: str) -> bool:
    """Read `true` or `false`, in any case."""
    lowered = text.lower()
    if lowered == "true":
        return True
    if lowered == "false":
        return False
    raise ValueError(text)


def parse_integer(text: str) -> int:
    """Read an integer of 32 bits."""
    return _integer(text, 31)


def parse_long(text: str) -> int:
    """Read an integer of 64 bits."""
    return _integer(text, 63)


def _integer(text: str, bits: int) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    value = int(text)
    if not -(1 << bits) <= value < 1 << bits:
        raise ValueError(text)
    return value


def parse_float(text: str) -> float:
    """Read a decimal number, `NaN`, `Infinity` or `-Infinity`."""
    if text in ("NaN", "Infinity", "-Infinity") or _FLOAT.fullmatch(text):
        return float(text)
    raise ValueError(text)


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 date and time (UTC when it names no zone), or seconds since the epoch."""
    if _TIME.fullmatch(text):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        try:
            return moment.astimezone(UTC)
        except OverflowError as error:
            raise ValueError(text) from error
    if _EPOCH.fullmatch(text):
        return parse_epoch(float(text))
    raise ValueError(text)


def parse_epoch(seconds: float) -> datetime:
    """Read seconds since the epoch."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(str(seconds)) from error


def parse_http_time(text: str) -> datetime:
    """Read a header's date (`Sun, 02 Jan 2000 20:34:56 GMT`), or what `parse_time` can."""
    try:
        return email.utils.parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return parse_time(text)


def parse_blob(text: str) -> bytes:
    """Read base64; white space may stand anywhere, as tools wrap long lines."""
    try:
        return base64.b64decode("".join(text.split()).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError(text) from error


def format_boolean(value: bool) -> str:
    """Write `true` or `false`."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    raise TypeError(value)


def format_integer(value: int) -> str:
    """Write an integer; a boolean is none."""
    if isinstance(value, bool):
        raise TypeError(value)
    return int.__repr__(value)


def format_float(value: float) -> str:
    """Write a number so that reading it gives the same."""
    if isinstance(value, bool):
        raise TypeError(value)
    if math.isfinite(value):
        return repr(float(value))
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def format_time_millis(value: Moment) -> str:
    """Write `2026-11-21T07:44:00.000Z`, as EC2 does."""
    return _utc(value).isoformat(timespec="milliseconds")[:-6] + "Z"


def format_time_seconds(value: Moment) -> str:
    """Write `2026-11-21T07:44:00Z`, as the query services do."""
    return _utc(value).isoformat(timespec="seconds")[:-6] + "Z"


def format_http_time(value: Moment) -> str:
    """Write `Sat, 21 Nov 2026 07:44:00 GMT`, as HTTP headers have it."""
    at = _utc(value)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    return f"{day}, {at.day:02} {month} {at.year:04} {at.hour:02}:{at.minute:02}:{at.second:02} GMT"


def epoch_seconds(value: Moment) -> float:
    """Return seconds since the epoch, whole ones as an integer."""
    seconds = _utc(value).timestamp()
    return int(seconds) if seconds.is_integer() else seconds


def format_blob(value: bytes) -> str:
    """Write base64 without line breaks."""
    return base64.b64encode(value).decode("ascii")


def _utc(value: Moment) -> datetime:
    if not isinstance(value, datetime):
        return parse_epoch(value)
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError(f"{value} names no time zone")
    return value.astimezone(UTC)
