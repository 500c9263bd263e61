"""How many files and connections this process may have open: 1024 is usual, and soon used up.

Called by daemons when they start. Not its business: who may take how many of them.
"""

import resource


def raise_limit(most: int | None = None) -> int:
    """Raise the limit as far as it goes, to `most` if given, and never lower it; return it."""
    now, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if most is None else max(now, min(hard, most))
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def limit() -> int:
    """Return how many there may be."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
