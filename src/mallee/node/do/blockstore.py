"""The object store as agents use it: blocks got and put by their names, over S3.

A `Blockstore` speaks for one account, by passes that the cloud gives (`model.passes`). Threads may
share one; each call blocks, on a connection of its own that is kept for the next. What is got was
found to be what its name promises. Not its business: what the blocks are (`model.blocktrees`).
"""

import hashlib
import hmac
import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from mallee.aws.signature import check
from mallee.model import blockobjects
from mallee.model.blockobjects import PLAIN, Coder
from mallee.model.passes import Pass

TIMEOUT_S = 30.0
_FAILURES = (OSError, http.client.HTTPException)
_LATER = (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)


class StoreAway(Exception):
    """The object store does not answer, or not now: try again later."""


class StoreRefused(Exception):
    """The object store refuses; the message says why."""


class BlockMissing(Exception):
    """There is no such block, or what is kept in its place is something else."""


class StoreFull(Exception):
    """The object store has no room."""


@dataclass(frozen=True, slots=True)
class Access:
    """A pass, and the address at which its cloud answers."""

    given: Pass
    host: str


class Blockstore:
    """The blocks of one account. `close` it."""

    def __init__(self, access: Callable[[], Access], coder: Coder = PLAIN) -> None:
        """`access` gives a pass that is good now; it is called before each request, by any thread,
        and raises `StoreAway` or `StoreRefused` when there is none."""
        self._access = access
        self._coder = coder
        self._idle: list[tuple[tuple[str, int], http.client.HTTPConnection]] = []
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def coder(self) -> Coder:
        """How blocks are named."""
        return self._coder

    def close(self) -> None:
        """Close all connections; those in use when they are done."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def get(self, name: bytes) -> bytes:
        """Return the data of a name. Raises `BlockMissing`, `StoreAway`, `StoreRefused`."""
        status, kept = self._request("GET", name, b"")
        if status == HTTPStatus.NOT_FOUND:
            raise BlockMissing(f"the block {name.hex()} is not in the object store")
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            # It found that the bytes are not those that it was given.
            raise BlockMissing(f"the block {name.hex()} cannot be read from the object store")
        _check(status, kept)
        try:
            return self._coder.decode(name, kept)
        except blockobjects.NotATree as error:
            raise BlockMissing(f"the block {name.hex()} is damaged: {error}") from error

    def has(self, name: bytes) -> bool:
        """Tell whether there is a block of that name. Raises `StoreAway`, `StoreRefused`."""
        status, said = self._request("HEAD", name, b"")
        if status == HTTPStatus.NOT_FOUND:
            return False
        _check(status, said)
        return True

    def put(self, name: bytes, data: bytes) -> int:
        """Keep data under its name; return how many bytes that took, 0 when it was there.

        Raises `StoreFull`, `StoreAway`, `StoreRefused`.
        """
        kept = self._coder.encode(data)
        status, said = self._request("PUT", name, kept)
        if status == HTTPStatus.PRECONDITION_FAILED:
            return 0
        _check(status, said)
        return len(kept)

    def _request(self, method: str, name: bytes, body: bytes) -> tuple[int, bytes]:
        access = self._access()
        where = (access.host, access.given.port)
        path = f"/{access.given.bucket}/{blockobjects.key_of(access.given.account, name)}"
        headers = _signed(access, (method, path), body, time.time())
        connection, is_fresh = self._take(where)
        try:
            try:
                answer = _exchange(connection, (method, path), body, headers)
            except _FAILURES:
                # A kept connection may have been closed by the other side meanwhile; asking for
                # one thing twice is asking for it once.
                if is_fresh:
                    raise
                connection.close()
                answer = _exchange(connection, (method, path), body, headers)
        except _FAILURES as error:
            connection.close()
            raise StoreAway(f"the object store at {where[0]}:{where[1]}: {error!r}") from error
        self._give_back(where, connection)
        return answer

    def _take(self, where: tuple[str, int]) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            while self._idle:
                place, connection = self._idle.pop()
                if place == where:
                    return connection, False
                connection.close()
        return http.client.HTTPConnection(*where, timeout=TIMEOUT_S), True

    def _give_back(self, where: tuple[str, int], connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if not self._is_closed:
                self._idle.append((where, connection))
                return
        connection.close()


def _exchange(
    connection: http.client.HTTPConnection,
    what: tuple[str, str],
    body: bytes,
    headers: dict[str, str],
) -> tuple[int, bytes]:
    method, path = what
    connection.request(method, path, body or None, headers)
    response = connection.getresponse()
    data = response.read(blockobjects.OBJECT_MAX_BYTES + 1)
    if len(data) > blockobjects.OBJECT_MAX_BYTES:
        raise http.client.HTTPException("the answer has no end")
    return response.status, data


def _check(status: int, said: bytes) -> None:
    if status == HTTPStatus.OK:
        return
    words = said[:300].decode(errors="replace")
    if status == HTTPStatus.INSUFFICIENT_STORAGE:
        raise StoreFull("the object store has no room")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
        raise StoreAway(f"the object store answers {status}: {words}")
    raise StoreRefused(f"the object store answers {status}: {words}")


def _signed(access: Access, what: tuple[str, str], body: bytes, now: float) -> dict[str, str]:
    """Return the headers of a request, signed (SigV4)."""
    given, (method, path) = access.given, what
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    digest = hashlib.sha256(body).hexdigest()
    headers = {
        "host": f"{access.host}:{given.port}",
        **({"if-none-match": "*"} if method == "PUT" else {}),
        "x-amz-content-sha256": digest,
        "x-amz-date": moment,
        "x-amz-security-token": given.token,
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
    scope = f"{moment[:8]}/{given.region}/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}"
    key = check.signing_key(given.secret_access_key, moment[:8], given.region, "s3")
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={given.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return headers
