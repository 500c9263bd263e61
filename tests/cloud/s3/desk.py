"""S3's handlers without sockets and signatures: decoded requests in, results and bytes out."""

import json
import os
from collections.abc import Callable, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, cast

from mallee.aws import checksums, errors
from mallee.cloud import http, parameters
from mallee.cloud.action import Action, Read, Serve, Write
from mallee.cloud.call import Principal, WriteCall
from mallee.cloud.s3 import exchange, table
from mallee.cloud.s3.exchange import T
from mallee.cloud.s3.objects import sight
from mallee.cloud.s3.serving.bodies import ObjectBody, Said
from mallee.cloud.state import store
from mallee.kit import secretbox
from mallee.model.configuration import settings
from mallee.walrus.engine import Engine
from tests.cloud.clouds import ACCOUNT
from tests.handclock import HandClock

ROWS: Mapping[str, Action] = {row.name: row for row in table.ROWS}
BOX = secretbox.SecretBox(b"k" * secretbox.KEY_BYTES)


def user(account: str = ACCOUNT) -> Principal:
    """A user of an account."""
    return Principal(
        account=account,
        user_id="AIDATEST",
        user_name="test",
        arn=f"arn:aws:iam::{account}:user/test",
        access_key_id="AKIATEST",
        is_cloud_admin=False,
    )


class _Once:
    """A body that has come already."""

    def __init__(self, data: bytes) -> None:
        self._pieces = [data[at : at + 70_000] for at in range(0, len(data), 70_000)]

    async def proceed(self) -> None:
        """Nobody waits."""

    async def read(self) -> bytes:
        """Return the next piece."""
        return self._pieces.pop(0) if self._pieces else b""


@dataclass(frozen=True)
class Got:
    """What a handler answered, its stored bytes read."""

    result: Mapping[str, Any]
    status: int
    body: bytes

    def __getitem__(self, member: str) -> Any:
        return self.result[member]

    def get(self, member: str) -> Any:
        """Return a member, or None."""
        return self.result.get(member)


@dataclass
class Desk:
    """Handlers over a store and an engine."""

    store: store.Store
    engine: Engine
    clock: HandClock
    threads: futures.Executor
    who: Principal = field(default_factory=user)
    forbidden: set[str] = field(default_factory=set[str])
    """Permissions that `may` and the key store refuse."""
    seen: sight.Sight | None = None
    """What all requests see; None: each sees anew."""
    keys_used: list[tuple[str, Mapping[str, object]]] = field(
        default_factory=list[tuple[str, Mapping[str, object]]]
    )
    """What was asked of the key store."""

    async def ask(self, operation: str, body: bytes = b"", **asked: Any) -> Got:
        """Do an operation as the pipeline does when the caller may."""
        row = ROWS[operation]
        parameters.refuse_ignored(row, asked)
        assert row.needs is not None
        call = self._call(operation, asked, body)
        list(row.needs(call, asked))
        does = row.does
        if isinstance(does, Serve):
            answer = await does.handle(call, asked)
            return await self._read(answer)
        if isinstance(does, Read):
            return Got(does.handle(call, asked), 0, b"")
        assert isinstance(does, Write)
        handle = does.handle
        return Got(await self.store.run(lambda tx: handle(self._writer(tx), asked)), 0, b"")

    async def put(self, key: str, data: bytes, bucket: str = "bbb", **more: Any) -> Got:
        """Store an object."""
        return await self.ask("PutObject", data, Bucket=bucket, Key=key, **more)

    async def policy(self, bucket: str, *statements: Mapping[str, Any]) -> None:
        """Give a bucket a policy of these statements."""
        document = {"Version": "2012-10-17", "Statement": statements}
        await self.ask("PutBucketPolicy", Bucket=bucket, Policy=json.dumps(document))

    async def get(self, key: str, bucket: str = "bbb", **more: Any) -> Got:
        """Read an object."""
        return await self.ask("GetObject", Bucket=bucket, Key=key, **more)

    def _use_key(self, operation: str, asked: Mapping[str, object], work: Callable[[], T], /) -> T:
        self.keys_used.append((operation, asked))
        if f"kms:{operation}" in self.forbidden:
            raise errors.s3.AccessDenied()
        try:
            return work()
        except errors.AwsError as error:
            raise errors.s3.of_key_store(error) or error from error

    def _call(self, action: str, asked: Mapping[str, Any], body: bytes) -> exchange.ObjectCall:
        key: str = asked.get("Key") or ""
        said = Said(size=len(body), given=checksums.given(asked))
        return exchange.ObjectCall(
            principal=self.who,
            action=action,
            request_id="r",
            now=self.clock.now(),
            settings=settings.Settings(),
            view=self.store.view,
            engine=self.engine,
            store=self.store,
            head=http.Request(method="", path="", query="", headers={}, body=b"", peer=""),
            bucket=asked.get("Bucket") or "",
            key=key.encode(),
            body=ObjectBody(_Once(body), said, self.threads),
            box=BOX,
            may=lambda permission, _arn, _version=None: permission not in self.forbidden,
            sight=self.seen or sight.Sight(self.engine.reader),
            threads=self.threads,
            use_key=self._use_key,
        )

    def _writer(self, tx: store.Tx) -> WriteCall:
        return WriteCall(
            principal=self.who,
            action="",
            request_id="r",
            now=self.clock.now(),
            settings=settings.Settings(),
            view=cast(store.View, tx),
            tx=tx,
            entropy=os.urandom,
            box=BOX,
        )

    async def _read(self, answer: exchange.Answer) -> Got:
        data = b""
        if isinstance(answer.payload, exchange.Stored):
            stored = answer.payload
            data = self.engine.reader.read(stored.parts, stored.start, stored.end)
        elif isinstance(answer.payload, exchange.Made):
            data = b"".join([piece async for piece in answer.payload.pieces])
        elif answer.payload is not None:
            data = answer.payload
        return Got(answer.result, answer.status, data)
