"""What parameters of commands have in common: under which root directory the cloud lies, and that
`-` is standard input."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mallee.model import layout

Root = Annotated[
    Path,
    Parameter(
        name="--root",
        env_var="MALLEE_ROOT",
        help="The cloud's root directory.",
        show_default=True,
    ),
]
"""A keyword-only parameter of this type is the option `--root DIR`."""

Word = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""A positional parameter that may be `-`: standard input."""
Document = Annotated[Path, Parameter(allow_leading_hyphen=True)]
"""The same, of a file."""

DEFAULT = layout.DEFAULT_ROOT
