"""A disk whose large files and full packs lie in a bucket of another S3: of Ceph's, or any other's.

The index stays here, and so does a pack until it is full; so everything that an object promises is
kept here, whatever the other store can do: it must put, get ranges, list and delete. What arrives
is written here first and moved when it is whole. What is read comes through an unnamed file, in
pieces, so that the kernel can send it. Made by `opening`. Not its business: how the other store
keeps bytes. What lies there is verified like what lies here.
"""

# botocore makes its clients' methods as it runs: they have no types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mallee.walrus.disk import Disk
from mallee.walrus.errors import Gone, NoSpace, Unreachable
from mallee.walrus.places import Places

T = TypeVar("T")

TIMEOUT_S = 20.0
ATTEMPTS = 3
CONNECTIONS = 32
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_FULL = frozenset({"QuotaExceeded", "InsufficientStorage", "507"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the other store is, and as whom it is asked."""

    endpoint: str
    bucket: str
    region: str
    access_key_id: str
    secret_access_key: str


class Bucket:
    """A bucket of another S3. Raises `Unreachable`, `NoSpace`, `FileNotFoundError`."""

    def __init__(self, access: Access) -> None:
        self._name = access.bucket
        session: Any = botocore.session.get_session()
        self._client: Any = session.create_client(
            "s3",
            endpoint_url=access.endpoint,
            region_name=access.region,
            aws_access_key_id=access.access_key_id,
            aws_secret_access_key=access.secret_access_key,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=TIMEOUT_S,
                read_timeout=TIMEOUT_S,
                max_pool_connections=CONNECTIONS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def put(self, name: str, path: Path) -> None:
        """Store a file's bytes under a name."""
        with path.open("rb") as file:
            self._ask(lambda: self._client.put_object(Bucket=self._name, Key=name, Body=file))

    def size(self, name: str) -> int:
        """Return how many bytes lie under a name."""
        return self._ask(lambda: self._client.head_object(Bucket=self._name, Key=name))[
            "ContentLength"
        ]

    def get(self, name: str, start: int, end: int) -> bytes:
        """Return bytes from `start` up to `end`."""

        def get() -> bytes:
            found = self._client.get_object(
                Bucket=self._name, Key=name, Range=f"bytes={start}-{end - 1}"
            )
            return found["Body"].read()

        return self._ask(get)

    def remove(self, name: str) -> None:
        """Remove what lies under a name, if anything does."""
        self._ask(lambda: self._client.delete_object(Bucket=self._name, Key=name))

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin so."""
        asked: dict[str, Any] = {"Bucket": self._name, "Prefix": prefix}
        while True:
            page = self._ask(lambda asked=dict(asked): self._client.list_objects_v2(**asked))
            yield from (one["Key"] for one in page.get("Contents", ()))
            if not page.get("IsTruncated"):
                return
            asked["ContinuationToken"] = page["NextContinuationToken"]

    def _ask(self, do: Callable[[], T]) -> T:
        try:
            return do()
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _MISSING:
                raise FileNotFoundError(str(error)) from error
            if code in _FULL:
                raise NoSpace(f"the store of bytes is full: {error}") from error
            raise Unreachable(f"the store of bytes refuses: {error}") from error
        except (BotoCoreError, OSError) as error:
            raise Unreachable(f"the store of bytes does not answer: {error}") from error


@dataclass(slots=True)
class _Window:
    """A file that lies elsewhere, of which some pieces are here."""

    name: str
    size: int


class ForeignDisk(Disk):
    """The real disk for what is on its way, and a bucket for what has arrived."""

    def __init__(self, root: Path, bucket: Bucket) -> None:
        self._places = Places(root)
        self._bucket = bucket
        self._windows: dict[int, _Window] = {}
        self._gate = threading.Lock()

    def open(self, path: Path | str) -> int:
        with contextlib.suppress(FileNotFoundError):
            return super().open(path)
        name = self._name(Path(path))
        window = _Window(name, self._bucket.size(name))
        with tempfile.TemporaryFile(dir=self._places.root) as file:
            descriptor = os.dup(file.fileno())
        with self._gate:
            self._windows[descriptor] = window
        return descriptor

    def close(self, descriptor: int) -> None:
        with self._gate:
            self._windows.pop(descriptor, None)
        super().close(descriptor)

    def read_into(self, descriptor: int, buffer: memoryview, offset: int) -> int:
        window = self._windows.get(descriptor)
        if window is not None:
            end = min(offset + len(buffer), window.size)
            if offset >= end:
                return 0
            try:
                data = self._bucket.get(window.name, offset, end)
            except FileNotFoundError as error:
                # Removed since it was opened: an open file of the disk would still be there.
                raise Gone(int(window.name.rpartition("/")[2], 16)) from error
            super().write(descriptor, (data,), offset)
        return super().read_into(descriptor, buffer, offset)

    def read_at_hand(self, descriptor: int, buffer: memoryview, offset: int) -> bool:
        return descriptor not in self._windows and super().read_at_hand(descriptor, buffer, offset)

    def rename(self, old: Path, new: Path) -> None:
        """Move a file that is whole into the bucket."""
        self._bucket.put(self._name(new), old)
        super().unlink(old)

    def put_away(self, path: Path) -> None:
        """Move a full pack into the bucket."""
        if path.exists():
            self._bucket.put(self._name(path), path)
            super().unlink(path)

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        if path.is_relative_to(self._places.packs) or path.is_relative_to(self._places.files):
            self._bucket.remove(self._name(path))

    def ids(self, folder: Path) -> Iterator[int]:
        seen = set(super().ids(folder))
        yield from seen
        for name in self._bucket.names(self._name(folder) + "/"):
            id = int(name.rpartition("/")[2], 16)
            if id not in seen:
                yield id

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._places.root))
