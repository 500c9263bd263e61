"""A seat: what the process that leads, and those that serve for it, tell each other in memory.

Until when the lease holds is written by the one and read by the others before whatever they do;
that they are well is written by the others and read by the one. Both are seconds of this machine's
monotonic clock, eight bytes each that are written at once. Called by `leading` and by S3's
processes. Not its business: what follows from it.
"""

import mmap
import os

_BYTES = 16


class Seat:
    """The memory that they share, by a descriptor that is inherited."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Make it, or open one that was inherited."""
        if descriptor is None:
            descriptor = os.memfd_create("seat")
            os.ftruncate(descriptor, _BYTES)
        self.descriptor = descriptor
        self._words = memoryview(mmap.mmap(descriptor, _BYTES)).cast("d")

    @property
    def held_until(self) -> float:
        """Until when the lease holds; 0: it does not."""
        return self._words[0]

    @held_until.setter
    def held_until(self, until: float) -> None:
        self._words[0] = until

    @property
    def well_at(self) -> float:
        """When who serves was well; 0: it has not begun."""
        return self._words[1]

    @well_at.setter
    def well_at(self, at: float) -> None:
        self._words[1] = at
