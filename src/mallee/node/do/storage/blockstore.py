"""The object store as agents use it: blocks got and put by their names, over S3.

A `Blockstore` speaks for one account, by passes that the cloud gives (`model.passes`). Threads may
share one; each call blocks, on a connection of its own that is kept for the next. What is got was
found to be what its name promises. Not its business: what the blocks are (`model.blocktrees`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from mallee.aws.signature import sending
from mallee.model.storage import blockobjects
from mallee.model.storage.blockobjects import PLAIN, Coder
from mallee.model.storage.passes import Pass
from mallee.node.do.storage import s3requests

_PAUSES_S = (0.1, 0.3, 1.0)
"""Before a request is made again, when the store says that it has too many of them."""
_LATER = (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)
_ABSENT = (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN)
"""Who may not list a bucket is not told either that something is not in it."""


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
        and raises `StoreAway` or `StoreRefused` when there is none. `coder` is that of blocks:
        pages and roots are kept as they are in any case."""
        self._access = access
        self.coder = coder
        self._connections = s3requests.Connections()

    def close(self) -> None:
        """Close all connections; those in use when they are done."""
        self._connections.close()

    def get(self, name: bytes) -> bytes:
        """Return a block. Raises `BlockMissing`, `StoreAway`, `StoreRefused`."""
        return self._get(name, self.coder)

    def get_page(self, name: bytes) -> bytes:
        """Return a page or a root. Raises `BlockMissing`, `StoreAway`, `StoreRefused`."""
        return self._get(name, PLAIN)

    def put(self, name: bytes, data: bytes) -> int:
        """Keep a block under its name; return how many bytes that took, 0 when it was there.

        Raises `StoreFull`, `StoreAway`, `StoreRefused`.
        """
        return self._put(name, self.coder.encode(data))

    def put_page(self, name: bytes, data: bytes) -> int:
        """Keep a page or a root, as `put` keeps a block."""
        return self._put(name, PLAIN.encode(data))

    def has(self, name: bytes) -> bool:
        """Tell whether there is anything of that name. Raises `StoreAway`, `StoreRefused`."""
        status, said = self._request("HEAD", name)
        if status in _ABSENT:
            return False
        _check(status, said)
        return True

    def fetch(self, name: bytes) -> bytes:
        """Return an object as it is kept, not verified; for `Coder.decode`. Raises as `get`."""
        status, kept = self._request("GET", name)
        if status in _ABSENT:
            raise BlockMissing(f"the block {name.hex()} is not in the object store")
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            # It found that the bytes are not those that it was given.
            raise BlockMissing(f"the block {name.hex()} cannot be read from the object store")
        _check(status, kept)
        return kept

    def _get(self, name: bytes, coder: Coder) -> bytes:
        kept = self.fetch(name)
        try:
            return coder.decode(name, kept)
        except blockobjects.NotATree as error:
            raise BlockMissing(f"the block {name.hex()} is damaged: {error}") from error

    def _put(self, name: bytes, kept: bytes) -> int:
        status, said = self._request("PUT", name, kept)
        if status == HTTPStatus.PRECONDITION_FAILED:
            return 0
        _check(status, said)
        return len(kept)

    def _request(self, method: str, name: bytes, body: bytes = b"") -> tuple[int, bytes]:
        access = self._access()
        given = access.given
        caller = sending.Caller(
            access.host,
            given.port,
            given.region,
            given.access_key_id,
            given.secret_access_key,
            given.token,
        )
        path = f"/{given.bucket}/{blockobjects.key_of(given.account, name)}"
        headers = {"if-none-match": "*"} if method == "PUT" else {}
        asked = sending.Request(method, path, body, headers)
        most = blockobjects.OBJECT_MAX_BYTES
        try:
            for pause_s in _PAUSES_S:
                answer = self._connections.exchange(caller, asked, most)
                if answer[0] != HTTPStatus.SERVICE_UNAVAILABLE:
                    return answer
                time.sleep(pause_s)
            return self._connections.exchange(caller, asked, most)
        except s3requests.FAILURES as error:
            where = f"{access.host}:{given.port}"
            raise StoreAway(f"the object store at {where} does not answer: {error!r}") from error


def _check(status: int, said: bytes) -> None:
    if status == HTTPStatus.OK:
        return
    words = said[:300].decode(errors="replace")
    if status == HTTPStatus.INSUFFICIENT_STORAGE:
        raise StoreFull("the object store has no room")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
        raise StoreAway(f"the object store answers {status}: {words}")
    raise StoreRefused(f"the object store answers {status}: {words}")
