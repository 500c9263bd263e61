"""Run by `test_kill.py`: writes as fast as it can, and says on standard output what it was told.

For each line on standard input, the URL of a store and a number, a writer is forked, which begins
with that transaction: to import what it needs costs more than all that it does before it is killed.
It says its process id, then the number of each transaction that was acknowledged; when it has
ended, `ENDED` follows. Transaction N makes a VPC and an instance of that number, takes two claims,
and deletes what N-10 had made.
"""

import asyncio
import functools
import itertools
import os
import sys

from mallee.cloud.state import postgresql, records, store
from mallee.kit import clock
from tests.cloud.state import samples

ENDED = "ended"
IMPORTED = (postgresql,)
"""What a store imports when it is opened."""


def write(tx: store.Tx, number: int) -> None:
    samples.insert(tx, f"vpc-{number}")
    samples.insert_instance(tx, f"i-{number}")
    tx.claim("numbers", str(number), f"i-{number}")
    tx.claim("shares", f"i-{number}", f"i-{number}", 2)
    old = number - 10
    vpc, instance = tx.get(records.VPC, f"vpc-{old}"), tx.get(records.INSTANCE, f"i-{old}")
    if vpc is not None and instance is not None:
        tx.delete(vpc)
        tx.delete(instance)
        tx.release_owner(f"i-{old}")


async def main(url: str, first: int) -> None:
    opened = store.Store.open(url, clock=clock.SYSTEM)
    numbers = itertools.count(first)

    async def work() -> None:
        while True:
            number = next(numbers)
            await opened.run(functools.partial(write, number=number))
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()

    await asyncio.gather(*(work() for _ in range(4)))


def serve() -> None:
    """Fork writers, one after the other."""
    for line in sys.stdin:
        url, first = line.split()
        if os.fork() == 0:
            print(os.getpid(), flush=True)
            asyncio.run(main(url, int(first)))
        os.wait()
        print(ENDED, flush=True)


if __name__ == "__main__":
    serve()
