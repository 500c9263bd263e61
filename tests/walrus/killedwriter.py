"""Puts objects from several threads until it is killed; prints each when it is acknowledged.

Run by `test_kill`: `python -m tests.walrus.killedwriter ROOT NUMBER`.
"""

import hashlib
import os
import random
import sys
import threading
from pathlib import Path

from mallee.walrus.engine import Engine
from tests.walrus import stores

THREADS = 4
SIZES = (0, 300, 4096, 140_000)


def main() -> None:
    """Write for ever."""
    engine = Engine(Path(sys.argv[1]))
    for number in range(THREADS):
        threading.Thread(target=_write, args=(engine, f"{sys.argv[2]}/{number}")).start()


def _write(engine: Engine, prefix: str) -> None:
    chance = random.Random(prefix)
    count = 0
    while True:
        count += 1
        data = chance.randbytes(chance.choice(SIZES))
        key = f"{prefix}/{count}"
        stores.put(engine, key.encode(), data)
        # Replaced at once, so that garbage is collected too while the kill comes.
        stores.put(engine, f"{prefix}/again".encode(), data)
        os.write(1, f"{key} {hashlib.sha256(data).hexdigest()}\n".encode())


if __name__ == "__main__":
    main()
