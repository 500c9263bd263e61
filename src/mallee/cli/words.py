"""How the command speaks: data to standard output, everything else to standard error.

A message is one line without a full stop; a trouble has its cause and, on a line of its own, what
to do about it. Readable without colour.

Invariant: `rich` is imported when something is first drawn: data for a program needs none of it.
"""

import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from mallee.box import steps

if TYPE_CHECKING:
    from rich.console import Console

_VISIBLE = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"
}
"""Characters that would steer a terminal: what strangers named their things may have them."""


@cache
def out() -> "Console":
    """Return standard output, to draw on."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


@cache
def err() -> "Console":
    """Return standard error, to draw on."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def tell(text: str) -> None:
    """Say something about what is going on."""
    print(visible(text), file=sys.stderr)


def complain(trouble: steps.Failed) -> None:
    """Say what is wrong and what would help."""
    err().print(f"[bold red]error:[/] {plain(trouble.cause)}")
    if trouble.cure:
        err().print(f"[bold]cure:[/]  {plain(trouble.cure)}")


def give(text: str) -> None:
    """Give data: what another program may read. A terminal is not steered by it."""
    sys.stdout.write((visible(text) if sys.stdout.isatty() else text) + "\n")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Give a table; columns of tabs where nobody looks at it."""
    listed = list(rows)
    if not sys.stdout.isatty():
        for row in listed:
            give("\t".join(row))
        return
    from rich.table import Table

    drawn = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in listed:
        drawn.add_row(*map(plain, row))
    out().print(drawn)


def plain(text: str) -> str:
    """Return the text safe from being read as markup, or as a terminal's commands."""
    return visible(text).replace("[", "\\[")


def visible(text: str) -> str:
    """Return the text with its control characters, but tabs and ends of lines, written out."""
    return text.translate(_VISIBLE)
