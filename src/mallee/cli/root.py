"""The option that every command has: under which root directory the cloud lies."""

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

DEFAULT = layout.DEFAULT_ROOT
