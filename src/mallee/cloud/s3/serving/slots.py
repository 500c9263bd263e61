"""How many large bodies may come in at once: each holds memory for as long as its sender takes.

Beyond the bound a sender is told to slow down, as S3 does; no account may have so many that nothing
is left for others. Called by the pipeline, before a body is read. Not its business: small bodies,
and answers, which hold none.
"""

from collections import Counter
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from mallee.aws import errors

LARGE_BYTES = 256 << 10
"""Bodies up to this size are not counted."""
UNKNOWN = 1 << 40
"""The size of a body that comes in a form."""
BODIES_MAX = 256
"""Each holds less than a MiB."""
OF_ACCOUNT_MAX = 128

_NEEDLESS = nullcontext()
"""Held by small bodies, all of them."""


@dataclass(slots=True)
class Slots:
    """The bodies that are coming in. Belongs to the event loop's thread."""

    taken: Counter[str] = field(default_factory=Counter[str])
    """By account; strangers are one."""
    most: int = BODIES_MAX
    of_account: int = OF_ACCOUNT_MAX

    def held(self, account: str, size: int) -> AbstractContextManager[None]:
        """Hold a slot while a body of that size is dealt with; raise `SlowDown` without one."""
        return _NEEDLESS if size <= LARGE_BYTES else self._held(account)

    @contextmanager
    def _held(self, account: str) -> Generator[None]:
        if self.taken.total() >= self.most or self.taken[account] >= self.of_account:
            raise errors.s3.SlowDown
        self.taken[account] += 1
        try:
            yield
        finally:
            self.taken[account] -= 1
            if not self.taken[account]:
                del self.taken[account]


def shared_by(processes: int) -> Slots:
    """Return the slots of one of so many processes, which have them all together."""
    return Slots(most=BODIES_MAX // processes, of_account=OF_ACCOUNT_MAX // processes)
