"""Reading snapshots: which blocks they have, in which two of them differ, and one block's bytes.

Answers come from the tree in the object store (`model.blocktrees`): pages of zeros, and pages that
two snapshots have in common, are not opened. Called through `table`.
"""

import base64
import contextlib
import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mallee.aws import errors, paging
from mallee.cloud.action import Action, Serve
from mallee.cloud.blocks import stored
from mallee.cloud.call import Call, Request
from mallee.cloud.ebs import coders, exchange, tokens
from mallee.cloud.ebs.exchange import BLOCK_BYTES, PIECES, BlockCall, SnapshotRecord
from mallee.cloud.s3.exchange import Answer
from mallee.model.storage import blocktrees
from mallee.model.storage.blockobjects import Coder
from mallee.model.storage.blocktrees import HOLE, Load, Root
from mallee.model.storage.snapshots import NO_VOLUME, Content

PAGE_MAX = 10_000
OPENED_MAX = 2048
"""Pages of trees that one request opens: of a disk that has little here and there, a listing's page
ends early."""
_ZEROS = bytes(blocktrees.BLOCK_BYTES)


class _Enough(Exception):
    """As many pages were opened as one request may."""


@dataclass(frozen=True, slots=True)
class _Side:
    """A snapshot of a comparison."""

    record: SnapshotRecord
    content: Content


@dataclass(frozen=True, slots=True)
class _Page:
    """Part of a listing: what each block is before and after, and where to go on."""

    blocks: list[tuple[int, bool, bool]]
    following: int | None
    """None: at the end."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two trees that are compared."""

    former: Root
    latter: Root
    load: Load

    def has(self, index: int) -> tuple[bool, bool]:
        """Tell of both whether a block of EBS's is anything but zeros."""
        return self._in(self.former, index), self._in(self.latter, index)

    def _in(self, root: Root, index: int) -> bool:
        count = blocktrees.block_count(root.size_bytes)
        places = range(index * PIECES, min((index + 1) * PIECES, count))
        return any(blocktrees.block_name(root, at, self.load) != HOLE for at in places)


async def list_blocks(call: BlockCall, asked: Request) -> Answer:
    """List the blocks that are no zeros."""
    record = exchange.snapshot(call, asked["SnapshotId"])
    side = _Side(record, exchange.content_of(record))
    page = await _page(call, asked, None, side)
    expires_at = call.now + tokens.LIFE_S
    token = _tokens(call, side, expires_at)
    blocks = [{"BlockIndex": index, "BlockToken": token(index)} for index, _, _ in page.blocks]
    return Answer(result={"Blocks": blocks, **_told(call, asked, side, page)})


async def list_changed(call: BlockCall, asked: Request) -> Answer:
    """List the blocks in which the second of two snapshots of a volume differs from the first."""
    second = exchange.snapshot(call, asked["SecondSnapshotId"])
    after = _Side(second, exchange.content_of(second))
    before = None
    if (id := asked.get("FirstSnapshotId")) is not None:
        first = exchange.snapshot(call, id)
        before = _Side(first, exchange.content_of(first))
        _check_related(before, after)
    page = await _page(call, asked, before, after)
    expires_at = call.now + tokens.LIFE_S
    token = _tokens(call, after, expires_at)
    former = _tokens(call, before, expires_at) if before else token
    blocks: list[dict[str, object]] = []
    for index, had, has in page.blocks:
        block: dict[str, object] = {"BlockIndex": index}
        if had:
            block["FirstBlockToken"] = former(index)
        if has:
            block["SecondBlockToken"] = token(index)
        blocks.append(block)
    return Answer(result={"ChangedBlocks": blocks, **_told(call, asked, after, page)})


def _check_related(before: _Side, after: _Side) -> None:
    """Raise for snapshots of two volumes; what was copied or written may be of any."""
    volumes = {side.record.doc.volume_id for side in (before, after)} - {NO_VOLUME}
    if len(volumes) > 1 or before.content.key_id != after.content.key_id:
        raise errors.ebs.UnrelatedSnapshots


async def _page(call: BlockCall, asked: Request, before: _Side | None, after: _Side) -> _Page:
    size: int = asked.get("MaxResults", PAGE_MAX)
    first = _first(call, asked)

    def look() -> _Page:
        latter = call.trees.root(after.content)
        former = call.trees.root(before.content) if before else blocktrees.empty(latter.size_bytes)
        accounts = (after, before) if before else (after,)
        loads = [call.trees.load(side.content.account) for side in accounts]
        return _collect(_Pair(former, latter, _either(loads)), first, size)

    try:
        return await call.in_thread(look)
    except exchange.UNREADABLE as error:
        raise errors.ebs.InternalServerException from error


def _either(loads: Sequence[Load]) -> Load:
    """Return what loads a page of one of two trees, which may be two accounts'."""

    def load(name: bytes) -> bytes:
        for one in loads[:-1]:
            with contextlib.suppress(stored.Missing):
                return one(name)
        return loads[-1](name)

    return load


def _first(call: BlockCall, asked: Request) -> int:
    """Return the block at which a listing begins, or goes on."""
    token: str | None = asked.get("NextToken")
    if token is None:
        return asked.get("StartingBlockIndex", 0)
    try:
        keys = call.box.derived(b"paging")
        return int(paging.decode(keys, _question(call, asked), token))
    except errors.InvalidNextToken as error:
        raise errors.ebs.InvalidPageToken from error


def _question(call: Call, asked: Request) -> paging.Question:
    return paging.Question(call.account, f"ebs:{call.action}", asked)


def _collect(pair: _Pair, first: int, size: int) -> _Page:
    """Return a page of EBS's blocks, each of several of the tree's."""
    found: dict[int, None] = {}
    following: int | None = None
    walk = blocktrees.changed(pair.former, pair.latter, _counted(pair.load), first * PIECES)
    try:
        for at, _, _ in walk:
            index = at // PIECES
            if index not in found and len(found) == size:
                following = index
                break
            found[index] = None
    except _Enough:
        # A page of the tree has whole blocks: the next one begins where this ended.
        per_page = blocktrees.PAGE_BLOCKS // PIECES
        following = (next(reversed(found), first) // per_page + 1) * per_page
    return _Page([(index, *pair.has(index)) for index in found], following)


def _counted(load: Load) -> Load:
    """Return what loads so many pages and no more."""
    left = itertools.count(1)

    def opened(name: bytes) -> bytes:
        if next(left) > OPENED_MAX:
            raise _Enough
        return load(name)

    return opened


def _told(call: BlockCall, asked: Request, side: _Side, page: _Page) -> Mapping[str, object]:
    told: dict[str, object] = {
        "ExpiryTime": call.now + tokens.LIFE_S,
        "VolumeSize": side.record.doc.size_gib,
        "BlockSize": BLOCK_BYTES,
    }
    if page.following is not None:
        keys = call.box.derived(b"paging")
        told["NextToken"] = paging.encode(keys, _question(call, asked), str(page.following))
    return told


def _tokens(call: BlockCall, side: _Side, expires_at: float) -> Callable[[int], str]:
    key = call.box.derived(tokens.PURPOSE)[0]

    def token(index: int) -> str:
        return tokens.encode(key, _place(side, index), expires_at)

    return token


def _place(side: _Side, index: int) -> tokens.Place:
    return tokens.Place(side.record.id, side.content.root, index)


async def get_block(call: BlockCall, asked: Request) -> Answer:
    """Send one block's bytes, with their checksum."""
    record = exchange.snapshot(call, asked["SnapshotId"])
    side = _Side(record, exchange.content_of(record))
    index: int = asked["BlockIndex"]
    exchange.check_index(record, index)
    keys = call.box.derived(tokens.PURPOSE)
    tokens.check(keys, _place(side, index), asked["BlockToken"], call.now)
    coder = coders.of_snapshot(call, record)

    def read() -> tuple[bytes, str]:
        root = call.trees.root(side.content)
        load = call.trees.load(side.content.account)
        pieces: list[bytes] = []
        for at in range(index * PIECES, (index + 1) * PIECES):
            name = blocktrees.block_name(root, at, load)
            pieces.append(_ZEROS if name == HOLE else _block(call, side.content, coder, name))
        data = b"".join(pieces)
        return data, base64.b64encode(hashlib.sha256(data).digest()).decode()

    try:
        data, checksum = await call.in_thread(read)
    except exchange.UNREADABLE as error:
        raise errors.ebs.InternalServerException from error
    result = {"DataLength": len(data), "Checksum": checksum, "ChecksumAlgorithm": "SHA256"}
    return Answer(result=result, payload=data)


def _block(call: BlockCall, content: Content, coder: Coder, name: bytes) -> bytes:
    return coder.decode(name, stored.get(call.engine.reader, content.account, name))


def _of_snapshot(call: Call, asked: Request) -> tuple[str, ...]:
    return (exchange.snapshot_arn(call, asked),)


def _of_both(call: Call, asked: Request) -> tuple[str, ...]:
    members = [name for name in ("SecondSnapshotId", "FirstSnapshotId") if name in asked]
    return tuple(exchange.snapshot_arn(call, asked, name) for name in members)


_LISTING = frozenset({"MaxResults", "NextToken", "StartingBlockIndex"})

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ebs",
        name="ListSnapshotBlocks",
        does=Serve(handle=list_blocks, changes=False),
        honours=_LISTING | {"SnapshotId"},
        resources=_of_snapshot,
    ),
    Action(
        service="ebs",
        name="ListChangedBlocks",
        does=Serve(handle=list_changed, changes=False),
        honours=_LISTING | {"FirstSnapshotId", "SecondSnapshotId"},
        resources=_of_both,
    ),
    Action(
        service="ebs",
        name="GetSnapshotBlock",
        does=Serve(handle=get_block, changes=False),
        honours=frozenset({"BlockIndex", "BlockToken", "SnapshotId"}),
        resources=_of_snapshot,
        uses_keys=coders.uses,
    ),
)
