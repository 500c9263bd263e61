"""Where connections go that are not this process's to serve: next door, or to one of its like.

A request for another service goes to the cloud's process; one on a connection too many goes to a
process of S3 that has fewer (`board`). Made by `daemon` for `server`. Not its business: how
connections change hands (`cloud.handover`).
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from mallee.cloud import handover
from mallee.cloud.s3.serving.board import Board


class Ways:
    """The ways out of one process. Belongs to its event loop."""

    def __init__(
        self, neighbour: handover.Neighbour, board: Board, number: int, doors: Sequence[Path]
    ) -> None:
        """Be the process of that number; the doors are those of all like it, by number."""
        self._out = handover.Passage(neighbour)
        self._board = board
        self._number = number
        own = doors[number]
        # Where nobody is, the connection comes back to us.
        ways = [handover.Neighbour((door, own), _everything, handover.AWAY) for door in doors]
        self._aside = [handover.Passage(one, is_in_turn=False) for one in ways]

    def note(self, connections: int) -> None:
        """Say how many connections this process has."""
        self._board.note(self._number, connections)

    def give(self, transport: asyncio.Transport, data: bytes) -> bool:
        """Give a connection away where that is due; tell whether it was."""
        return self._out.give(transport, data) or self._share(transport, data)

    def _share(self, transport: asyncio.Transport, data: bytes) -> bool:
        other = self._board.taker(self._number)
        if other is None or not self._aside[other].give(transport, data):
            return False
        self._board.give(other)
        return True


def _everything(_: bytes) -> bool:
    return True
