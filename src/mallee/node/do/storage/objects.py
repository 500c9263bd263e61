"""Objects of users', fetched and put for their transfers, over S3.

An `Objects` speaks by credentials that the cloud gave for exactly these objects
(`transfers.TransferPass`). All calls block; each has a connection of its own, to the cloud's
address and to no other. Not its business: what files are (`sandbox`), and blocks (`blockstore`).
"""

import contextlib
import http.client
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlencode

from mallee.aws.signature import sending
from mallee.aws.signature.sending import Caller, Request
from mallee.model.storage.transfers import Object
from mallee.node.do.storage import s3requests

TIMEOUT_S = 60.0
PART_BYTES = 64 << 20
"""Of an upload in parts; of larger files the parts are larger."""
PARTS_MAX = 9_000
_CHUNK_BYTES = 1 << 20
_ANSWER_BYTES_MAX = 1 << 20
_RETRIES = 5
_RETRY_S = 2.0
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]{1,1024})</UploadId>")
_CODE = re.compile(rb"<Code>([^<]{1,100})</Code>")
_WORDS: Mapping[str, str] = {
    "AccessDenied": "access is denied: who asked may not do that, or the role may not",
    "NoSuchBucket": "there is no such bucket",
    "NoSuchKey": "there is no such object",
    "NotFound": "there is no such object",
}

Told = Callable[[int], None]
"""Hears how many bytes have passed in all; it ends the work by raising."""


class ObjectsAway(Exception):
    """The object store does not answer, or not now: try again later."""


class ObjectRefused(Exception):
    """An object cannot be had, or be put there; the message says why, to its user."""


@dataclass(frozen=True, slots=True)
class _Asked:
    method: str
    object: Object
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects that a transfer may touch."""

    caller: Callable[[], Caller]
    """Gives credentials that are good now; called before each request."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of what is put."""

    def size_of(self, object: Object) -> int:
        """Return how large an object is. Raises `ObjectsAway` and `ObjectRefused`."""
        status, headers, _ = self._ask(_Asked("HEAD", object))
        if status == HTTPStatus.NOT_FOUND:
            raise _refused(object, "there is no such object")
        if status != HTTPStatus.OK:
            # Whoever may not list a bucket is not told which of the two it is.
            denied = "there is no such object, or who asked (or the role) may not read it"
            is_denied = status == HTTPStatus.FORBIDDEN
            raise _refused(object, denied if is_denied else f"status {status}")
        return int(headers["content-length"])

    def fetch(self, object: Object, to: BinaryIO, told: Told) -> int:
        """Write an object's bytes into a file; return how many. Goes on after interruptions.

        Raises `ObjectsAway`, `ObjectRefused` and what `told` raises.
        """
        done, tag = 0, ""
        for attempt in range(_RETRIES):
            try:
                for piece, told_tag in self._stream(object, done, tag):
                    tag = told_tag
                    to.write(piece)
                    done += len(piece)
                    told(done)
            except s3requests.FAILURES as error:
                if attempt + 1 == _RETRIES:
                    raise ObjectsAway(f"the object store: {error!r}") from error
                time.sleep(_RETRY_S)
            else:
                return done
        return done

    def read(self, object: Object, bytes_max: int) -> bytes:
        """Return a small object whole. Raises `ObjectsAway` and `ObjectRefused`."""
        if self.size_of(object) > bytes_max:
            raise _refused(object, f"it has more than {bytes_max} bytes")
        status, _, data = self._ask(_Asked("GET", object), bytes_max)
        if status != HTTPStatus.OK:
            raise _refused(object, _words(data, status))
        return data

    def put(self, object: Object, data: bytes, type: str = "application/octet-stream") -> None:
        """Put a small object. Raises `ObjectsAway` and `ObjectRefused`."""
        headers = {"content-type": type, **self._tagging()}
        status, _, said = self._ask(_Asked("PUT", object, {}, data, headers))
        if status != HTTPStatus.OK:
            raise _refused(object, _words(said, status))

    def put_file(self, object: Object, path: Path, told: Told) -> None:
        """Put a file, in parts where it is large. Raises `ObjectsAway` and `ObjectRefused`."""
        size = path.stat().st_size
        if size <= PART_BYTES:
            self.put(object, path.read_bytes())
            told(size)
            return
        part_bytes = max(PART_BYTES, -(-size // PARTS_MAX))
        begin = _Asked("POST", object, {"uploads": ""}, b"", self._tagging())
        status, _, said = self._ask(begin)
        found = _UPLOAD_ID.search(said)
        if status != HTTPStatus.OK or found is None:
            raise _refused(object, _words(said, status))
        upload = {"uploadId": found[1].decode()}
        with contextlib.ExitStack() as undo, path.open("rb") as file:
            undo.callback(self._ask, _Asked("DELETE", object, upload))
            self._put_parts(object, upload, iter(lambda: file.read(part_bytes), b""), told)
            undo.pop_all()

    def _tagging(self) -> Mapping[str, str]:
        return {"x-amz-tagging": urlencode(sorted(self.tags.items()))} if self.tags else {}

    def _put_parts(
        self, object: Object, upload: Mapping[str, str], parts: Iterator[bytes], told: Told
    ) -> None:
        tags: list[str] = []
        done = 0
        for number, part in enumerate(parts, 1):
            query = {"partNumber": str(number), **upload}
            status, headers, said = self._ask(_Asked("PUT", object, query, part))
            if status != HTTPStatus.OK:
                raise _refused(object, _words(said, status))
            tags.append(headers["etag"])
            done += len(part)
            told(done)
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
            for number, tag in enumerate(tags, 1)
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        status, _, said = self._ask(_Asked("POST", object, upload, body))
        if status != HTTPStatus.OK or b"<Error>" in said:
            raise _refused(object, _words(said, status))

    def _stream(self, object: Object, begin: int, tag: str) -> Iterator[tuple[bytes, str]]:
        """Yield an object's bytes from a place on, and its ETag: it must stay the same."""
        headers = {"range": f"bytes={begin}-", "if-match": tag} if begin else {}
        request = _Asked("GET", object, {}, b"", headers)
        connection, response = self._send(request)
        try:
            if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return
            if response.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
                said = response.read(_ANSWER_BYTES_MAX)
                _check_away(response.status, said)
                raise _refused(object, _words(said, response.status))
            tag = response.headers.get("etag", "")
            while piece := response.read(_CHUNK_BYTES):
                yield piece, tag
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
        finally:
            connection.close()

    def _ask(
        self, request: _Asked, bytes_max: int = _ANSWER_BYTES_MAX
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Make a request; those that may pass by themselves are made several times."""
        for attempt in range(_RETRIES):
            try:
                connection, response = self._send(request)
                try:
                    said = response.read(bytes_max)
                finally:
                    connection.close()
                _check_away(response.status, said)
            except (*s3requests.FAILURES, ObjectsAway) as error:
                if attempt + 1 == _RETRIES:
                    raise ObjectsAway(f"the object store: {error}") from error
                time.sleep(_RETRY_S)
            else:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return response.status, headers, said
        raise AssertionError("the last attempt returns or raises")

    def _send(self, asked: _Asked) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        caller = self.caller()
        path = f"/{asked.object.bucket}/{quote(asked.object.key, safe='/-_.~')}"
        query = urlencode(sorted(asked.query.items()), quote_via=quote, safe="-_.~")
        target = f"{path}?{query}" if query else path
        request = Request(asked.method, target, asked.body, asked.headers)
        headers = sending.signed(caller, request, time.time())
        connection = http.client.HTTPConnection(caller.host, caller.port, timeout=TIMEOUT_S)
        try:
            connection.request(asked.method, target, asked.body or None, headers)
            return connection, connection.getresponse()
        except s3requests.FAILURES:
            connection.close()
            raise


def _check_away(status: int, said: bytes) -> None:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        raise ObjectsAway(_words(said, status))


def _words(said: bytes, status: int) -> str:
    found = _CODE.search(said)
    code = found[1].decode(errors="replace") if found else f"status {status}"
    return _WORDS.get(code, code)


def _refused(object: Object, words: str) -> ObjectRefused:
    return ObjectRefused(f"s3://{object.bucket}/{object.key}: {words}")
