"""How long each part of a guest's standing took, for the log: who stands, stands for whom?

Both hosts keep one while a guest stands between them. It decides nothing.
"""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Laps:
    """Times since it was made, part by part."""

    last_at: float = field(default_factory=time.monotonic)
    began_at: float = field(default_factory=time.monotonic)
    took_ms: dict[str, int] = field(default_factory=dict[str, int])
    """By part, in the order in which they were done."""

    def lap(self, part: str) -> None:
        """Say that a part is done."""
        now = time.monotonic()
        self.took_ms[part] = round((now - self.last_at) * 1000)
        self.last_at = now

    @property
    def total_ms(self) -> int:
        """All of it so far."""
        return round((time.monotonic() - self.began_at) * 1000)
