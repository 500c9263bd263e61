"""Makes snapshots that have content, which no host was asked for."""

from collections.abc import Callable

Add = Callable[..., str]
"""Makes one, of the account of that name, with what is said of it; returns its id."""
