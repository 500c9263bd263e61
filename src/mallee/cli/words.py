"""How the command speaks: data to standard output, everything else to standard error.

A message is one line without a full stop; a trouble has its cause and, on a line of its own, what
to do about it. Readable without colour.
"""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from mallee.box import steps

_VISIBLE = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"
}
"""Characters that would steer a terminal: what strangers named their things may have them."""

OUT = Console(highlight=False, soft_wrap=True)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)


def tell(text: str) -> None:
    """Say something about what is going on."""
    ERR.print(visible(text), markup=False)


def complain(trouble: steps.Failed) -> None:
    """Say what is wrong and what would help."""
    ERR.print(f"[bold red]error:[/] {plain(trouble.cause)}")
    if trouble.cure:
        ERR.print(f"[bold]cure:[/]  {plain(trouble.cure)}")


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
    drawn = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in listed:
        drawn.add_row(*map(plain, row))
    OUT.print(drawn)


def plain(text: str) -> str:
    """Return the text safe from being read as markup, or as a terminal's commands."""
    return visible(text).replace("[", "\\[")


def visible(text: str) -> str:
    """Return the text with its control characters, but tabs and ends of lines, written out."""
    return text.translate(_VISIBLE)
