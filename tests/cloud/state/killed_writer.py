"""Run by `test_kill.py`: writes as fast as it can, and says on standard output what it was told.

Each line is the number of a transaction that was acknowledged; transaction N makes a VPC and an
instance of that number, takes two claims, and deletes what N-10 had made.
"""

import asyncio
import functools
import itertools
import sys

from mallee.cloud.state import records, store
from mallee.kit import clock
from tests.cloud.state import samples


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


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
