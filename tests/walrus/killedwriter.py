"""Puts, removes and uploads objects from several threads until it is killed; prints each change.

What was acknowledged is printed as `KEY SHA256`, or `KEY -` where it was removed. Packs are small:
they are compacted meanwhile. Run by `test_kill`: `python -m tests.walrus.killedwriter ROOT
NUMBER`.
"""

import hashlib
import os
import random
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from mallee.walrus import packs
from mallee.walrus.engine import Engine
from mallee.walrus.records import NULL, Blob, Upload, UploadPart, Version
from mallee.walrus.tx import Tx
from tests.walrus import stores

THREADS = 4
SIZES = (0, 300, 4096, 140_000)
PACK_MAX = 100_000


def main() -> None:
    """Write for ever."""
    packs.PACK_MAX = PACK_MAX
    engine = Engine(Path(sys.argv[1]))
    for number in range(THREADS):
        threading.Thread(target=_write, args=(engine, f"{sys.argv[2]}/{number}")).start()
    threading.Thread(target=_tidy, args=(engine,)).start()


def _write(engine: Engine, prefix: str) -> None:
    chance = random.Random(prefix)
    count = 0
    while True:
        count += 1
        data = chance.randbytes(chance.choice(SIZES))
        key = f"{prefix}/{count}"
        if count % 4:
            stores.put(engine, key.encode(), data)
        else:
            _upload(engine, key, data)
        # Replaced at once, so that garbage is collected too while the kill comes.
        stores.put(engine, f"{prefix}/again".encode(), data)
        _tell(key, hashlib.sha256(data).hexdigest())
        if count % 3 == 0:
            gone = f"{prefix}/{count - 1}"
            # From here on it may be gone, acknowledged or not.
            _tell(gone, "?")
            stores.remove(engine, gone.encode())
            _tell(gone, "-")


def _upload(engine: Engine, key: str, data: bytes) -> None:
    upload = Upload(id=key, key=key.encode(), started_ms=0)
    engine.commit(lambda tx, _: tx.begin_upload(stores.BUCKET, upload)).result()
    receiver = engine.receive()
    receiver.write(data)

    def keep(tx: Tx, blobs: Sequence[Blob]) -> None:
        parts = tuple(tx.keep(blob) for blob in blobs)
        part = UploadPart(number=1, size=len(data), etag="", modified_ms=0, parts=parts)
        tx.put_part(stores.BUCKET, key, part)

    def complete(tx: Tx, _: Sequence[Blob]) -> None:
        [part] = tx.upload_parts(key)
        version = Version(id=NULL, modified_ms=0, size=part.size, parts=part.parts)
        tx.add(stores.BUCKET, upload.key, version)
        tx.end_upload(stores.BUCKET, upload.key, key)

    engine.commit(keep, [receiver.finish()]).result()
    engine.commit(complete).result()


def _tidy(engine: Engine) -> None:
    while True:
        engine.collect()


def _tell(key: str, what: str) -> None:
    os.write(1, f"{key} {what}\n".encode())


if __name__ == "__main__":
    main()
