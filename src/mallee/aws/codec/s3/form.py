"""A form that uploads a file (`multipart/form-data`): a machine without I/O, bytes in, file out.

Fields come before the file and are few and small; the file is of any size and is given out as it
comes; what follows the file is not read. Called by S3's pipeline for `POST_OBJECT`. Not its
business: what the fields mean (`requests.decode_form`), and who may (`signature.postpolicy`).
"""

import enum
import re

from mallee.aws import errors

FIELDS_BYTES_MAX = 20_480
"""Before the file, heads of fields included; as S3 has it."""
FIELDS_MAX = 200
_HEADS_BYTES_MAX = 4096

_BOUNDARY = re.compile(r"""boundary=(?:"([^"\r\n]{1,70})"|([^\s;,"]{1,70}))""", re.IGNORECASE)
_NAME = re.compile(rb"""(?:^|;)[ \t]*name=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))""", re.IGNORECASE)
_FILENAME = re.compile(
    rb"""(?:^|;)[ \t]*filename=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))""", re.IGNORECASE
)


class _State(enum.Enum):
    PREAMBLE = "the first boundary follows"
    BOUNDARY_END = "what stands behind a boundary follows"
    HEADS = "the head of a part follows"
    VALUE = "a field's value follows"
    FILE = "the file follows"
    DONE = "what follows is not read"


class Form:
    """Takes a form's body as it comes."""

    __slots__ = ("_before", "_delimiter", "_name", "_rest", "_state", "fields", "filename")

    def __init__(self, content_type: str) -> None:
        """Raises `MalformedPOSTRequest` for a type without a boundary."""
        match = _BOUNDARY.search(content_type)
        if match is None:
            raise errors.s3.MalformedPOSTRequest()
        boundary = (match[1] or match[2]).encode("utf-8", "surrogateescape")
        self._delimiter = b"\r\n--" + boundary
        self._rest = b"\r\n"
        """What came and is not understood yet; a line end stands before the first boundary."""
        self._before = 0
        """Bytes before the file."""
        self._state = _State.PREAMBLE
        self._name = ""
        self.fields: dict[str, str] = {}
        """By name in lower case; complete once `has_file`."""
        self.filename = ""
        """As the browser names the file, without its folders."""

    @property
    def has_file(self) -> bool:
        """Whether the file has begun, and with it the fields are complete."""
        return self._state in (_State.FILE, _State.DONE)

    @property
    def is_done(self) -> bool:
        """Whether the file has ended."""
        return self._state is _State.DONE

    def feed(self, data: bytes) -> list[bytes]:
        """Take some bytes; return those of the file. Raises `errors.s3.S3Error`."""
        if self._state is _State.DONE:
            return []
        if not self.has_file:
            self._before += len(data)
        self._rest += data
        pieces: list[bytes] = []
        while self._step(pieces):
            pass
        if not self.has_file and self._before > FIELDS_BYTES_MAX:
            raise errors.s3.MaxPostPreDataLengthExceededError()
        return pieces

    def finish(self) -> None:
        """Raise unless the whole file was there."""
        if not self.has_file:
            raise errors.s3.IncorrectNumberOfFilesInPostRequest()
        if self._state is not _State.DONE:
            raise errors.s3.IncompleteBody()

    def _step(self, pieces: list[bytes]) -> bool:
        """Take one thing from what has come; tell whether there may be more."""
        match self._state:
            case _State.DONE:
                return False
            case _State.BOUNDARY_END:
                return self._end_boundary()
            case _State.HEADS:
                return self._take_heads()
            case _:
                return self._take_until_boundary(pieces)

    def _take_until_boundary(self, pieces: list[bytes]) -> bool:
        place = self._rest.find(self._delimiter)
        if place < 0:
            if self._state is _State.FILE:
                # The end of what has come may be the beginning of a boundary.
                kept = len(self._delimiter) - 1
                piece, self._rest = self._rest[:-kept], self._rest[-kept:]
                if piece:
                    pieces.append(piece)
            return False
        content = self._rest[:place]
        self._rest = self._rest[place + len(self._delimiter) :]
        if self._state is _State.FILE:
            if content:
                pieces.append(content)
            self._state = _State.DONE
            self._rest = b""
            return False
        if self._state is _State.VALUE:
            self._add(content)
        self._state = _State.BOUNDARY_END
        return True

    def _end_boundary(self) -> bool:
        if len(self._rest) < 2:
            return False
        if self._rest[:2] != b"\r\n":
            # The form's end, before any file.
            if self._rest[:2] == b"--":
                raise errors.s3.IncorrectNumberOfFilesInPostRequest()
            raise errors.s3.MalformedPOSTRequest()
        self._state = _State.HEADS
        return True

    def _take_heads(self) -> bool:
        end = self._rest.find(b"\r\n\r\n")
        if end < 0 or end > _HEADS_BYTES_MAX:
            if len(self._rest) > _HEADS_BYTES_MAX:
                raise errors.s3.MalformedPOSTRequest()
            return False
        lines = self._rest[:end].split(b"\r\n")
        self._rest = self._rest[end + 4 :]
        disposition = b""
        for line in lines:
            name, colon, value = line.partition(b":")
            if colon and name.strip().lower() == b"content-disposition":
                disposition = value
        found = _NAME.search(disposition)
        if found is None:
            raise errors.s3.MalformedPOSTRequest()
        self._name = _text(found[1] or found[2] or b"").lower()
        if self._name == "file":
            self._begin_file(disposition)
        else:
            self._state = _State.VALUE
        return True

    def _begin_file(self, disposition: bytes) -> None:
        found = _FILENAME.search(disposition)
        named = _text(found[1] or found[2] or b"") if found else ""
        self.filename = named.replace("\\", "/").rpartition("/")[2]
        self._state = _State.FILE

    def _add(self, content: bytes) -> None:
        if self._name in self.fields or len(self.fields) >= FIELDS_MAX:
            raise errors.s3.InvalidArgument(
                "The form has a field twice, or too many.", argument=self._name[:100]
            )
        self.fields[self._name] = _text(content)
        if sum(map(len, self.fields.values())) > FIELDS_BYTES_MAX:
            raise errors.s3.MaxPostPreDataLengthExceededError()


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise errors.s3.MalformedPOSTRequest() from error
